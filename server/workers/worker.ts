// One of several server processes: who it is, and its line to the primary and through it to the others.

import cluster from 'node:cluster';
import { limits } from '../limits.ts';
import {
  WORKER_VARIABLE,
  type Answers,
  type Question,
  type Serving,
  type ToPrimary,
  type ToWorker,
} from './messages.ts';

export interface Worker {
  /** From 1; a process that is started in place of another has its number. */
  readonly number: number;
  readonly count: number;
  /** How it answers when the others ask. */
  answerWith(answers: { readonly [Asked in Question]: () => Promise<Answers[Asked]> }): void;
  /** The answers of all, its own among them. Rejects when the primary does not answer. */
  ask<Asked extends Question>(question: Asked): Promise<readonly Answers[Asked][]>;
  serving(serving: Serving): void;
  notStarted(reason: string): Promise<void>;
  onEnd(listener: (reason: string) => void): void;
}

/** Undefined for a server of its own. */
export function joinWorkers(environment: Readonly<Record<string, string | undefined>>): Worker | undefined {
  const [, number, count] = /^(\d+)\/(\d+)$/.exec(environment[WORKER_VARIABLE] ?? '') ?? [];
  if (!cluster.isWorker || number === undefined) return undefined;
  const asked = new Map<number, (answers: readonly Answers[Question][]) => void>();
  let answers: Parameters<Worker['answerWith']>[0] | undefined;
  let end: (reason: string) => void = () => undefined;
  let nextId = 1;

  const say = (message: ToPrimary): void => void process.send?.(message);
  process.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'end':
        return end(message.reason);
      case 'answers':
        return asked.get(message.id)?.(message.answers);
      case 'question':
        // Whoever does not answer counts as missing, which is what a failure here means.
        answers?.[message.question]().then(
          (answer) => say({ kind: 'answer', id: message.id, answer }),
          () => undefined,
        );
    }
  });

  return {
    number: Number(number),
    count: Number(count),
    answerWith: (given) => void (answers = given),
    async ask<Asked extends Question>(question: Asked) {
      const id = nextId;
      nextId += 1;
      const { promise, resolve, reject } = Promise.withResolvers<readonly Answers[Question][]>();
      const timer = setTimeout(
        () => reject(new Error('the primary process does not answer')),
        limits.workersAnswerMsMax,
      );
      asked.set(id, resolve);
      say({ kind: 'ask', id, question });
      try {
        return (await promise) as readonly Answers[Asked][];
      } finally {
        clearTimeout(timer);
        asked.delete(id);
      }
    },
    serving: (serving) => say({ kind: 'serving', serving }),
    notStarted: async (reason) =>
      new Promise((resolve) => {
        process.send?.({ kind: 'not-started', reason } satisfies ToPrimary, () => resolve());
      }),
    onEnd: (listener) => void (end = listener),
  };
}
