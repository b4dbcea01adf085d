// One unary call with a key: whether its method runs, and what its caller gets. Knows no gRPC library.

import type { OncedClient } from '../client.ts';
import { deriveKey } from '../fingerprint/derive-key.ts';
import { fingerprintJsonText, type Fingerprint } from '../fingerprint/fingerprint.ts';
import { inTime } from '../work/in-time.ts';
import { openRun, type OpenRun } from '../work/open-run.ts';
import type { WorkContext } from '../work/perform.ts';
import { StoredValue } from '../work/values.ts';
import { IntentFailedError, RetryableError, UnknownOutcomeError } from '../work/work-errors.ts';
import type { RpcSettings } from './options.ts';
import { refusal, refused, type RefusalReason } from './refusal.ts';
import { keptStatus, restoredStatus, retryAfterMsOf, storedStatus, type RpcStatus } from './rpc-status.ts';

const RESPONSE_TYPE = 'application/grpc+proto';
const KEY_BYTES_MAX = 255;
const LABEL_CHARACTERS_MAX = 256;

export interface RpcCall<Call> {
  readonly call: Call;
  /** `/package.Service/Method` */
  readonly method: string;
  /** Of the metadata, one for each time that it was sent. */
  readonly keys: readonly string[];
  /** JSON text of the request. */
  readonly requestJson: () => string;
  /** Ends the waiting for somebody else's outcome. */
  readonly signal: AbortSignal;
}

export type RpcOutcome =
  { readonly kind: 'response'; readonly bytes: Uint8Array } | { readonly kind: 'status'; readonly status: RpcStatus };

/** `own`: what this caller's own method ended with. `cut`: the same, but for what cannot be kept. */
export type RpcAnswer = RpcOutcome & { readonly source: 'own' | 'cut' | 'replay' | 'refusal' };

/** Whether the method runs under a key at all. */
export function isKeyed<Call>(
  { method, keys }: Pick<RpcCall<Call>, 'method' | 'keys'>,
  settings: RpcSettings<Call>,
): boolean {
  const need = settings.need(method);
  return need === 'required' || (need === 'optional' && keys.length > 0);
}

export async function callOnce<Call>(
  client: OncedClient,
  asked: RpcCall<Call>,
  perform: (context: WorkContext) => Promise<RpcOutcome>,
  settings: RpcSettings<Call>,
): Promise<RpcAnswer> {
  const placed = await placeOf(asked, settings);
  if (typeof placed === 'string') return refusedWith(placed);
  const [own = ''] = asked.keys;
  try {
    const run = await openRun<unknown>(client, placed, {
      labels: { 'grpc.key': own, 'grpc.method': asked.method.slice(0, LABEL_CHARACTERS_MAX) },
      ...settings.run,
      fingerprints: [placed.fingerprint],
      signal: asked.signal,
    });
    if (run.kind === 'closed') return replayed(run.result);
    return await record(run, await perform(run.context), settings);
  } catch (error) {
    const stored = error instanceof IntentFailedError ? restoredStatus(error.error) : undefined;
    if (stored !== undefined) return { kind: 'status', status: stored, source: 'replay' };
    return { kind: 'status', status: refusal(error), source: 'refusal' };
  }
}

async function placeOf<Call>(
  { call, method, keys, requestJson }: RpcCall<Call>,
  settings: RpcSettings<Call>,
): Promise<RefusalReason | { readonly namespace: string; readonly key: string; readonly fingerprint: Fingerprint }> {
  const [own, ...others] = keys;
  if (own === undefined) return 'KEY_MISSING';
  const scope = await scopeOf(call, settings);
  if (scope === undefined || scope === '') return 'UNAUTHENTICATED';
  if (others.length > 0 || Buffer.byteLength(own) > KEY_BYTES_MAX || own.trim() === '') return 'KEY_MALFORMED';
  try {
    const fingerprint = rpcFingerprint(method, requestJson(), settings.exclude);
    return { namespace: settings.namespace, key: deriveKey(own, scope), fingerprint };
  } catch {
    return 'NO_FINGERPRINT';
  }
}

/** What a key of a call stands for: its method and its request, as protobuf's JSON. */
export function rpcFingerprint(method: string, requestJson: string, exclude: readonly string[]): Fingerprint {
  const envelope = `{"method":${JSON.stringify(method)},"request":${requestJson}}`;
  return fingerprintJsonText(envelope, { exclude: exclude.map((pointer) => `/request${pointer}`) });
}

/** Who cannot be told is nobody. */
async function scopeOf<Call>(call: Call, settings: RpcSettings<Call>): Promise<string | undefined> {
  try {
    return await settings.scope(call);
  } catch {
    return undefined;
  }
}

const refusedWith = (reason: RefusalReason): RpcAnswer => ({
  kind: 'status',
  status: refused(reason),
  source: 'refusal',
});

function replayed({ value, contentType }: { readonly value: unknown; readonly contentType: string }): RpcAnswer {
  if (!(value instanceof Uint8Array) || contentType !== RESPONSE_TYPE) return refusedWith('REFUSED');
  return { kind: 'response', bytes: value, source: 'replay' };
}

async function record<Call>(
  run: OpenRun<unknown>,
  outcome: RpcOutcome,
  settings: RpcSettings<Call>,
): Promise<RpcAnswer> {
  const own = { ...outcome, source: 'own' } as const;
  if (outcome.kind === 'response') {
    await inTime(run.complete(new StoredValue(outcome.bytes, RESPONSE_TYPE)));
    return own;
  }
  const { status } = outcome;
  switch (settings.verdict(status.code)) {
    case 'store': {
      const kept = keptStatus(status);
      await inTime(run.fail(storedStatus(kept))).catch((error: unknown) => {
        if (!(error instanceof IntentFailedError)) throw error;
      });
      return kept === status ? own : { kind: 'status', status: kept, source: 'cut' };
    }
    case 'release': {
      const retryAfterMs = retryAfterMsOf(status);
      const error = new RetryableError(status.message, retryAfterMs === undefined ? {} : { retryAfterMs });
      await inTime(run.fail(error)).catch(() => {});
      return own;
    }
    case 'hold':
      await inTime(run.fail(new UnknownOutcomeError(status.message))).catch(() => {});
      return own;
  }
}
