// The verbs of the hot path: one batcher each, over the connections that they share.

import {
  nameOf,
  type ClaimRequest,
  type ExtendRequest,
  type ReadRequest,
  type RemoveRequest,
  type SettleRequest,
} from '../contract/index.ts';
import { createBatcher, type Batcher } from './batch.ts';
import type { Connections } from './connections.ts';
import { limits } from './limits.ts';
import {
  claimParameters,
  extendParameters,
  readParameters,
  removeParameters,
  settleParameters,
  type Asked,
  type Batch,
} from './parameters.ts';
import { answersOf, claimAnswers, removals, type Answer, type Answered, type Row } from './rows.ts';
import { statements, type Statement } from './sql.ts';

/** How many verbs may need their lanes at once. */
export const HOT_VERBS = 5;

export interface HotVerbs {
  readonly claim: Batcher<Asked<ClaimRequest>, Answer>;
  readonly extend: Batcher<Asked<ExtendRequest>, Answer>;
  readonly settle: Batcher<Asked<SettleRequest>, Answer>;
  readonly read: Batcher<Asked<ReadRequest>, Answer>;
  readonly remove: Batcher<Asked<RemoveRequest>, boolean>;
}

export function createHotVerbs(connections: Connections, commitLevel: string): HotVerbs {
  return {
    claim: batcherOf<ClaimRequest, Answer>(connections, {
      statement: statements.claim,
      values: (batch) => [commitLevel, ...claimParameters(batch)],
      // Attempts on one key may share a batch, and Postgres lets one of them through.
      nameOf: ({ leaseToken }) => leaseToken,
      answers: claimAnswers,
    }),
    extend: batcherOf<ExtendRequest, Answer>(connections, {
      statement: statements.extend,
      values: (batch) => [commitLevel, ...extendParameters(batch)],
      nameOf,
      bytesOf: ({ checkpoint }) => checkpoint?.length ?? 0,
      answers: answersOf,
    }),
    settle: batcherOf<SettleRequest, Answer>(connections, {
      statement: statements.settle,
      values: (batch) => [commitLevel, ...settleParameters(batch)],
      nameOf,
      bytesOf: ({ settlement }) => (settlement.kind === 'completed' ? settlement.result.length : 0),
      answers: answersOf,
    }),
    read: batcherOf<ReadRequest, Answer>(connections, {
      statement: statements.read,
      values: readParameters,
      isRead: true,
      answers: answersOf,
    }),
    remove: batcherOf<RemoveRequest, boolean>(connections, {
      statement: statements.remove,
      values: (batch) => [commitLevel, ...removeParameters(batch)],
      nameOf,
      answers: removals,
    }),
  };
}

interface Definition<Request, Result> {
  readonly statement: Statement;
  readonly values: (batch: Batch<Request>) => readonly unknown[];
  readonly nameOf?: (request: Request) => string;
  readonly bytesOf?: (request: Request) => number;
  readonly isRead?: boolean;
  /** What the rows answer, by place in the batch. */
  readonly answers: (rows: readonly Row[], batch: Batch<Request>) => readonly Answered<Result>[];
}

function batcherOf<Request, Result>(
  connections: Connections,
  { statement, values, nameOf, bytesOf, isRead = false, answers }: Definition<Request, Result>,
): Batcher<Asked<Request>, Result> {
  return createBatcher<Asked<Request>, Result>({
    lanes: limits.lanesPerVerb,
    isRead,
    nameOf: nameOf === undefined ? undefined : ({ request }) => nameOf(request),
    bytesOf: bytesOf === undefined ? () => 0 : ({ request }) => bytesOf(request),
    run: async (batch) => answers(await connections.call(statement, values(batch)), batch),
  });
}
