// The same random script on several stores under one virtual clock: every answer must be the same on all of them. The
// first store is the one whose records the script looks at to choose what comes next; give the memory store there.

import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { epochMs, type EpochMs, type Key, type Namespace, type Store } from '../../storage/contract/index.ts';
import type { StoredRecord } from '../../storage/contract/index.ts';
import { drain, plain } from '../conformance/scene.ts';
import type { StorePlace, StoreSubject } from '../conformance/subject.ts';
import { HISTORY_START_MS } from '../support/instants.ts';
import { createRandom, type Random } from './random.ts';
import { chooseHabits, compactStep, dueOf, stepOnAll, type Id } from './script.ts';
import { follow, lead, tellTurn } from './turn.ts';

export interface DifferentialRun {
  readonly seeds: readonly number[];
  /** Steps a seed. Each is one verb or more on a few keys. */
  readonly steps: number;
  /** Each store carries out what it is asked in one turn in that order: then steps on one key are asked at once, too. */
  readonly inOrder?: boolean;
}

/** A store, open on a place of its own: as two servers where it allows peers. */
interface Contestant {
  readonly subject: StoreSubject;
  readonly place: StorePlace;
  servers: readonly Store[];
}

/** Plays every seed on all of them. Rejects at the first difference. */
export async function playOnAll(subjects: readonly StoreSubject[], run: DifferentialRun): Promise<void> {
  // All servers first: beside five that start a store may wait too long for its connection.
  const places = await Promise.all(subjects.map(async (subject) => ({ subject, place: await subject.makePlace() })));
  const contestants = await Promise.all(places.map(enter));
  try {
    for (const seed of run.seeds) {
      for (const { servers } of contestants) await Promise.all(servers.slice(0, 1).map(drain));
      await playScript(contestants, seed, run);
    }
  } finally {
    await Promise.all(contestants.flatMap(({ servers }) => servers.map((store) => store.close())));
    await Promise.all(contestants.map(({ place }) => place.dispose()));
  }
}

async function enter({ subject, place }: Pick<Contestant, 'subject' | 'place'>): Promise<Contestant> {
  const count = subject.allowsPeers === true ? 2 : 1;
  return { subject, place, servers: await Promise.all(Array.from({ length: count }, () => place.open())) };
}

async function playScript(contestants: readonly Contestant[], seed: number, run: DifferentialRun): Promise<void> {
  const [leader, ...others] = contestants;
  const [store] = leader?.servers ?? [];
  if (store === undefined) throw new Error('no store to ask');
  const random = createRandom(seed);
  const ids = chooseIds(random);
  const habits = chooseHabits(random);
  const story = [`seed ${seed}`];
  let nowMs = HISTORY_START_MS;
  let kept: readonly (StoredRecord | undefined)[] = [];
  let favourite = random.pick(ids);

  /** The others' answers, which must be those. */
  const compare = async (answer: unknown, ask: (servers: readonly Store[]) => Promise<unknown>): Promise<void> => {
    const expected = plain(answer);
    await Promise.all(
      others.map(async ({ subject, servers }) => {
        const found = plain(await ask(servers).catch(String));
        if (!isDeepStrictEqual(found, expected)) throw difference(story, { expected, found, name: subject.name });
      }),
    );
  };

  for (let step = 0; step < run.steps; step += 1) {
    const isEnding = random.chance(0.15);
    nowMs = isEnding ? toAnEnd(random, nowMs, kept) : passTime(random, nowMs, kept);
    if (random.chance(0.1)) favourite = random.pick(ids);
    if (random.chance(REOPEN_CHANCE)) story.push(await reopenOne(random, others));
    const plan = {
      ids: isEnding || random.chance(0.15) ? [] : chooseKeys(random, ids, favourite),
      onAll: isEnding ? compactStep : stepOnAll,
      isAtOnce: run.inOrder === true && random.chance(0.5),
      isSpoilt: random.chance(0.1),
    };
    const { turn, answers } = await lead(store, { random, habits, ids, nowMs, kept }, plan);
    story.push(...tellTurn(turn));
    await compare(answers, (servers) => follow(servers, turn));
    // What they keep must be the same too, not only what they answer.
    kept = await readAll(store, ids, nowMs);
    story.push('kept:');
    await compare(kept, (servers) => readAll(servers[step % servers.length] ?? store, ids, nowMs));
    story.pop();
  }
}

