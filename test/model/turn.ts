// One turn of the differential test: steps made from what the leading store keeps and carried out there, then by the others.

import {
  durationMs,
  StoreError,
  type ClaimRequest,
  type EpochMs,
  type Key,
  type LeaseToken,
  type Namespace,
  type Store,
} from '../../storage/contract/index.ts';
import { plain } from '../conformance/scene.ts';
import type { Random } from './random.ts';
import { stepOnKey, type Id, type Scope, type Step } from './script.ts';

/** What a turn is to be made of. */
export interface Plan {
  /** One step or more on each of these. */
  readonly ids: readonly Id[];
  /** Carried out by itself, where there are no ids. */
  readonly onAll: (scope: Scope) => Step;
  /** All of it is asked at once, of stores that carry it out in this order. */
  readonly isAtOnce: boolean;
  /** Something comes along that fails wherever numbers are looked at, and must fail alone. */
  readonly isSpoilt: boolean;
}

export interface Turn extends Plan {
  readonly nowMs: EpochMs;
  /** Steps on one key, in their order; those of different lanes may be carried out at once. */
  readonly lanes: readonly (readonly Asked[])[];
}

interface Asked {
  readonly step: Step;
  readonly manner: 'once' | 'thrice at once' | 'with a signal that fires';
  /** Which of several servers is asked. */
  readonly server: number;
}

/** A turn and what the leading store answers. */
export async function lead(
  leader: Store,
  scope: Scope,
  plan: Plan,
): Promise<{ readonly turn: Turn; readonly answers: readonly unknown[] }> {
  const { random, nowMs } = scope;
  const answers: unknown[] = [];
  const ask = async (step: Step, manner: Asked['manner']): Promise<Asked> => {
    const asked = { step, manner, server: random.between(0, 1) };
    answers.push(await carryOut(asked, [leader], nowMs));
    return asked;
  };
  const lanes: Asked[][] = [];
  for (const id of plan.ids) {
    const lane: Asked[] = [];
    for (let left = random.pick([1, 1, 2, 4]); left > 0; left -= 1) {
      const { record } = await leader.read({ ...id, includeResult: true }, { nowMs });
      lane.push(await ask(stepOnKey(scope, id, record), chooseManner(random, plan.isAtOnce)));
    }
    lanes.push(lane);
  }
  if (plan.ids.length === 0) lanes.push([await ask(plan.onAll(scope), 'once')]);
  return { turn: { ...plan, nowMs, lanes }, answers };
}

/** What the servers of another store answer. */
export async function follow(servers: readonly Store[], turn: Turn): Promise<readonly unknown[]> {
  const { nowMs, lanes, isAtOnce } = turn;
  const answers = lanes.map(async (lane) => {
    if (isAtOnce) return Promise.all(lane.map((asked) => carryOut(asked, servers, nowMs)));
    const inTurn: unknown[] = [];
    for (const asked of lane) inTurn.push(await carryOut(asked, servers, nowMs));
    return inTurn;
  });
  const [, ...all] = await Promise.all([turn.isSpoilt && spoil(servers), ...answers]);
  return all.flat();
}

/** Stores whose database looks at numbers. */
const REFUSE_NONSENSE: ReadonlySet<string> = new Set(['sqlite', 'postgres']);

async function spoil(servers: readonly Store[]): Promise<void> {
  for (const store of servers) {
    if (!REFUSE_NONSENSE.has(store.description.kind)) return;
    const answer = await store.claim(NONSENSE).catch((error: unknown) => error);
    if (!(answer instanceof StoreError)) throw new Error('a store kept nonsense');
  }
}

const NONSENSE: ClaimRequest = {
  namespace: 'diff-nonsense' as Namespace,
  key: 'nonsense' as Key,
  expected: 'absent',
  fingerprints: [],
  labels: {},
  attemptId: 'nonsense',
  owner: '',
  leaseToken: '0'.repeat(32) as LeaseToken,
  leaseMs: durationMs(Number.NaN),
  orphanTtlMs: durationMs(1),
  retention: { ttlMs: durationMs(1), graceMs: durationMs(1) },
};

export function tellTurn({ nowMs, lanes, isAtOnce, isSpoilt }: Turn): readonly string[] {
  const how = `${isAtOnce ? 'at once, ' : ''}${isSpoilt ? 'with nonsense, ' : ''}`;
  return lanes.flat().map(({ step, manner, server }) => `${nowMs} ${how}${manner}, server ${server}: ${step.what}`);
}

// A step that is cancelled is asked again, and would then come after what was asked with it.
function chooseManner(random: Random, isAtOnce: boolean): Asked['manner'] {
  if (random.chance(0.8)) return 'once';
  return isAtOnce || random.chance(0.5) ? 'thrice at once' : 'with a signal that fires';
}

async function carryOut({ step, manner, server }: Asked, servers: readonly Store[], nowMs: EpochMs): Promise<unknown> {
  const storeOf = (which: number): Store => {
    const store = servers[which % servers.length];
    if (store === undefined) throw new Error('a store without a server');
    return store;
  };
  if (manner === 'once') return step.run(storeOf(server), { nowMs });
  if (manner === 'with a signal that fires') return runCancelled(step, storeOf(server), nowMs);
  // Which of them is first is the store's own business: they are the same.
  const answers = await Promise.all([0, 1, 2].map((more) => step.run(storeOf(server + more), { nowMs })));
  return answers
    .map((answer) => [textOf(answer), answer] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, answer]) => answer);
}

/** Either it is answered, or it wrote nothing and can be asked as if it never had been. */
async function runCancelled(step: Step, store: Store, nowMs: EpochMs): Promise<unknown> {
  const controller = new AbortController();
  const answer = step.run(store, { nowMs, signal: controller.signal });
  setImmediate(() => controller.abort());
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof StoreError && error.kind === 'cancelled')) throw error;
    return step.run(store, { nowMs });
  }
}

/** Whatever order a store gives the fields in. */
const textOf = (answer: unknown): string =>
  JSON.stringify(plain(answer), (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  ) ?? '';
