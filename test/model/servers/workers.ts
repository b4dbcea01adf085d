// Who works: does a side effect once it is told to, crashes, repeats, is late; and who reconciles what they left.

import { create, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import {
  BeginIntentRequestSchema,
  CheckpointRequestSchema,
  ClaimOrphansRequestSchema,
  CompleteRequestSchema,
  FailKind,
  FailRequestSchema,
  RenewRequestSchema,
  type Acquired,
  type BeginIntentResponse,
  type CheckpointResponse,
  type ClaimOrphansResponse,
  type CompleteResponse,
  type RenewResponse,
} from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { idempotencyOperations } from '../../../server/operations.ts';
import type { Random } from '../random.ts';
import { broken, granted, type Grant, type KeyStory } from './judge.ts';
import type { Answered, Place, Server, Turns } from './place.ts';

export interface Stage {
  readonly random: Random;
  readonly turns: Turns;
  readonly place: Place;
  readonly namespace: string;
  readonly stories: readonly KeyStory[];
  readonly isHold: boolean;
  readonly hasFingerprints: boolean;
  readonly leaseMs: number;
  /** Keys of which a conflict is listed. */
  readonly conflicts: () => Promise<readonly string[]>;
  readonly trace: (() => string)[];
  isHealed: boolean;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const TRIES_MAX = 25;
/** A server that has its store back for so many steps has noticed. */
const STEPS_TO_NOTICE = 200;

type Rpc = 'beginIntent' | 'complete' | 'fail' | 'renew' | 'checkpoint' | 'lookup' | 'claimOrphans';

export async function ask(
  stage: Stage,
  server: Server,
  rpc: Rpc,
  request: Parameters<Server['ask']>[2],
): Promise<Answered> {
  const { random } = stage;
  const label = `${server.name}.${rpc}`;
  note(stage, `> ${label}`, request);
  const answer = await server.ask(rpc, idempotencyOperations[rpc], request);
  note(stage, `< ${label}`, request, answer);
  return !stage.isHealed && random.chance(0.05) ? undefined : answer;
}

/** Into what is told of a history that broke a promise. */
export function note(
  { turns, trace }: Pick<Stage, 'turns' | 'trace'>,
  what: string,
  ...values: readonly unknown[]
): void {
  const at = `${turns.steps} ${Date.now() % 1e6}`;
  trace.push(() => [at, what, ...values.map(briefly)].join(' '));
}

const briefly = (value: unknown): string =>
  JSON.stringify(value, (name, inner: unknown) => {
    if (name.startsWith('$') || name === 'namespace' || name.endsWith('Time')) return undefined;
    if (typeof inner === 'bigint') return String(inner);
    if (inner === '' || (Array.isArray(inner) && inner.length === 0)) return undefined;
    return inner;
  }) ?? 'lost';

export const fingerprintsOf = (
  { hasFingerprints }: Stage,
  digest: string,
): MessageInitShape<typeof BeginIntentRequestSchema> =>
  hasFingerprints ? { fingerprints: [{ scheme: 'raw-sha256-v1', digest: bytes(digest) }] } : {};

export async function work(stage: Stage, story: KeyStory): Promise<void> {
  const { random, place } = stage;
  const attemptId = random.hex(8);
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const server = random.pick(place.servers);
    const outcome = await begin(stage, story, server, attemptId);
    if (outcome === 'again') {
      await stage.turns.pause();
      if (random.chance(0.9)) continue;
      return;
    }
    if (outcome?.case !== 'acquired') return;
    const { value: lease } = outcome;
    await hold(stage, story, noteGrant(stage, story, server, attemptId, lease), lease.leaseToken);
    return;
  }
}

/** Undefined: refused for good. */
async function begin(
  stage: Stage,
  story: KeyStory,
  server: Server,
  attemptId: string,
): Promise<BeginIntentResponse['outcome'] | 'again' | undefined> {
  const { random, namespace, leaseMs } = stage;
  story.asked.add(attemptId);
  const inOutage = `${server.name} ${server.outages}`;
  const toldBefore = story.journaled.get(inOutage);
  const request = create(BeginIntentRequestSchema, {
    namespace,
    key: story.key,
    attemptId,
    lease: durationFromMs(leaseMs),
    wait: durationFromMs(!stage.isHealed && random.chance(0.3) ? random.pick([20, 200]) : 0),
    ...fingerprintsOf(stage, 'this request'),
  });
  const answer = await ask(stage, server, 'beginIntent', request);
  if (answer === undefined) return 'again';
  if ('refused' in answer) return isAgain(answer.refused) ? 'again' : undefined;
  const { outcome } = answer.ok as BeginIntentResponse;
  if (outcome.case === 'acquired') {
    const { degraded } = outcome.value;
    if (degraded && stage.turns.steps - server.lastDownStep > STEPS_TO_NOTICE) {
      broken(story, `degraded at ${server.name}, whose store is there`);
    }
    const isListed = (await stage.conflicts()).includes(story.key);
    if (toldBefore !== undefined && inOutage === `${server.name} ${server.outages}` && !isListed) {
      broken(story, `${server.name} lets ${attemptId} run, and had itself acknowledged ${toldBefore}`);
    }
  }
  return outcome;
}

const isAgain = (reason: string): boolean =>
  reason === 'STORE_UNAVAILABLE' || reason === 'OVERLOADED' || reason === 'CANCELLED';

function noteGrant(stage: Stage, story: KeyStory, { name }: Server, attemptId: string, lease: Acquired): Grant {
  return granted(story, {
    attemptId,
    server: name,
    isDegraded: lease.degraded,
    leaseEndMs: lease.leaseExpireTime === undefined ? 0 : timestampMs(lease.leaseExpireTime),
    nowMs: Date.now(),
    isTakeOverAllowed: !stage.isHold,
  });
}

/** The side effect is done as soon as it may be; then whatever holders do. */
async function hold(
  stage: Stage,
  story: KeyStory,
  grant: Grant,
  leaseToken: Uint8Array,
  isReconciler = false,
): Promise<void> {
  const { random, namespace, place, turns, leaseMs } = stage;
  const holder = { namespace, key: story.key, leaseToken };
  const lease = durationFromMs(leaseMs);
  for (let steps = random.between(0, 3); steps > 0; steps -= 1) {
    await turns.pause();
    if (random.chance(0.1)) return;
    const server = random.pick(place.servers);
    const answer = random.chance(0.5)
      ? await ask(stage, server, 'renew', create(RenewRequestSchema, { ...holder, lease }))
      : await ask(
          stage,
          server,
          'checkpoint',
          create(CheckpointRequestSchema, { ...holder, lease, data: bytes('half') }),
        );
    if (answer === undefined) continue;
    if ('refused' in answer) refusedForGood(story, grant, answer.refused);
    else {
      const { leaseExpireTime, journaled = false } = answer.ok as RenewResponse & Partial<CheckpointResponse>;
      // The lease of one from elsewhere stands as it was.
      if (journaled) continue;
      grant.leaseEndMs = Math.max(grant.leaseEndMs, leaseExpireTime === undefined ? 0 : timestampMs(leaseExpireTime));
    }
  }
  const { rpc, request, end, outcome } = endOf(stage, story, grant, holder);
  // It says itself that it did nothing, whether or not that is heard.
  if (end === 'released') grant.end = 'released';
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const server = random.pick(place.servers);
    const answer = await ask(stage, server, rpc, request);
    if (answer !== undefined && 'ok' in answer) {
      const { journaled } = answer.ok as CompleteResponse;
      grant.end = end;
      if (end === 'released' && isReconciler) nothingHappened(story);
      if (outcome !== undefined) {
        story.outcomes.add(outcome);
        if (journaled) story.journaled.set(`${server.name} ${server.outages}`, outcome);
      }
      if (random.chance(0.8)) return;
    } else if (answer !== undefined && refusedForGood(story, grant, answer.refused)) {
      if (end !== 'released') story.wasToldLost = true;
      return;
    }
    await turns.pause();
  }
}

