// One seeded history of two servers over one store: outages of either, kills, replays, time that passes, and many callers.

import { create } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { vi } from 'vitest';
import { OnLeaseExpiry, OnStoreOutage } from '../../../proto/gen/onced/v1/admin_pb.js';
import { BeginIntentRequestSchema } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { createAudit } from '../../../server/audit.ts';
import { readConflicts } from '../../../server/journal/conflicts.ts';
import { idempotencyOperations } from '../../../server/operations.ts';
import { HISTORY_START_MS } from '../../support/instants.ts';
import { createRandom, type Random } from '../random.ts';
import { broken, BrokenPromise, judgeEnd, newStory, type KeyStory } from './judge.ts';
import { decide, purge } from './operators.ts';
import { follow, lookUp, strange } from './onlookers.ts';
import { createRealTurns, realGround, type RealStore } from './real.ts';
import { createTurns, memoryGround, openPlace, type Place, type Turns } from './place.ts';
import { note, reconcile, work, type Stage } from './workers.ts';

export interface ServersReport {
  readonly calls: number;
  readonly conflicts: number;
}

const NAMESPACE = 'model/servers';
/** Goes on without the store, so that who asks here makes a server look whether it is back. */
const PROBES = 'model/probes';
const KEYS = 6;
const STEPS = 1500;

/** On memory and in turns that the seed decides; on a real store its time and answers have their say too. */
export async function playServers(seed: number, real?: RealStore): Promise<ServersReport> {
  if (real === undefined) vi.useFakeTimers({ toFake: ['Date'], now: HISTORY_START_MS });
  const random = createRandom(seed);
  const turns = real === undefined ? createTurns(random) : createRealTurns(random);
  const ground = real === undefined ? memoryGround(turns) : await realGround(random, real);
  const isHold = random.chance(0.3);
  const goesOn = random.chance(0.85);
  const hasOutages = random.chance(0.9);
  const attemptsMax = random.chance(0.2) ? random.between(1, 3) : undefined;
  const isSlow = random.chance(0.4);
  const operators = random.pick(isSlow ? [0.03, 0.06] : [0, 0.02]);
  const purges = random.pick([0, 0, 0.02]);
  const policy = {
    onLeaseExpiry: isHold ? OnLeaseExpiry.HOLD : OnLeaseExpiry.TAKE_OVER,
    onStoreOutage: goesOn ? OnStoreOutage.CONTINUE_DEGRADED : OnStoreOutage.REJECT,
    ...(attemptsMax === undefined ? {} : { maxAttempts: attemptsMax }),
  };
  const goOn = { onStoreOutage: OnStoreOutage.CONTINUE_DEGRADED };
  const policies = { [NAMESPACE]: policy, [PROBES]: goOn };
  const place = await openPlace({ ground, turns, policies });
  const stories = Array.from({ length: KEYS }, (_, index) => newStory(`order-${index}`));
  /** One after the other: a key that has its outcome shows little more. */
  const latest = (): KeyStory => {
    const index = Math.floor((turns.steps * KEYS) / STEPS) - random.between(0, 1);
    return stories[Math.min(Math.max(index, 0), KEYS - 1)] ?? random.pick(stories);
  };
  const conflicts = async (): Promise<readonly string[]> =>
    (await readConflicts(place.store.registry, { limit: 100 })).map(({ key }) => key);
  const stage: Stage = {
    random,
    turns,
    place,
    namespace: NAMESPACE,
    stories,
    isHold,
    hasFingerprints: random.chance(0.7),
    leaseMs: random.pick([200, 1000]),
    noticeSteps: real === undefined ? 200 : 1000,
    isSlow,
    conflicts,
    resolved: [],
    trace: [],
    isHealed: false,
  };
  const crew = createCrew(turns);
  const over = new AbortController();
  try {
    for (let workers = random.between(2, 6); workers > 0; workers -= 1) crew.spawn(() => work(stage, latest()));
    for (let steps = 0; steps < STEPS; steps += 1) {
      await crew.step();
      if (hasOutages) await trouble(stage, real === undefined ? 0.03 : 0.01);
      if (real === undefined) passTime(random);
      if (random.chance(turns.isIdle ? 0.5 : 0.03)) crew.spawn(() => work(stage, latest()));
      if (random.chance(0.005)) crew.spawn(() => reconcile(stage));
      const undecided = stories.filter(({ outcomes, asked }) => outcomes.size === 0 && asked.size > 0);
      if (undecided.length > 0) {
        if (random.chance(operators)) crew.spawn(() => decide(stage, random.pick(undecided)));
        if (random.chance(purges)) crew.spawn(() => purge(stage, random.pick(undecided)));
      }
      if (random.chance(0.01)) crew.spawn(() => lookUp(stage, latest()));
      if (random.chance(0.003)) crew.spawn(() => follow(stage, latest(), over.signal));
      const begun = stories.filter(({ outcomes }) => outcomes.size > 0);
      if (stage.hasFingerprints && begun.length > 0 && random.chance(0.01)) {
        crew.spawn(() => strange(stage, random.pick(begun)));
      }
    }
    for (const server of place.servers) server.setUp(true);
    stage.isHealed = true;
    over.abort();
    await crew.finish();
    await turns.until(writeAll(place));
    const listed = await readConflicts(place.store.registry, { limit: 100 });
    for (const story of stories) await turns.until(judge(stage, story, listed));
    await checkAudit(stage);
    return { calls: stage.trace.length / 2, conflicts: listed.length };
  } catch (error) {
    const story = stage.trace
      .slice(-4000)
      .map((line) => line())
      .join('\n');
    throw new Error(`seed ${seed}, ${JSON.stringify({ isHold, goesOn, attemptsMax })}\n${story}\n${String(error)}`, {
      cause: error,
    });
  } finally {
    over.abort();
    for (const server of place.servers) server.setUp(true);
    await turns.until(Promise.all(place.servers.map((server) => server.stop())));
    await ground[Symbol.asyncDispose]();
    vi.useRealTimers();
  }
}