/** Rarely: where a store of many servers opens one it takes as long as a whole seed. */
const REOPEN_CHANCE = 0.02;

/** Closes one server of a store that survives it, and opens another in its place. */
async function reopenOne(random: Random, contestants: readonly Contestant[]): Promise<string> {
  const survivors = contestants.filter(({ subject }) => subject.survivesClose === true);
  if (survivors.length === 0) return 'nothing to reopen';
  const chosen = random.pick(survivors);
  const [first, ...others] = chosen.servers;
  await first?.close();
  chosen.servers = [...others, await chosen.place.open()];
  return `reopen ${chosen.subject.name}`;
}

interface Difference {
  readonly name: string;
  readonly expected: unknown;
  readonly found: unknown;
}

function difference([seed = '', ...steps]: readonly string[], { name, expected, found }: Difference): Error {
  return new Error([seed, ...steps.slice(-30), ...unlike(expected, found, name)].join('\n'));
}

/** Each place in which two answers differ. */
function unlike(expected: unknown, found: unknown, place: string): readonly string[] {
  if (isDeepStrictEqual(expected, found)) return [];
  if (!isObject(expected) || !isObject(found)) {
    return [`${place}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`];
  }
  const names = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...names].flatMap((name) => unlike(expected[name], found[name], `${place}.${name}`));
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** All of them in one turn. */
function readAll(store: Store, ids: readonly Id[], nowMs: EpochMs): Promise<readonly (StoredRecord | undefined)[]> {
  return Promise.all(ids.map(async (id) => (await store.read({ ...id, includeResult: true }, { nowMs })).record));
}

/** To just before or at an instant from which compaction has work. */
function toAnEnd(random: Random, nowMs: EpochMs, kept: readonly (StoredRecord | undefined)[]): EpochMs {
  const ends = kept.flatMap((record) => (record === undefined ? [] : [dueOf(record)])).filter((dueMs) => dueMs > nowMs);
  return ends.length === 0 ? nowMs : epochMs(random.pick(ends) - (random.chance(0.2) ? 1 : 0));
}

/** Stands still, walks, or jumps to just before, at, or just after a deadline, often the next. */
function passTime(random: Random, nowMs: EpochMs, kept: readonly (StoredRecord | undefined)[]): EpochMs {
  if (random.chance(0.5)) return nowMs;
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
  const deadline = random.chance(0.5) ? Math.min(...coming) : random.pick(coming);
  return epochMs(Math.max(nowMs, deadline + random.between(-1, 1)));
}

/** Many keys, or few of which more happens to each. */
function chooseIds(random: Random): readonly Id[] {
  const run = `diff-${randomUUID()}`;
  const keys = ['order-1', 'order-2', 'Order-1', 'é', 'e\u0301', '😀'] as Key[];
  const idsIn = (namespace: string, some: readonly Key[]) =>
    some.map((key) => ({ namespace: namespace as Namespace, key }));
  // Of a small namespace a listing may look elsewhere than of a large one.
  const ids = [...idsIn(run, keys), ...idsIn(`${run}/child`, keys), ...idsIn(`${run}/small`, keys.slice(0, 1))];
  const isChosen = random.pick([() => true, () => random.chance(0.3), () => random.chance(0.1)]);
  const chosen = ids.filter(isChosen);
  return chosen.length === 0 ? [random.pick(ids)] : chosen;
}

/** One to a dozen of them, and one for longer than the others. */
function chooseKeys(random: Random, ids: readonly Id[], favourite: Id): readonly Id[] {
  if (random.chance(0.4)) return [favourite];
  const some = random.chance(0.5) ? ids.filter(() => random.chance(0.4)) : [];
  return some.length > 0 ? some : [random.pick(ids)];
}
