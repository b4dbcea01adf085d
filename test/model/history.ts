// One seeded history: many callers, one store, a network that loses things, a clock that jumps to the worst instants.

import { addMs, durationMs, epochMs, type Namespace, type Store } from '../../storage/contract/index.ts';
import { HISTORY_START_MS } from '../support/instants.ts';
import type { Policy } from './caller.ts';
import { reconcile, work, workUntilDone, type Id, type Stage } from './clients.ts';
import { createInvariants } from './invariants.ts';
import { createNetwork, type Network } from './network.ts';
import { createRandom, type Random } from './random.ts';
import { createSpec } from './spec.ts';
import { createWorld, type Clock } from './world.ts';

export interface HistoryReport {
  readonly calls: number;
  /** Side effects by key. */
  readonly charges: readonly number[];
}

export interface HistoryOptions {
  /** Leases outlast the history, workers go on until they are done: only the network misbehaves. */
  readonly isCalm?: boolean;
  /** Only the invariants judge, not the spec: to see that they bite by themselves. */
  readonly isWithoutSpec?: boolean;
}

const STEPS_MAX = 3_000;

/** Plays the history of this seed. Rejects with the seed and what led there when an answer was wrong. */
export async function playHistory(store: Store, seed: number, options: HistoryOptions = {}): Promise<HistoryReport> {
  const random = createRandom(seed);
  const isCalm = options.isCalm === true;
  const policy = isCalm ? CALM_POLICY : choosePolicy(random);
  const clock: Clock = { nowMs: HISTORY_START_MS, deadlines: [] };
  const network = createNetwork(store, random, () => clock.nowMs);
  const invariants = createInvariants();
  const spec = options.isWithoutSpec === true ? undefined : createSpec(policy);
  const world = createWorld({ network, policy, spec, invariants, clock });
  const crew = createCrew();
  const stage: Stage = { world, network, random, policy, invariants, isCalm, spawn: crew.spawn };
  const ids = chooseIds(random);
  try {
    for (let workers = random.between(4, 14); workers > 0; workers -= 1)
      crew.spawn(() => work(stage, random.pick(ids)));
    await crew.run(network, () => passTime(stage, clock, ids));
    network.heal();
    for (const id of ids) crew.spawn(() => workUntilDone(stage, id, network.pause));
    await crew.run(network, async () => jump(random, clock));
  } catch (error) {
    const story = world.trace.slice(-60).join('\n');
    throw new Error(`seed ${seed}, policy ${JSON.stringify(policy)}\n${story}\n${String(error)}`, { cause: error });
  }
  return { calls: world.trace.length, charges: ids.map((id) => invariants.chargesOf(id)) };
}

/** Tasks that run side by side, one step of one of them at a time. */
function createCrew() {
  const failures: Error[] = [];
  const spawn = (task: () => Promise<void>): void => {
    task().catch((error: unknown) => failures.push(error instanceof Error ? error : new Error(String(error))));
  };
  const run = async (network: Network, between: () => Promise<void>): Promise<void> => {
    for (let steps = 0; await network.step(); steps += 1) {
      if (failures[0] !== undefined) throw failures[0];
      if (steps > STEPS_MAX) throw new Error('the history does not end');
      await between();
    }
    if (failures[0] !== undefined) throw failures[0];
  };
  return { spawn, run };
}

/** Between two steps: time passes, and now and then an operator, a new worker or compaction comes along. */
async function passTime(stage: Stage, clock: Clock, ids: readonly Id[]): Promise<void> {
  const { random, world, isCalm } = stage;
  if (isCalm) {
    if (random.chance(0.02)) await world.compact();
    clock.nowMs = addMs(clock.nowMs, durationMs(random.between(0, 3)));
    return;
  }
  if (random.chance(0.02)) stage.spawn(() => reconcile(stage, random.pick(ids).namespace));
  if (random.chance(0.01)) stage.spawn(() => work(stage, random.pick(ids)));
  if (random.chance(0.6)) clock.nowMs = addMs(clock.nowMs, durationMs(random.between(0, 30)));
  else if (random.chance(0.15)) jump(random, clock);
  if (random.chance(0.05)) await world.compact();
}

/** To a deadline that is still to come: its last millisecond, its first one after, or exactly it. */
function jump(random: Random, clock: Clock): void {
  const coming = clock.deadlines.filter((deadline) => deadline > clock.nowMs).toSorted((a, b) => a - b);
  if (coming.length === 0) return;
  // The nearest ones most of the time: the far ones are retention, and skip all that lies before.
  const index = Math.floor(coming.length * random.next() ** 4);
  clock.nowMs = epochMs(Math.max(clock.nowMs, (coming[index] ?? clock.nowMs) + random.between(-1, 1)));
}

function chooseIds(random: Random): readonly Id[] {
  const run = crypto.randomUUID();
  const namespaces = [`model-${run}-a`, `model-${run}-b`] as Namespace[];
  const keys = ['order-1', 'order-2'].slice(0, random.between(1, 2)) as Id['key'][];
  return namespaces.flatMap((namespace) => keys.map((key) => ({ namespace, key })));
}

const CALM_POLICY: Policy = {
  onLeaseExpiry: 'TAKE_OVER',
  attemptsMax: undefined,
  leaseMs: durationMs(3_600_000),
  ttlMs: durationMs(86_400_000),
  resultTtlMs: durationMs(86_400_000),
  orphanTtlMs: durationMs(86_400_000),
  graceMs: durationMs(60_000),
  holdMsMax: durationMs(86_400_000),
};

function choosePolicy(random: Random): Policy {
  return {
    onLeaseExpiry: random.chance(0.7) ? 'TAKE_OVER' : 'HOLD',
    attemptsMax: random.chance(0.4) ? random.between(1, 3) : undefined,
    leaseMs: durationMs(random.pick([100, 300, 1_000])),
    ttlMs: durationMs(random.pick([1_000, 3_000, 20_000])),
    resultTtlMs: durationMs(random.pick([500, 3_000, 20_000])),
    orphanTtlMs: durationMs(random.pick([1_000, 5_000])),
    graceMs: durationMs(random.pick([0, 1, 2_000])),
    holdMsMax: durationMs(random.pick([400, 2_000, 86_400_000])),
  };
}
