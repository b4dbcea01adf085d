// The verbs of the hot path: one batcher each, over the connections that they share.

import type {
  ClaimRequest,
  ExtendRequest,
  ReadRequest,
  RecordId,
  RemoveRequest,
  SettleRequest,
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
} from './parameters.ts';
import { answerOf, type Answer, type Row } from './rows.ts';
import { statements } from './sql.ts';

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
  const verb = <Request extends RecordId>(definition: Definition<Request>) =>
    batcherOf(connections, definition, placedAnswer);
  return {
    claim: verb<ClaimRequest>({
      statement: statements.claim,
      values: (batch) => [commitLevel, ...claimParameters(batch)],
      // Attempts on one key may share a batch, and Postgres lets one of them through. The same attempt twice may not.
      nameOf: (request) => `${nameOf(request)}\0${request.leaseToken}`,
    }),
    extend: verb<ExtendRequest>({
      statement: statements.extend,
      values: (batch) => [commitLevel, ...extendParameters(batch)],
      nameOf,
      bytesOf: ({ checkpoint }) => checkpoint?.length ?? 0,
    }),
    settle: verb<SettleRequest>({
      statement: statements.settle,
      values: (batch) => [commitLevel, ...settleParameters(batch)],
      nameOf,
      bytesOf: ({ settlement }) => (settlement.kind === 'completed' ? settlement.result.length : 0),
    }),
    read: verb<ReadRequest>({ statement: statements.read, values: readParameters, isRead: true }),
    remove: batcherOf<RemoveRequest, boolean>(
      connections,
      {
        statement: statements.remove,
        values: (batch) => [commitLevel, ...removeParameters(batch)],
        nameOf,
      },
      placedRemoval,
    ),
  };
}

const nameOf = ({ namespace, key }: RecordId): string => `${namespace}\0${key}`;

interface Definition<Request> {
  readonly statement: string;
  readonly values: (batch: readonly Asked<Request>[]) => readonly unknown[];
  readonly nameOf?: (request: Request) => string;
  readonly bytesOf?: (request: Request) => number;
  readonly isRead?: boolean;
}

/** What a row answers, and to which operation of the batch. */
interface Placed<Result> {
  readonly place: number;
  readonly result: Result | 'busy';
}

function placedAnswer(row: Row, batch: readonly Asked<RecordId>[]): Placed<Answer> {
  const place = placeOf(row);
  const asked = batch[place];
  if (asked === undefined) throw new Error(`Postgres answered for place ${place} of a batch of ${batch.length}`);
  const answer = answerOf(row, asked.request);
  return { place, result: answer.busy ? 'busy' : answer };
}

function placedRemoval(row: Row): Placed<boolean> {
  return { place: placeOf(row), result: row[2] === 't' ? 'busy' : row[1] === 't' };
}

const placeOf = (row: Row): number => Number(row[0]) - 1;

function batcherOf<Request extends RecordId, Result>(
  connections: Connections,
  { statement, values, nameOf, bytesOf, isRead = false }: Definition<Request>,
  placed: (row: Row, batch: readonly Asked<RecordId>[]) => Placed<Result>,
): Batcher<Asked<Request>, Result> {
  return createBatcher<Asked<Request>, Result>({
    lanes: limits.lanesPerVerb,
    isRead,
    nameOf: nameOf === undefined ? undefined : ({ request }) => nameOf(request),
    bytesOf: bytesOf === undefined ? () => 0 : ({ request }) => bytesOf(request),
    async run(batch) {
      const results: (Result | 'busy' | undefined)[] = [];
      for (const row of await connections.call(statement, values(batch))) {
        const { place, result } = placed(row, batch);
        results[place] = result;
      }
      return results;
    },
  });
}
