// Two servers over one store, in this process. Every question to the store or to a journal waits for a turn, so that chance
// decides what happens between two of them; each server may lose its way to the store, and may be killed.

import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Message } from '@bufbuild/protobuf';
import { pino } from 'pino';
import { vi } from 'vitest';
import type { Engine } from '../../../server/context.ts';
import { openEngine } from '../../../server/engine.ts';
import { Rejection, type CallOver } from '../../../server/errors.ts';
import { execute, executeStream } from '../../../server/execute.ts';
import { createMetrics } from '../../../server/metrics.ts';
import type { UnaryOperation } from '../../../server/operations.ts';
import { ANONYMOUS } from '../../../server/principal.ts';
import { epochMs, StoreError, type Registry, type Store } from '../../../storage/contract/index.ts';
import { createMemoryStore } from '../../../storage/memory/store.ts';
import { policyMessage, type PolicyInit } from '../../rpc/managed.ts';
import type { Random } from '../random.ts';

export interface Turns {
  pause(): Promise<void>;
  /** Lets one of those who wait go on until it waits again; a moment passes where nobody does. */
  step(): Promise<void>;
  /** Lets them go on until this has ended. */
  until<Value>(ending: Promise<Value>): Promise<Value>;
  readonly steps: number;
  readonly isIdle: boolean;
}

const STEPS_MAX = 20_000;

/** Steps until it has ended, and no longer than a history may take. */
export async function stepUntil<T>(ending: Promise<T>, step: () => Promise<void>): Promise<T> {
  const state = { isOver: false };
  const ended = ending.finally(() => (state.isOver = true));
  ended.catch(() => undefined);
  for (let left = STEPS_MAX; !state.isOver; left -= 1) {
    if (left === 0) throw new Error('it does not end');
    await step();
  }
  return ended;
}

export function createTurns(random: Random): Turns {
  const waiting: (() => void)[] = [];
  let steps = 0;
  const step = async (): Promise<void> => {
    steps += 1;
    const [turn] = waiting.splice(random.between(0, waiting.length - 1), 1);
    turn?.();
    if (turn === undefined) {
      // Who waits for the clock to pass a write would wait for ever on one that stands still.
      vi.setSystemTime(Date.now() + 1);
      await sleep(1);
    }
    await setImmediate();
  };
  return {
    pause: () => new Promise((resolve) => void waiting.push(resolve)),
    step,
    until: async (ending) => stepUntil(ending, step),
    get steps() {
      return steps;
    },
    get isIdle() {
      return waiting.length === 0;
    },
  };
}

/** A way to a store, which may be cut: what is asked then fails, and what was asked before is not answered. */
interface Way {
  isUp: boolean;
}

function along(inner: Store, turns: Turns, way: Way): Store {
  const through = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
    await turns.pause();
    if (!way.isUp) throw new StoreError('unavailable', 'the way is cut');
    const answer = await call();
    await turns.pause();
    if (!way.isUp) throw new StoreError('unknown', 'the way was cut');
    return answer;
  };
  const at = () => ({ nowMs: epochMs(Date.now()) });
  const registry: Registry = {
    get: (id) => through(() => inner.registry.get(id)),
    put: (put) => through(() => inner.registry.put(put)),
    remove: (id) => through(() => inner.registry.remove(id)),
    list: (query) => through(() => inner.registry.list(query)),
  };
  return {
    ...inner,
    registry,
    claim: (request) => through(() => inner.claim(request, at())),
    extend: (request) => through(() => inner.extend(request, at())),
    settle: (request) => through(() => inner.settle(request, at())),
    read: (request) => through(() => inner.read(request, at())),
    list: (request) => through(() => inner.list(request, at())),
    remove: (request) => through(() => inner.remove(request, at())),
    compact: (request) => through(() => inner.compact(request, at())),
    stats: () => through(() => inner.stats(at())),
    ping: () => through(() => inner.ping()),
    close: async () => undefined,
  };
}

export interface Refused {
  readonly refused: string;
  /** It says that nothing was written. */
  readonly isNone: boolean;
}

/** A server's own way to the store. */
export interface Passage {
  readonly store: Store;
  setUp(isUp: boolean): void;
  end(): Promise<void>;
}

/** The store that the servers share, and the clock of it. */
export interface Ground extends AsyncDisposable {
  /** Without a way that can be cut. */
  readonly store: Store;
  open(): Promise<Passage>;
}