/** A reconciler has asked the provider. */
function nothingHappened({ grants }: KeyStory): void {
  for (const grant of grants) if (grant.end !== 'outcome') grant.end = 'released';
}

/** Who was alone with the key is never told that it lost it. */
function refusedForGood(story: KeyStory, grant: Grant, reason: string): boolean {
  if (isAgain(reason)) return false;
  if (story.asked.size === 1) broken(story, `${grant.attemptId} was alone, and is told ${reason}`);
  return true;
}

interface End {
  readonly rpc: Rpc;
  readonly request: Parameters<Server['ask']>[2];
  readonly end: Grant['end'];
  readonly outcome: string | undefined;
}

function endOf(
  { random }: Stage,
  story: KeyStory,
  { attemptId }: Grant,
  holder: { readonly namespace: string; readonly key: string; readonly leaseToken: Uint8Array },
): End {
  const error = { code: attemptId, message: 'no' };
  const fail = (kind: FailKind): MessageShape<typeof FailRequestSchema> =>
    create(FailRequestSchema, { ...holder, error, kind });
  if (random.chance(0.15))
    return { rpc: 'fail', request: fail(FailKind.RETRYABLE), end: 'released', outcome: undefined };
  if (random.chance(0.1)) return { rpc: 'fail', request: fail(FailKind.UNKNOWN), end: 'unknown', outcome: undefined };
  if (random.chance(0.1)) {
    return { rpc: 'fail', request: fail(FailKind.FINAL), end: 'outcome', outcome: `failed ${attemptId}` };
  }
  const request = create(CompleteRequestSchema, { ...holder, result: bytes(`${story.key} ${attemptId}`) });
  return { rpc: 'complete', request, end: 'outcome', outcome: `completed ${story.key} ${attemptId}` };
}

/** Claims what nobody knows of, and ends it. */
export async function reconcile(stage: Stage): Promise<void> {
  const { random, place, namespace, stories, leaseMs } = stage;
  const server = random.pick(place.servers);
  const request = create(ClaimOrphansRequestSchema, { namespace, limit: 5, lease: durationFromMs(leaseMs) });
  const name = `reconciler-${random.hex(4)}`;
  // Whether or not it hears of it, any of them may be its own now.
  for (const { asked } of stories) asked.add(name);
  const answer = await ask(stage, server, 'claimOrphans', request);
  if (answer === undefined || !('ok' in answer)) return;
  await Promise.all(
    (answer.ok as ClaimOrphansResponse).orphans.map(async ({ record, acquired }) => {
      const story = stories.find(({ key }) => key === record?.summary?.key);
      if (story === undefined || acquired === undefined) return;
      // It asks the provider what happened before it does anything: no second side effect.
      const grant: Grant = { attemptId: name, server: server.name, isDegraded: false, leaseEndMs: 0, end: 'open' };
      await hold(stage, story, grant, acquired.leaseToken, true);
    }),
  );
}