async function trouble(stage: Stage, heals: number): Promise<void> {
  const { random, place } = stage;
  const server = random.pick(place.servers);
  if (random.chance(server.isUp ? 0.01 : heals)) {
    server.setUp(!server.isUp);
    note(stage, `${server.name} ${server.isUp ? 'up' : 'down'}`);
  }
  if (random.chance(0.02) && server.isUp) void server.engine.outage.replay(server.engine);
  if (random.chance(0.002)) {
    note(stage, `${server.name} killed`);
    await server.restart();
  }
}

function passTime(random: Random): void {
  if (random.chance(0.5)) vi.setSystemTime(Date.now() + random.between(0, 30));
  else if (random.chance(0.005)) vi.setSystemTime(Date.now() + random.between(200, 3000));
}

/** Until neither server keeps anything. */
async function writeAll({ servers }: Place): Promise<void> {
  const isKept = (): boolean => servers.some(({ engine }) => engine.outage.kept() > 0 || engine.outage.isAway());
  for (let rounds = 0; rounds < 50 && (rounds === 0 || isKept()); rounds += 1) {
    for (const server of servers) {
      const probe = { namespace: PROBES, key: `probe-${rounds}`, attemptId: server.name };
      const request = create(BeginIntentRequestSchema, probe);
      await server.ask('BeginIntent', idempotencyOperations.beginIntent, request);
      await server.engine.outage.replay(server.engine);
    }
  }
  if (isKept()) throw new Error('a row is never written');
}

/** What an operator was told to be done is in the log. */
async function checkAudit({ place, resolved }: Stage): Promise<void> {
  const { entries } = await createAudit(place.store.registry, pino({ level: 'silent' })).page({
    before: undefined,
    limit: 1000,
  });
  const told = new Set(entries.filter(({ action }) => action === 'ResolveIntent.done').map(({ reason }) => reason));
  for (const name of resolved) if (!told.has(name)) throw new BrokenPromise(`${name} is not in the audit log`);
}

async function judge(stage: Stage, story: KeyStory, listed: Awaited<ReturnType<typeof readConflicts>>): Promise<void> {
  const conflicts = listed.filter(({ key }) => key === story.key).map(({ cause }) => cause);
  judgeEnd(story, await lookUp(stage, story), conflicts);
  if (!stage.hasFingerprints || story.isReused || story.outcomes.size === 0) return;
  const told = await strange(stage, story);
  if (told !== 'KEY_REUSED') broken(story, `another request is told ${told ?? 'nothing'}`);
}

/** Tasks that run side by side. */
function createCrew(turns: Turns) {
  const tasks: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  return {
    spawn(task: () => Promise<unknown>): void {
      const running = task();
      running.catch((error: unknown) => failures.push(error));
      tasks.push(running);
    },
    async step(): Promise<void> {
      await turns.step();
      if (failures.length > 0) throw failures[0];
    },
    finish: async () => turns.until(Promise.all(tasks)),
  };
}
