// What the primary process and its workers say to each other (`--workers`). Plain values, over the channel of node:cluster.

import type { Registry } from 'prom-client';
import type { StoreDescription } from '../../storage/contract/index.ts';

/** Figures as prom-client hands them on; both sides run the same release. */
export type FigureList = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** What is asked of every worker, and what each answers. */
export interface Answers {
  readonly figures: FigureList;
  /** Why it should not be sent work; null when it should. */
  readonly trouble: string | null;
}
export type Question = keyof Answers;

export interface Serving {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly store: StoreDescription;
}

export type ToPrimary =
  | { readonly kind: 'serving'; readonly serving: Serving }
  | { readonly kind: 'not-started'; readonly reason: string }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[Question] };

export type ToWorker =
  | { readonly kind: 'end'; readonly reason: string }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly Answers[Question][] };

/** Which worker a process is, in its environment: `2/4`. */
export const WORKER_VARIABLE = 'ONCED_WORKER';
