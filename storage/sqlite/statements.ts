// Loads and prepares the SQL files: one file a verb, parameters only.

import { readFileSync } from 'node:fs';
import type { Database, Statement } from 'better-sqlite3';
import { COLUMNS } from './rows.ts';

/** An entry of the index that a listing goes by. */
export type Candidate = readonly [place: number, id: number];

export type Statements = ReturnType<typeof prepareStatements>;

export function prepareStatements(database: Database) {
  const write = (name: string): Statement => database.prepare(sqlOf(name));
  const rows = (name: string): Statement<unknown[], unknown[]> =>
    database.prepare<unknown[], unknown[]>(sqlOf(name)).raw();
  const candidates = (name: string): Statement<unknown[], Candidate> =>
    database.prepare<unknown[], Candidate>(sqlOf(name)).raw();
  return {
    find: records(rows('find')),
    idsAt: database.prepare<[number], number>(sqlOf('ids-at')).pluck(),
    placesAfter: database.prepare<[number, number], number>(sqlOf('places-after')).pluck(),
    recordCount: database.prepare<[], number>(sqlOf('record-count')).pluck(),
    placed: rows('placed'),
    unplaced: database.prepare<unknown[], Candidate>(sqlOf('unplaced')).raw(),
    place: write('place'),
    placeMany: write('place-many'),
    unplace: write('unplace'),
    placedUntil: write('placed-until'),
    gone: database.prepare<unknown[], readonly [batch: number, places: string]>(sqlOf('gone')).raw(),
    goneAdd: write('gone-add'),
    goneForget: write('gone-forget'),
    result: rows('result'),
    claim: write('claim'),
    claimNew: write('claim-new'),
    extend: write('extend'),
    checkpoint: write('checkpoint'),
    complete: write('complete'),
    settle: write('settle'),
    remove: write('remove'),
    listRows: candidates('list-rows'),
    listNamespace: candidates('list-namespace'),
    listOrphans: candidates('list-orphans'),
    listUnknown: candidates('list-unknown'),
    share: rows('share'),
    list: records(rows('list')),
    due: rows('due'),
    purge: write('purge'),
    dropResult: write('drop-result'),
    tally: write('tally'),
    stats: rows('stats'),
    orphans: rows('orphans'),
    clock: write('clock'),
    ping: write('ping'),
    registryGet: database.prepare(sqlOf('registry-get')),
    registryPut: write('registry-put'),
    registryRemove: write('registry-remove'),
    registryList: database.prepare(sqlOf('registry-list')),
    totalChanges: rows('total-changes'),
    logState: database.prepare<unknown[], unknown[]>('pragma wal_checkpoint(noop)').raw(),
    pages: rows('pages'),
    beginReading: database.prepare('begin'),
    begin: database.prepare('begin immediate'),
    commit: database.prepare('commit'),
    rollback: database.prepare('rollback'),
  };
}

const sqlOf = (name: string): string => readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');

// Rows are read by position, so a column that moved in the file would end up in another field.
function records(statement: Statement<unknown[], unknown[]>): Statement<unknown[], unknown[]> {
  const names = statement.columns().map((column) => column.name);
  if (names.join() !== COLUMNS.join()) throw new Error(`the columns of ${statement.source} are not those of rows.ts`);
  return statement;
}
