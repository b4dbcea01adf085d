// Carries out clients/vectors/scenarios.json with a client of this repository's TypeScript, in Node or in a page.

import type { OncedClient } from '../../clients/node/client.ts';
import { sleep } from '../../clients/node/signals.ts';
import type { WorkContext } from '../../clients/node/work/perform.ts';
import { FinalError, RetryableError, UnknownOutcomeError } from '../../clients/node/work/work-errors.ts';
import { failureOutcome } from './runner-outcomes.ts';

interface Work {
  readonly effect?: boolean;
  readonly checkpoint?: string;
  readonly takes_ms?: number;
  readonly waits_for_stop?: boolean;
  readonly during?: readonly Step[];
  readonly returns?: unknown;
  readonly throws?: 'final' | 'retryable' | 'unknown' | 'other';
  readonly code?: string;
  readonly message?: string;
  readonly retry_after_ms?: number;
}

interface Step {
  readonly do: 'run' | 'begin' | 'pause';
  readonly client?: 'second';
  readonly request?: unknown;
  readonly lease_ms?: number;
  readonly wait_ms?: number;
  readonly ms?: number;
  readonly until_answered?: boolean;
  readonly work?: Work;
}

export interface Scenario {
  readonly key: string;
  readonly keys?: number;
  readonly namespace?: string;
  readonly request?: unknown;
  readonly request_hex?: string;
  readonly exclude?: string[];
  readonly faults?: unknown;
  readonly steps: readonly Step[];
  readonly replay?: readonly Step[];
}

interface Place {
  readonly scenario: Scenario;
  readonly key: string;
  readonly namespace: string;
  readonly client: RunnerClient;
}

/** What test/clients/drive.ts asks, but for what only a program can read. */
export interface Asked {
  readonly phase: string;
  readonly name: string;
  readonly owners: readonly string[];
  readonly namespace: string;
}

export interface Means {
  readonly scenarios: readonly Scenario[];
  /** To the server itself, and through the faulty network. */
  readonly straight: RunnerClient;
  readonly through: RunnerClient;
  readonly setFaults: (faults: unknown) => Promise<void>;
}

export type RunnerClient = Pick<OncedClient, 'runOnce' | 'begin'>;

export interface Carried {
  readonly effects: Record<string, number>;
  readonly outcomes: object[];
}

const AT_ONCE = 8;
const REPEATS_MAX = 200;

export async function carryOutAll(asked: Asked, means: Means): Promise<Carried> {
  const { scenarios, straight, through, setFaults } = means;
  const effects: Record<string, number> = {};
  const outcomes: object[] = [];

  async function runAll(): Promise<void> {
    for (const scenario of scenarios) {
      if (scenario.faults !== undefined) await setFaults(scenario.faults);
      await forEachKey(scenario, asked.name, through, scenario.steps, 'steps');
      if (scenario.faults !== undefined) await setFaults([]);
    }
  }

  async function replayAll(): Promise<void> {
    for (const owner of asked.owners)
      for (const scenario of scenarios) await forEachKey(scenario, owner, straight, scenario.replay ?? [], 'replay');
  }

  async function forEachKey(
    scenario: Scenario,
    owner: string,
    client: RunnerClient,
    steps: readonly Step[],
    path: string,
  ): Promise<void> {
    const { key, keys } = scenario;
    const namespace = [asked.namespace, scenario.namespace].filter((part) => part !== undefined).join('/');
    const names = keys === undefined ? [key] : Array.from({ length: keys }, (_, index) => `${key}-${index}`);
    const line = async (first: number): Promise<void> => {
      for (let index = first; index < names.length; index += AT_ONCE)
        await carryOut({ scenario, key: `${owner}/${names[index]}`, namespace, client }, steps, path);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, async (_, first) => line(first)));
  }

  async function carryOut(place: Place, steps: readonly Step[], path: string): Promise<void> {
    for (const [index, step] of steps.entries()) {
      if (step.do === 'pause') {
        await sleep(step.ms ?? 0);
        continue;
      }
      const at = `${path}/${index}`;
      const outcome = step.do === 'begin' ? await begin(place, step) : await runUntilAnswered(place, step, at);
      outcomes.push({ key: place.key, path: at, ...outcome });
    }
  }

  async function begin({ client, namespace, key }: Place, { lease_ms }: Step): Promise<object> {
    const answer = await client.begin({ namespace, key, ...(lease_ms === undefined ? {} : { leaseMs: lease_ms }) });
    return { outcome: answer.kind };
  }

  async function runUntilAnswered(place: Place, step: Step, path: string): Promise<{ readonly outcome: string }> {
    for (let repeats = 0; ; repeats++) {
      const outcome = await run(place, step, path);
      const isOver = outcome.outcome !== 'unreachable' || step.until_answered !== true || repeats === REPEATS_MAX;
      if (isOver) return outcome;
      await sleep(20);
    }
  }

  async function run(place: Place, step: Step, path: string): Promise<{ readonly outcome: string }> {
    const { scenario, namespace, key } = place;
    const bytes = scenario.request_hex === undefined ? null : bytesOf(scenario.request_hex);
    const request = 'request' in step ? step.request : (scenario.request ?? bytes);
    const client = step.client === 'second' ? straight : place.client;
    let seen: object | undefined;
    try {
      const { value, replayed } = await client.runOnce(
        namespace,
        key,
        request,
        async (context) => {
          seen = seenBy(context);
          return work(place, step.work ?? {}, context, path);
        },
        {
          ...(scenario.exclude === undefined ? {} : { exclude: scenario.exclude }),
          ...(step.lease_ms === undefined ? {} : { leaseMs: step.lease_ms }),
          ...(step.wait_ms === undefined ? {} : { waitMs: step.wait_ms, timeoutMs: step.wait_ms + 1_000 }),
        },
      );
      return { outcome: 'completed', replayed, value, ...(seen === undefined ? {} : { seen }) } as { outcome: string };
    } catch (error) {
      return { ...failureOutcome(error), ...(seen === undefined ? {} : { seen }) } as { outcome: string };
    }
  }

  async function work(place: Place, todo: Work, context: WorkContext, path: string): Promise<unknown> {
    if (todo.checkpoint !== undefined) await context.checkpoint(todo.checkpoint);
    if (todo.effect === true) effects[place.key] = (effects[place.key] ?? 0) + 1;
    if (todo.takes_ms !== undefined) await sleep(todo.takes_ms);
    if (todo.waits_for_stop === true) await sleep(20_000, context.signal).catch(() => {});
    if (todo.during !== undefined) await carryOut(place, todo.during, `${path}/during`);
    const message = todo.message ?? '';
    switch (todo.throws) {
      case 'final':
        throw new FinalError(message, { code: todo.code ?? '' });
      case 'retryable': {
        const { retry_after_ms: retryAfterMs } = todo;
        throw new RetryableError(message, retryAfterMs === undefined ? {} : { retryAfterMs });
      }
      case 'unknown':
        throw new UnknownOutcomeError(message);
      case 'other':
        throw new Error(message);
      case undefined:
        break;
    }
    return todo.returns;
  }

  if (asked.phase === 'run') await runAll();
  else await replayAll();
  return { effects, outcomes };
}

function seenBy({ attempt, previousCheckpoint }: WorkContext): object {
  const checkpoint =
    previousCheckpoint === undefined ? {} : { checkpoint: new TextDecoder().decode(previousCheckpoint) };
  return { attempt, ...checkpoint };
}

const bytesOf = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/../gu) ?? [], (digits) => Number.parseInt(digits, 16));
