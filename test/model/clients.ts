// Who takes part in a history: workers that crash, pause and repeat themselves, operators, reconcilers, compaction.

import {
  durationMs,
  type Key,
  type Namespace,
  type Settlement,
  type StoredRecord,
} from '../../storage/contract/index.ts';
import type { BeginCall, Policy, SettleCall } from './caller.ts';
import type { Invariants } from './invariants.ts';
import type { Network } from './network.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Id {
  readonly namespace: Namespace;
  readonly key: Key;
}

export interface Stage {
  readonly world: World;
  readonly network: Network;
  readonly random: Random;
  readonly policy: Policy;
  readonly invariants: Invariants;
  /** Workers neither crash nor give up nor fail: then every key is charged exactly once. */
  readonly isCalm: boolean;
  /** Lets something run beside the rest; what it throws ends the history. */
  readonly spawn: (task: () => Promise<void>) => void;
}

const TRIES_MAX = 8;

/** A worker with one attempt on one key. */
export async function work(stage: Stage, id: Id): Promise<void> {
  const { world, random, network } = stage;
  const attemptId = random.hex(8);
  const fingerprints = chooseFingerprints(stage);
  for (let tries = 0; stage.isCalm || tries < TRIES_MAX; tries += 1) {
    const call = { rpc: 'begin', ...id, attemptId, fingerprints, leaseToken: newToken(random) } as const;
    const answer = await world.begin(call);
    if (random.chance(0.1)) repeatLater(stage, call);
    const isReplyLost = random.chance(0.1);
    if (answer === undefined || isReplyLost) continue;
    if (answer.kind === 'acquired') return holdLease(stage, answer.record);
    if (answer.kind !== 'in-progress' && answer.kind !== 'retry-later') return;
    await network.pause();
  }
}

async function holdLease(stage: Stage, record: StoredRecord): Promise<void> {
  const { random, invariants } = stage;
  await prepare(stage, record);
  if (!stage.isCalm && random.chance(0.1)) return;
  invariants.charge(record);
  if (!stage.isCalm && random.chance(0.1)) return;
  await finish(stage, record);
}

/** Renewals, checkpoints and pauses before the side effect. */
async function prepare({ world, random, network }: Stage, { namespace, key, leaseToken }: StoredRecord): Promise<void> {
  for (let steps = random.between(0, 3); steps > 0; steps -= 1) {
    if (random.chance(0.4)) await network.pause();
    const checkpoint = random.chance(0.5) ? Buffer.from(`saved ${random.hex(4)}`) : undefined;
    const renews = checkpoint === undefined || random.chance(0.5);
    await world.extend({ rpc: 'extend', namespace, key, leaseToken, renews, checkpoint });
  }
}

async function finish(stage: Stage, record: StoredRecord): Promise<void> {
  const { world, random } = stage;
  const call = settleCall(record, chooseSettlement(stage, record), random.hex(4));
  for (let tries = 0; stage.isCalm || tries < TRIES_MAX; tries += 1) {
    const answer = await world.settle(call);
    const isReplyLost = random.chance(0.1);
    if (answer !== undefined && !isReplyLost) break;
  }
  if (random.chance(0.15)) stage.spawn(() => haunt(stage, record));
}

/** A holder that does not know that it is over: later it tries everything again, with other content. */
async function haunt(stage: Stage, record: StoredRecord): Promise<void> {
  const { world, random, network } = stage;
  for (let pauses = random.between(1, 30); pauses > 0; pauses -= 1) await network.pause();
  const { namespace, key, leaseToken } = record;
  await world.extend({ rpc: 'extend', namespace, key, leaseToken, renews: true, checkpoint: Buffer.from('late') });
  if (!stage.isCalm) stage.invariants.charge(record);
  await world.settle(settleCall(record, chooseSettlement(stage, record), random.hex(4)));
}

