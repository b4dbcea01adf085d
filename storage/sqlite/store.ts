// The Store on the main thread: packs each verb, sends it down the lane, and makes the answer of what comes back.

import {
  applyClaim,
  applyExtend,
  applySettle,
  epochMs,
  StoreError,
  type CompactResult,
  type EpochMs,
  type ListPage,
  type Registry,
  type RegistryEntry,
  type Store,
  type StoredRecord,
  type StoreStats,
  type VerbOptions,
  type Written,
} from '../contract/index.ts';
import { createHeldRecords } from './held.ts';
import { openLane, type Answer, type Lane } from './lane.ts';
import { LIST_CURSOR, type ListSlice } from './list.ts';
import type { FileLog, FileOptions } from './open.ts';
import { packClaim, packExtend, packRead, packSettle } from './pack.ts';
import { BY_THE_CLOCK, type Operation } from './protocol.ts';
import { unpackRow } from './rows.ts';
import { unpackBytes } from './text.ts';

export interface SqliteStoreOptions extends FileOptions {
  /**
   * The disk cannot be believed any more: nothing is acknowledged from here on and the process must end. By default the
   * reason goes to stderr and the process exits with 1.
   */
  readonly onFatal?: (reason: string) => void;
  readonly logger?: FileLog;
}

const SILENT: FileLog = { info: () => undefined, warn: () => undefined };

/** Rejects with StoreRefusedError, which says what to change, when the file or its place must not be used. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { onFatal = endProcess, logger = SILENT, ...file } = options;
  const log: FileLog = { info: (message) => logger.info(message), warn: (message) => logger.warn(message) };
  const lane = await openLane({ file, log, onFatal });
  const held = createHeldRecords();
  return {
    description: {
      kind: 'sqlite',
      acknowledged: 'on this disk: written and flushed before the answer (WAL, synchronous=FULL, group commit)',
      tier: 'disk',
      location: `sqlite:${options.path}`,
    },
    registry: createRegistry(lane),

    claim: (request, verb) =>
      lane.ask(packClaim(request, instantOf(verb)), verb?.signal, (answer) => {
        const { applied, nowMs, before } = standing(answer);
        const record = applied ? applyClaim(request, before, nowMs) : before;
        if (applied && record !== undefined) held.keep({ record });
        return { applied, nowMs, record, replacedExpired: applied && record?.attemptOrigin === 'LATE_RETRY' };
      }),

    extend(request, verb) {
      const known = held.find(request)?.record;
      return lane.ask(packExtend(request, instantOf(verb), known?.revision), verb?.signal, (answer) => {
        const { applied, nowMs, before } = standing(answer, known);
        const record = applied ? applyExtend(request, before, nowMs) : before;
        if (applied && record !== undefined) held.keep({ record });
        return { applied, nowMs, record };
      });
    },

    settle(request, verb) {
      const known = held.find(request)?.record;
      return lane.ask(packSettle(request, instantOf(verb), known?.revision), verb?.signal, (answer): Written => {
        const { applied, nowMs, before } = standing(answer, known);
        if (applied) held.forget(request);
        const after = applied ? applySettle(request, before, nowMs) : undefined;
        return { applied, nowMs, record: after === undefined ? before : Object.assign(after, { result: undefined }) };
      });
    },

    read: (request, verb) =>
      lane.ask(packRead(request, instantOf(verb)), verb?.signal, (answer) => {
        const { nowMs, before } = standing(answer);
        return { nowMs, record: before };
      }),

    async list(request, verb): Promise<ListPage> {
      if (request.after !== undefined && !LIST_CURSOR.test(request.after)) {
        throw new StoreError('unavailable', 'the cursor was not made by this store');
      }
      const slice = await cold<ListSlice>(lane, ['list', instantOf(verb), request], verb);
      return { nowMs: slice.nowMs, records: slice.rows.map((row) => unpackRow(row)), next: slice.next };
    },

    remove: ({ namespace, key, revision, force }, verb) =>
      cold<boolean>(lane, ['remove', instantOf(verb), { namespace, key, revision, force }], verb),
    compact: (request, verb) => cold<CompactResult>(lane, ['compact', instantOf(verb), request], verb),
    stats: (verb) => cold<StoreStats>(lane, ['stats', instantOf(verb)], verb),
    ping: async (verb) => {
      await cold(lane, ['ping', instantOf(verb)], verb);
    },

    // One server a file: there are no others.
    onRemoteChange: () => () => undefined,
    close: () => lane.close(),
  };
}

function createRegistry(lane: Lane): Registry {
  return {
    get: ({ collection, name }) =>
      cold<RegistryEntry | undefined>(lane, ['registry-get', BY_THE_CLOCK, { collection, name }]),
    put: (put) => cold<RegistryEntry | undefined>(lane, ['registry-put', BY_THE_CLOCK, put]),
    remove: (id) => cold<boolean>(lane, ['registry-remove', BY_THE_CLOCK, id]),
    list: (query) => cold<readonly RegistryEntry[]>(lane, ['registry-list', BY_THE_CLOCK, query]),
  };
}

const instantOf = (verb: VerbOptions | undefined): number => verb?.nowMs ?? BY_THE_CLOCK;

interface Standing {
  readonly applied: boolean;
  readonly nowMs: EpochMs;
  /** What stood before the operation. */
  readonly before: StoredRecord | undefined;
}

/** `known`: the record whose revision was sent along. */
function standing(answer: Answer, known?: StoredRecord): Standing {
  if (typeof answer === 'number') return { applied: true, nowMs: epochMs(answer), before: known };
  if (answer[0] !== 'record') throw new Error('the writer answered a record verb without a record');
  const [, nowMs, applied, row, result] = answer;
  const record = row === null ? undefined : unpackRow(row);
  const before = record === undefined || result === null ? record : { ...record, result: unpackBytes(result) };
  return { applied, nowMs: epochMs(nowMs), before };
}

function cold<T>(lane: Lane, operation: Operation, verb?: VerbOptions): Promise<T> {
  return lane.ask(operation, verb?.signal, (answer) => {
    if (typeof answer === 'number' || answer[0] !== 'value')
      throw new Error('the writer answered with a record where a value was asked');
    return answer[1] as T;
  });
}

function endProcess(reason: string): void {
  process.stderr.write(`onced: the SQLite store cannot go on and the server ends: ${reason}\n`);
  process.exit(1);
}
