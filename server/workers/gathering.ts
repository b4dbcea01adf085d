// A worker that is asked for the figures of all, or whether all are ready, asks the primary, which asks every worker.

import type { Worker } from 'node:cluster';
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { limits } from '../limits.ts';
import type { Answers, FigureList, Question, ToPrimary } from './messages.ts';
import { tell, type Slot } from './slot.ts';

export interface Gathering {
  /** What a worker asks or answers. */
  heard(worker: Worker, message: Extract<ToPrimary, { kind: 'ask' | 'answer' }>): void;
  /** Nothing more comes from this one. What it has counted stays counted. */
  left(worker: Worker): void;
  close(): void;
}

interface Asked {
  readonly question: Question;
  readonly answers: Map<Worker, Answers[Question]>;
  readonly missing: Set<Worker>;
  readonly finish: () => void;
}

export function createGathering(slots: readonly Slot[]): Gathering {
  const asked = new Map<number, Asked>();
  const own = ownFigures(slots);
  const lastFigures = new Map<Worker, FigureList>();
  let retired = Promise.resolve<FigureList>([]);
  let nextId = 1;

  const ask = async (question: Question): Promise<Asked['answers']> =>
    new Promise((resolve) => {
      const id = nextId;
      nextId += 1;
      const workers = slots.flatMap(({ worker, serving }) => (serving === undefined ? [] : (worker ?? [])));
      const answers: Asked['answers'] = new Map();
      const finish = (): void => {
        clearTimeout(timer);
        asked.delete(id);
        resolve(answers);
      };
      const timer = setTimeout(finish, limits.workerAnswerMsMax);
      asked.set(id, { question, answers, missing: new Set(workers), finish });
      for (const worker of workers) tell(worker, { kind: 'question', id, question });
      if (workers.length === 0) finish();
    });

  const figures = async (): Promise<readonly FigureList[]> => {
    await ask('figures');
    // One that is too busy to answer has still counted what it said before: totals never go back.
    return [await own.registry.getMetricsAsJSON(), await retired, ...lastFigures.values()];
  };

  const troubles = async (): Promise<readonly (string | null)[]> => {
    const answers = await ask('trouble');
    return slots.map(({ number, worker, serving }) => {
      const answer = worker === undefined ? undefined : answers.get(worker);
      const trouble =
        serving === undefined ? 'is not running' : answer === undefined ? 'does not answer' : (answer as string | null);
      return trouble === null ? null : `worker ${number} of ${slots.length}: ${trouble}`;
    });
  };

  const reply = async (worker: Worker, id: number, question: Question): Promise<void> => {
    const answers = await (question === 'figures' ? figures() : troubles());
    tell(worker, { kind: 'answers', id, answers });
  };

  const drop = (entry: Asked, worker: Worker): void => {
    if (entry.missing.delete(worker) && entry.missing.size === 0) entry.finish();
  };

  return {
    heard(worker, message) {
      if (message.kind === 'ask') return void reply(worker, message.id, message.question);
      const entry = asked.get(message.id);
      const isThere = slots.some((slot) => slot.worker === worker);
      if (entry === undefined || !isThere) return;
      entry.answers.set(worker, message.answer);
      if (entry.question === 'figures') lastFigures.set(worker, message.answer as FigureList);
      drop(entry, worker);
    },
    left(worker) {
      own.ends.inc();
      for (const entry of asked.values()) drop(entry, worker);
      const counted = lastFigures.get(worker)?.filter(({ type }) => TOTALS.includes(String(type)));
      lastFigures.delete(worker);
      if (counted === undefined) return;
      retired = retired.then(async (before) => AggregatorRegistry.aggregate([before, counted]).getMetricsAsJSON());
    },
    close() {
      for (const { finish } of asked.values()) finish();
    },
  };
}

/** What only grows; the rest of a process goes with it. */
const TOTALS = ['counter', 'histogram'];

function ownFigures(slots: readonly Slot[]): { readonly registry: Registry; readonly ends: Counter } {
  const registry = new Registry();
  const registers = [registry];
  const workers: Gauge = new Gauge({
    name: 'onced_workers',
    help: 'Worker processes that serve.',
    registers,
    collect: () => workers.set(slots.filter(({ serving }) => serving !== undefined).length),
  });
  const ends = new Counter({ name: 'onced_worker_ends_total', help: 'Worker processes that ended.', registers });
  return { registry, ends };
}
