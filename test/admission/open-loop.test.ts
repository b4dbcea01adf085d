// Five and ten times more begins than the store does, whoever is answered or not: what is let in is finished, what is refused
// has left no trace, nobody who holds is refused, a quiet neighbour is served, and afterwards all is as before.

import { create } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import {
  BeginIntentRequestSchema,
  CompleteRequestSchema,
  type BeginIntentResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { Rejection } from '../../server/errors.ts';
import { execute } from '../../server/execute.ts';
import { idempotencyOperations } from '../../server/operations.ts';
import { ANONYMOUS } from '../../server/principal.ts';
import type { Key, Namespace } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { narrowStore } from '../support/narrow-store.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** 400 verbs a second, so 200 intents, as far as the machine keeps to its timers. */
const STORE = { atATime: 4, verbMs: 10 };
const INTENTS_PER_SECOND = 200;
/** In which overload is noticed and what was let in before is worked off. */
const ONSET_MS = 2500;
const OFFER_MS = 3000;
const CALL = { deadlineMs: undefined, signal: undefined, principal: ANONYMOUS };

interface Tally {
  offered: number;
  completed: number;
  readonly refusedKeys: Key[];
  readonly failures: string[];
}

const newTally = (): Tally => ({ offered: 0, completed: 0, refusedKeys: [], failures: [] });

async function intent({ engine }: TestServer, namespace: string, tally: Tally): Promise<void> {
  const answering = { engine, log: pino({ level: 'silent' }) };
  const key = `${namespace}-${(tally.offered += 1)}`;
  const begin = create(BeginIntentRequestSchema, { namespace, key, attemptId: key });
  const begun = await execute(answering, idempotencyOperations.beginIntent, {
    name: 'beginIntent',
    request: begin,
    call: CALL,
  });
  if (!begun.ok) {
    if (begun.error instanceof Rejection && begun.error.reason === 'OVERLOADED') tally.refusedKeys.push(key as Key);
    else tally.failures.push(begun.error.message);
    return;
  }
  const { outcome } = begun.response as BeginIntentResponse;
  if (outcome.case !== 'acquired') throw new Error(`a fresh key is ${outcome.case ?? 'nothing'}`);
  const request = create(CompleteRequestSchema, { namespace, key, leaseToken: outcome.value.leaseToken });
  const completed = await execute(answering, idempotencyOperations.complete, { name: 'complete', request, call: CALL });
  if (completed.ok) tally.completed += 1;
  else tally.failures.push(completed.error.message);
}

/** Resolves once all that was offered is answered. */
async function offer(
  server: TestServer,
  namespace: string,
  { perSecond, ms, tally = newTally() }: { perSecond: number; ms: number; tally?: Tally },
): Promise<void> {
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  while (performance.now() - startMs < ms) {
    const due = ((performance.now() - startMs) * perSecond) / 1000;
    while (tally.offered < due) pending.push(intent(server, namespace, tally));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
}

test.each([5, 10])('a server offered %i times what its store does', async (times) => {
  const offeredPerSecond = times * INTENTS_PER_SECOND;
  const inner = createMemoryStore();
  await using server = await startTestServer({ store: narrowStore(inner, STORE) });
  const [noisy, quiet] = [newTally(), newTally()];
  const light = INTENTS_PER_SECOND / 10;
  await offer(server, 'light', { perSecond: light, ms: 1000 });
  await Promise.all([
    offer(server, 'noisy', { perSecond: offeredPerSecond, ms: ONSET_MS + OFFER_MS, tally: noisy }),
    offer(server, 'early', { perSecond: light, ms: ONSET_MS }).then(async () =>
      offer(server, 'quiet', { perSecond: light, ms: OFFER_MS, tally: quiet }),
    ),
  ]);
  const { admission } = server.engine;
  console.log(`noisy: ${noisy.completed} of ${noisy.offered} done; quiet: ${quiet.completed} of ${quiet.offered}`);
  expect([...noisy.failures, ...quiet.failures]).toEqual([]);
  expect(noisy.refusedKeys.length).toBeGreaterThan(noisy.offered / 4);
  expect(noisy.completed + noisy.refusedKeys.length).toBe(noisy.offered);
  // In turn with the other it is refused next to never, but where the machine stalls and it comes in bursts.
  expect(quiet.completed / quiet.offered).toBeGreaterThan((2 * noisy.completed) / noisy.offered);
  for (const key of noisy.refusedKeys) {
    const { record } = await inner.read({ namespace: 'noisy' as Namespace, key, includeResult: false });
    expect(record).toBeUndefined();
  }
  const untilMs = performance.now() + 30_000;
  while (admission.state().isOverloaded && performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(admission.state()).toMatchObject({ isOverloaded: false, inFlight: 0 });
  const after = newTally();
  await intent(server, 'noisy-after', after);
  expect(after.completed).toBe(1);
});