/** A copy of a begin that the network delivers late; nobody hears its answer, but it must be right all the same. */
function repeatLater({ world, random, network, spawn }: Stage, call: BeginCall): void {
  const leaseToken = newToken(random);
  spawn(async () => {
    for (let pauses = random.between(1, 20); pauses > 0; pauses -= 1) await network.pause();
    await world.begin({ ...call, leaseToken });
  });
}

/** An operator resolves what it sees as orphaned, or a reconciler takes it over and finishes it. */
export async function reconcile(stage: Stage, namespace: Namespace): Promise<void> {
  const { world, random, network } = stage;
  const { records } = await network.store.list({ namespace, orphanedOnly: true, limit: 10 });
  for (const seen of records) {
    await network.pause();
    if (random.chance(0.5)) {
      await world.resolve(seen, settleCall(seen, chooseSettlement(stage, seen), random.hex(4)));
      continue;
    }
    const { key } = seen;
    const call = { rpc: 'begin', namespace, key, attemptId: random.hex(8), fingerprints: [] } as const;
    const taken = await world.takeOrphan(seen, { ...call, leaseToken: newToken(random) });
    if (taken !== undefined) await finish(stage, taken);
  }
}

/** Once all is healed a key reaches an end: this worker goes on until it does. */
export async function workUntilDone(stage: Stage, id: Id, wait: () => Promise<void>): Promise<void> {
  const { world, random } = stage;
  for (let round = 0; round < 100; round += 1) {
    const call = {
      rpc: 'begin',
      ...id,
      attemptId: random.hex(8),
      fingerprints: [],
      leaseToken: newToken(random),
    } as const;
    const answer = await world.begin(call);
    if (answer?.kind === 'completed' || answer?.kind === 'failed') return;
    if (answer?.kind === 'acquired') {
      const ended = await world.settle(settleCall(answer.record, completed(stage, id), random.hex(4)));
      if (ended?.kind === 'done') return;
    }
    if (answer?.kind === 'orphaned') {
      await world.resolve(answer.record, settleCall(answer.record, completed(stage, id), random.hex(4)));
    }
    await wait();
  }
  throw new Error(`${id.key} reached no end although nothing was lost any more`);
}

const newToken = (random: Random) => random.hex(32) as BeginCall['leaseToken'];

function settleCall({ namespace, key, leaseToken }: StoredRecord, settlement: Settlement, mark: string): SettleCall {
  return { rpc: 'settle', namespace, key, leaseToken, settlement, settleDigest: `${settlement.kind} ${mark}` };
}

/** Mostly the request that the key stands for; sometimes by a newer scheme, by both, by none, or another request. */
function chooseFingerprints({ random, isCalm }: Stage): BeginCall['fingerprints'] {
  const older = { scheme: 'v1', digest: Buffer.from('same') };
  const newer = { scheme: 'v2', digest: Buffer.from('same again') };
  if (isCalm || random.chance(0.6)) return [older];
  return random.pick([[older, newer], [newer], [], [{ scheme: 'v1', digest: Buffer.from('other') }]]);
}

function chooseSettlement(stage: Stage, id: Id): Settlement {
  const { random } = stage;
  if (stage.isCalm || random.chance(0.6)) return completed(stage, id);
  const error = { code: `E${random.hex(2)}`, message: 'no', detail: new Uint8Array(0), contentType: '' };
  const maybe = random.chance(0.5) ? error : undefined;
  const retryAfterMs = durationMs(random.pick([0, 1, 50, 1_000]));
  return random.pick<Settlement>([
    { kind: 'failed', error },
    { kind: 'released', error: maybe, retryAfterMs },
    { kind: 'unknown', error: maybe },
  ]);
}

function completed({ random, policy }: Stage, { namespace, key }: Id): Settlement {
  // Starts with its namespace and key, so that a result that turns up elsewhere is known.
  const result = Buffer.from(`${namespace} ${key} ${random.hex(8)}`);
  const { resultTtlMs } = policy;
  return { kind: 'completed', result, contentType: 'text/plain', contentEncoding: '', labels: {}, resultTtlMs };
}
