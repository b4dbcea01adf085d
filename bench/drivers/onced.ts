// The operations of the benchmark as calls of Onced, the same for unary calls and for Session.

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type {
  Acquired,
  BeginIntentRequestSchema,
  BeginIntentResponse,
  CompleteRequestSchema,
  LookupRequestSchema,
  LookupResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { expectThat, freshKey, pick, repeat, type Operate, type Work } from './driver.ts';
import { anyKnownKey, KNOWN_NAMESPACE as namespace } from './known-keys.ts';

export interface Calls {
  begin(request: MessageInitShape<typeof BeginIntentRequestSchema>): Promise<BeginIntentResponse>;
  complete(request: MessageInitShape<typeof CompleteRequestSchema>): Promise<unknown>;
  lookup(request: MessageInitShape<typeof LookupRequestSchema>): Promise<LookupResponse>;
}

const LEASE = durationFromMs(30_000);
const TTL = durationFromMs(86_400_000);
const WAIT = durationFromMs(10_000);
const LEASE_SHORTEST = durationFromMs(100);
const FINGERPRINTS = [{ scheme: 'sha256-v1', digest: new Uint8Array(32).fill(5) }];
const REPLAY_KEYS = 2000;
/** A takeover leases its key again for 100 ms; so many keys that their turn comes later than that. */
const TAKEOVER_KEYS = 30_000;
const CALLERS_PER_KEY = 64;
const PRELOAD_IN_FLIGHT = 512;
const PRELOAD_TRIES = 30;
const PRELOAD_PAUSE_MS = 1_000;

export async function prepare(calls: Calls, work: Work): Promise<Operate | undefined> {
  const result = randomBytes(work.resultBytes);
  const begin = async (key: string, lease = LEASE): Promise<BeginIntentResponse> =>
    calls.begin({ namespace, key, fingerprints: FINGERPRINTS, attemptId: freshKey(), owner: 'bench', lease, ttl: TTL });
  const acquire = async (key: string, lease = LEASE): Promise<Acquired> => {
    const { outcome } = await begin(key, lease);
    expectThat(outcome.case === 'acquired', `a free key answered ${outcome.case}`);
    return outcome.value;
  };
  const complete = async (key: string, { leaseToken }: Acquired): Promise<void> => {
    await calls.complete({ namespace, key, leaseToken, result, contentType: 'application/octet-stream' });
  };
  const intent = async (): Promise<void> => {
    const key = freshKey();
    await complete(key, await acquire(key));
  };
  const replay = async (key: string): Promise<void> => {
    const { outcome } = await begin(key);
    expectThat(outcome.case === 'completed', `a completed key answered ${outcome.case}`);
    expectThat(outcome.value.result.length === work.resultBytes, 'not the result');
  };
  const completedKeys = async (): Promise<string[]> => {
    const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
    await repeat(keys.length, 64, async (index) => {
      const key = keys[index] ?? '';
      await complete(key, await acquire(key));
    });
    return keys;
  };

  switch (work.name) {
    case 'preload':
      // Another one for one that failed: a disk that stands still for seconds must not end the run before it begins.
      await repeat(work.records ?? 0, PRELOAD_IN_FLIGHT, () => patiently(intent));
      return intent;
    case 'begin':
      return async () => void (await acquire(freshKey()));
    case 'intent':
      return intent;
    case 'begin-of-intent':
      return async () => {
        const key = freshKey();
        const acquired = await acquire(key);
        return () => complete(key, acquired);
      };
    case 'contended':
      return contended({ calls, complete });
    case 'takeover':
      return takeover((key) => acquire(key, LEASE_SHORTEST));
    case 'replay': {
      const { records } = work;
      if (records !== undefined) return () => replay(anyKnownKey(records));
      const keys = await completedKeys();
      return () => replay(pick(keys));
    }
    case 'mixed': {
      const keys = await completedKeys();
      return () => (Math.random() < 0.1 ? intent() : replay(pick(keys)));
    }
    case 'lookup': {
      const keys = await completedKeys();
      return async () => {
        const { record } = await calls.lookup({ namespace, key: pick(keys), includeResult: true });
        expectThat(record?.result?.length === work.resultBytes, 'not the result');
      };
    }
  }
}

/** Pauses in between: after a stall the server refuses at once for a while, and so would a repeat at once. */
async function patiently(operate: () => Promise<void>): Promise<void> {
  for (let tries = 1; tries < PRELOAD_TRIES; tries += 1) {
    try {
      return await operate();
    } catch {
      await sleep(PRELOAD_PAUSE_MS);
    }
  }
  return operate();
}

/** Every 64 callers in a row ask for the same key: one gets the lease and completes, all others wait for its result. */
function contended({
  calls,
  complete,
}: {
  calls: Calls;
  readonly complete: (key: string, acquired: Acquired) => Promise<void>;
}): Operate {
  let callers = 0;
  let key = '';
  return async () => {
    if (callers % CALLERS_PER_KEY === 0) key = freshKey();
    callers += 1;
    const mine = key;
    const { outcome } = await calls.begin({
      namespace,
      key: mine,
      fingerprints: FINGERPRINTS,
      attemptId: freshKey(),
      lease: LEASE,
      wait: WAIT,
    });
    if (outcome.case === 'acquired') await complete(mine, outcome.value);
    else expectThat(outcome.case === 'completed', `a waiting caller was answered ${outcome.case}`);
  };
}

/** Each key in turn, so that its last lease has long run out. */
async function takeover(acquire: (key: string) => Promise<Acquired>): Promise<Operate> {
  const keys = Array.from({ length: TAKEOVER_KEYS }, freshKey);
  await repeat(keys.length, 256, async (index) => void (await acquire(keys[index] ?? '')));
  await new Promise((resolve) => setTimeout(resolve, 200));
  let turn = 0;
  return async () => {
    const key = keys[turn % keys.length] ?? '';
    turn += 1;
    const { takenOver } = await acquire(key);
    expectThat(takenOver, 'acquired without taking over');
  };
}