export function memoryGround(turns: Turns): Ground {
  const store = createMemoryStore();
  return {
    store,
    [Symbol.asyncDispose]: async () => undefined,
    async open() {
      const way: Way = { isUp: true };
      return {
        store: along(store, turns, way),
        setUp: (isUp) => void (way.isUp = isUp),
        end: async () => undefined,
      };
    },
  };
}

/** Undefined: the answer was lost. */
export type Answered = { readonly ok: Message } | Refused | undefined;

export interface Server {
  readonly name: string;
  readonly engine: Engine;
  /** The step at which its way to the store was down last. */
  readonly lastDownStep: number;
  readonly isUp: boolean;
  /** How often it has lost its way to the store. */
  readonly outages: number;
  setUp(isUp: boolean): void;
  /** Its process ends at once, and another one begins with the same journal. */
  restart(): Promise<void>;
  ask(name: string, operation: UnaryOperation, request: Message): Promise<Answered>;
  stream(name: string, operation: Streamed, request: Message, signal?: AbortSignal): AsyncGenerator<Message, void>;
  stop(): Promise<void>;
}

export interface Place {
  readonly servers: readonly [Server, Server];
  /** The store itself, without a way to it. */
  readonly store: Store;
}

type Streamed = Parameters<typeof executeStream>[1];

/** A store that says nothing is waited for. */
const DEADLINE_MS = 20_000;

export async function openPlace(opening: Omit<Opening, 'name'>): Promise<Place> {
  const open = (name: string): Promise<Server> => openServer({ ...opening, name });
  return { servers: [await open('A'), await open('B')], store: opening.ground.store };
}

interface Opening {
  readonly name: string;
  readonly ground: Ground;
  readonly turns: Turns;
  readonly policies: Readonly<Record<string, PolicyInit>>;
}

const log = pino({ level: 'silent' });

const refusedBy = (error: Rejection | CallOver): Refused =>
  error instanceof Rejection
    ? { refused: error.reason, isNone: error.detail.metadata?.['outcome'] !== 'unknown' }
    : { refused: 'CANCELLED', isNone: true };

async function openServer({ name, ground, turns, policies }: Opening): Promise<Server> {
  const journal = createMemoryStore();
  const configuredPolicies = Object.fromEntries(
    Object.entries(policies).map(([namespace, init]) => [namespace, policyMessage(init)]),
  );
  const stops: (() => Promise<void>)[] = [];
  let lastDownStep = -Infinity;
  let outages = 0;

  const start = async () => {
    const passage = await ground.open();
    const disk: Way = { isUp: true };
    const starting = openEngine({
      store: { ...passage.store, close: async () => undefined },
      metrics: createMetrics(),
      log,
      configuredPolicies,
      journal: { exists: () => true, open: async () => along(journal, turns, disk) },
    });
    const { engine, stop } = await turns.until(starting);
    stops.push(async () => {
      await stop();
      await passage.end();
    });
    return { engine, passage, disk };
  };
  let process = await start();
  let isUp = true;

  return {
    name,
    get engine() {
      return process.engine;
    },
    get lastDownStep() {
      return isUp ? lastDownStep : turns.steps;
    },
    get isUp() {
      return isUp;
    },
    get outages() {
      return outages;
    },
    setUp(next) {
      if (!next) outages += 1;
      lastDownStep = turns.steps;
      isUp = next;
      process.passage.setUp(next);
    },
    async restart() {
      outages += 1;
      process.passage.setUp(false);
      process.disk.isUp = false;
      lastDownStep = turns.steps;
      process = await start();
      isUp = true;
    },
    async ask(rpc, operation, request) {
      const asked = process;
      const call = { deadlineMs: performance.now() + DEADLINE_MS, signal: undefined, principal: ANONYMOUS };
      const answer = await execute({ engine: asked.engine, log }, operation, { name: rpc, request, call });
      if (performance.now() > call.deadlineMs) throw new Error(`${rpc} outlived its deadline`);
      if (!asked.disk.isUp) return undefined;
      if (answer.ok) return { ok: answer.response };
      if (answer.error instanceof Rejection && answer.error.reason === 'INTERNAL') throw new Error(`${rpc}: INTERNAL`);
      return refusedBy(answer.error);
    },
    stream(rpc, operation, request, signal) {
      const call = { deadlineMs: undefined, signal, principal: ANONYMOUS };
      return executeStream({ engine: process.engine, log }, operation, { name: rpc, request, call });
    },
    async stop() {
      await Promise.all(stops.map((each) => each()));
    },
  };
}
