// The same random script on several stores under one virtual clock: every answer must be the same on all of them. The
// first store is the one whose records the script looks at to choose what comes next; give the memory store there.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { epochMs, type EpochMs, type Key, type Namespace, type Store } from '../../storage/contract/index.ts';
import type { StoredRecord } from '../../storage/contract/index.ts';
import { drain, plain } from '../conformance/scene.ts';
import type { StoreSubject } from '../conformance/subject.ts';
import { HISTORY_START_MS } from '../support/instants.ts';
import { createRandom, type Random } from './random.ts';
import { stepOnAll, stepOnKey, type Id } from './script.ts';

export interface DifferentialRun {
  readonly seeds: readonly number[];
  /** Steps a seed. Each is one verb, or several at once on different keys. */
  readonly steps: number;
}

interface Contestant {
  readonly name: string;
  readonly store: Store;
}

/** Opens each store on a place of its own and plays every seed on all of them. Rejects at the first difference. */
export async function playOnAll(subjects: readonly StoreSubject[], { seeds, steps }: DifferentialRun): Promise<void> {
  const places = await Promise.all(subjects.map((subject) => subject.makePlace()));
  const contestants = await Promise.all(
    places.map(async (place, index) => ({ name: subjects[index]?.name ?? '', store: await place.open() })),
  );
  try {
    for (const seed of seeds) {
      for (const { store } of contestants) await drain(store);
      await playScript(contestants, seed, steps);
    }
  } finally {
    await Promise.all(contestants.map(({ store }) => store.close()));
    await Promise.all(places.map((place) => place.dispose()));
  }
}

async function playScript(contestants: readonly Contestant[], seed: number, steps: number): Promise<void> {
  const random = createRandom(seed);
  const ids = chooseIds();
  const story = [`seed ${seed}`];
  let nowMs = HISTORY_START_MS;
  let kept: readonly (StoredRecord | undefined)[] = [];
  for (let step = 0; step < steps; step += 1) {
    nowMs = passTime(random, nowMs, kept);
    const scope = { random, ids, nowMs, standing: (id: Id) => kept[ids.indexOf(id)] };
    const batch = random.chance(0.2) ? [stepOnAll(scope)] : chooseKeys(random, ids).map((id) => stepOnKey(scope, id));
    story.push(...batch.map(({ what }) => `${nowMs} ${what}`));
    const carryOut = (store: Store) => Promise.all(batch.map(({ run }) => run(store)));
    await sameOnAll(contestants, carryOut, story);
    // What they keep must be the same too, not only what they answer.
    kept = await sameOnAll(contestants, (store) => readAll(store, ids, nowMs), [...story, 'kept:']);
  }
}

/** The one answer that every store gives. */
async function sameOnAll<Answer>(
  contestants: readonly Contestant[],
  ask: (store: Store) => Promise<Answer>,
  story: readonly string[],
): Promise<Answer> {
  const [first, ...others] = await Promise.all(
    contestants.map(async ({ name, store }) => ({ name, answer: await ask(store) })),
  );
  if (first === undefined) throw new Error('no store to ask');
  for (const other of others) {
    if (isDeepStrictEqual(plain(other.answer), plain(first.answer))) continue;
    const shown = [first, other].map(({ name, answer }) => `${name}: ${JSON.stringify(plain(answer), null, 1)}`);
    const [seed = '', ...steps] = story;
    throw new Error([seed, ...steps.slice(-30), ...shown].join('\n'));
  }
  return first.answer;
}

/** All of them in one turn. */
function readAll(store: Store, ids: readonly Id[], nowMs: EpochMs): Promise<readonly (StoredRecord | undefined)[]> {
  return Promise.all(ids.map(async (id) => (await store.read({ ...id, includeResult: true }, { nowMs })).record));
}

/** Stands still, walks, or jumps to just before, at, or just after a deadline. */
function passTime(random: Random, nowMs: EpochMs, kept: readonly (StoredRecord | undefined)[]): EpochMs {
  if (random.chance(0.3)) return nowMs;
  const coming = kept
    .filter((record) => record !== undefined)
    .flatMap(({ leaseExpireMs, expireMs, purgeMs, resultExpireMs }) => [
      leaseExpireMs,
      expireMs,
      purgeMs,
      resultExpireMs,
    ])
    .filter((deadline) => deadline > nowMs);
  if (coming.length === 0 || random.chance(0.5)) return epochMs(nowMs + random.between(0, 50));
  return epochMs(Math.max(nowMs, random.pick(coming) + random.between(-1, 1)));
}

function chooseIds(): readonly Id[] {
  const run = randomUUID();
  const namespaces = [`diff-${run}`, `diff-${run}/child`] as Namespace[];
  const keys = ['order-1', 'order-2', 'Order-1', 'é', 'e\u0301', '😀'] as Key[];
  return namespaces.flatMap((namespace) => keys.map((key) => ({ namespace, key })));
}

/** One to a dozen of them. */
function chooseKeys(random: Random, ids: readonly Id[]): readonly Id[] {
  const some = random.chance(0.5) ? ids.filter(() => random.chance(0.4)) : [];
  return some.length > 0 ? some : [random.pick(ids)];
}
