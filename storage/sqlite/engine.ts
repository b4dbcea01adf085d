// The synchronous core: one batch of operations, one transaction, one fsync. Runs in the writer thread and owns the
// connection; knows nothing of threads or queues.

import type { Database } from 'better-sqlite3';
import { epochMs, StoreError, type EpochMs } from '../contract/index.ts';
import type { Places } from './hash.ts';
import { createHeldRecords } from './held.ts';
import { FILTER_STEP_BUSY, FILTER_STEP_IDLE } from './limits.ts';
import { runList } from './list.ts';
import { createPlaceFilter } from './place-filter.ts';
import { BY_THE_CLOCK, type FailedReply, type Operation, type Reply } from './protocol.ts';
import { runClaim, runExtend, runRead, runSettle, type Table } from './records.ts';
import { runRegistryGet, runRegistryList, runRegistryPut, runRegistryRemove } from './registry.ts';
import { createRecent } from './recent.ts';
import type { Space } from './space.ts';
import { prepareStatements } from './statements.ts';
import { createTallies } from './tallies.ts';
import { createTidying } from './tidying.ts';
import { fatalMessage, FatalStoreError, fullError, isFatal, isFull, sqliteCode, toStoreError } from './trouble.ts';
import { runCompact, runRemove, runStats } from './upkeep.ts';

export interface Engine {
  /**
   * Replies in the order of the operations, all of them committed. Throws FatalStoreError when the disk cannot be
   * believed any more: then nothing of the batch may be acknowledged and the process must end.
   */
  run(operations: readonly Operation[]): readonly Reply[];
  /** To be called after each batch was answered: bounds the log when there never is an idle moment. */
  keepUp(): void;
  /** To be called when there is nothing better to do. True when there is more of it to do. */
  tidy(): boolean;
  close(): void;
}

export interface EngineParts {
  readonly database: Database;
  readonly clock: () => EpochMs;
  readonly space: Space;
  readonly places: Places;
  readonly recentRecordsMax: number;
}

export function createEngine(parts: EngineParts): Engine {
  const { database, clock, space } = parts;
  const statements = prepareStatements(database);
  const filter = createPlaceFilter(statements);
  const recent = createRecent(statements, filter, parts.recentRecordsMax);
  const held: Table['held'] = createHeldRecords();
  const table: Table = { statements, tallies: createTallies(), places: parts.places, filter, recent, held };

  const runOne = (operation: Operation): Reply => {
    if (space.isFull() && isRefusedWhenFull(operation)) return failed(fullError());
    const nowMs = operation[1] === BY_THE_CLOCK ? clock() : epochMs(operation[1]);
    switch (operation[0]) {
      case 'claim':
        return runClaim(table, operation, nowMs);
      case 'extend':
        return runExtend(table, operation, nowMs);
      case 'settle':
        return runSettle(table, operation, nowMs);
      case 'read':
        return runRead(table, operation, nowMs);
      case 'list':
        return ['value', runList(table, operation[2], nowMs)];
      case 'remove':
        return ['value', runRemove(table, operation[2], nowMs)];
      case 'compact':
        return ['value', runCompact(table, operation[2], nowMs)];
      case 'stats':
        return ['value', { ...runStats(table, nowMs), storeBytes: space.storeBytes() }];
      case 'ping':
        return ['value', statements.ping.run().changes === 1];
      case 'registry-get':
        return ['value', runRegistryGet(statements, operation[2])];
      case 'registry-put':
        return ['value', runRegistryPut(statements, operation[2])];
      case 'registry-remove':
        return ['value', runRegistryRemove(statements, operation[2])];
      case 'registry-list':
        return ['value', runRegistryList(statements, operation[2])];
    }
  };

  const begin = (operations: readonly Operation[]): void => {
    // Looking needs no write lock, so it goes on when a write cannot even begin.
    (operations.every(isReading) ? statements.beginReading : statements.begin).run();
  };

  const commit = (operations: readonly Operation[]): readonly Reply[] => {
    const changesBefore = totalChanges();
    const replies = operations.map(runOne);
    if (totalChanges() !== changesBefore) {
      table.tallies.write(statements);
      recent.write();
      statements.clock.run(clock());
    }
    statements.commit.run();
    recent.committed();
    return replies;
  };

  const totalChanges = (): number => statements.totalChanges.get()?.[0] as number;

  const attempt = (operations: readonly Operation[]): readonly Reply[] => {
    try {
      begin(operations);
    } catch (error) {
      return withoutBegin(operations, error);
    }
    try {
      return commit(operations);
    } catch (error) {
      return recover(operations, error);
    } finally {
      table.tallies.forget();
    }
  };

  // No write can begin (another program holds the lock, the mount is read-only), so trying them one by one would wait
  // for the lock each time. Those that only look are still answered.
  const withoutBegin = (operations: readonly Operation[], error: unknown): readonly Reply[] => {
    if (isFatal(error)) throw new FatalStoreError(fatalMessage(error), { cause: error });
    if (operations.every(isReading)) return operations.map(() => failed(error));
    return operations.flatMap((operation) => (isReading(operation) ? attempt([operation]) : [failed(error)]));
  };

  // One operation's trouble must not fail the others: nothing of the batch was written, so each is tried by itself.
  const recover = (operations: readonly Operation[], error: unknown): readonly Reply[] => {
    // SQLite may have rolled back by itself; a rollback outside of a transaction would throw over the real error.
    if (database.inTransaction) statements.rollback.run();
    table.tallies.forget();
    recent.rolledBack();
    held.forgetAll();
    if (isFatal(error)) throw new FatalStoreError(fatalMessage(error), { cause: error });
    if (isFull(error) && space.becameFull()) return attempt(operations);
    if (operations.length === 1) return [failed(error)];
    return operations.flatMap((operation) => attempt([operation]));
  };

  const tidying = createTidying({ database, statements, space });
  return {
    run(operations) {
      space.look();
      return attempt(operations);
    },
    keepUp() {
      filter.readOn(FILTER_STEP_BUSY);
      tidying.keepUp();
    },
    tidy() {
      const isFilling = filter.readOn(FILTER_STEP_IDLE);
      return tidying.tidy() || isFilling;
    },
    close() {
      tidying.checkpoint('truncate');
      database.close();
    },
  };
}

const READING: ReadonlySet<string> = new Set(['read', 'list', 'stats', 'registry-get', 'registry-list']);

const isReading = (operation: Operation): boolean => READING.has(operation[0]);

const isRefusedWhenFull = (operation: Operation): boolean => operation[0] === 'claim' || operation[0] === 'ping';

function failed(error: unknown): FailedReply {
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (!(error instanceof StoreError) && sqliteCode(error) === undefined) {
    return ['failed', 'bug', `the SQLite store failed an assertion: ${String(error)}`, cause];
  }
  const { kind, message } = toStoreError(error);
  return ['failed', kind, message, cause];
}
