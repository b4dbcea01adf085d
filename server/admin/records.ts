// AdminService: single records and pages of them.

import { create, toJsonString } from '@bufbuild/protobuf';
import {
  GetRecordResponseSchema,
  ListRecordsResponseSchema,
  RecordFilterSchema,
  type GetRecordRequest,
  type GetRecordResponse,
  type ListRecordsRequest,
  type ListRecordsResponse,
  type RecordFilter,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import {
  isExpired,
  orphanOf,
  type EpochMs,
  type ListFilter,
  type ListPage,
  type StoredRecord,
  type StoredState,
} from '../../storage/contract/index.ts';
import { assertNotOver, remainingMs, type CallContext, type Engine } from '../context.ts';
import { invalidFields, Rejection } from '../errors.ts';
import { recordMessage, stateOf } from '../messages.ts';
import { limits } from '../limits.ts';
import { recordPages, type Reading } from '../record-pages.ts';
import { readDuration, readKey, readNamespace, readText, Violations } from '../validate.ts';
import { pageToken, readPage } from './pages.ts';

export async function getRecord(engine: Engine, request: GetRecordRequest): Promise<GetRecordResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const key = readKey(request.key, violations);
  violations.check();
  const { record, nowMs } = await engine.store.read({ namespace, key, includeResult: request.includeResult });
  if (record === undefined || isExpired(record, nowMs)) {
    throw new Rejection('INTENT_NOT_FOUND', 'there is no record of this key, or it has expired');
  }
  const view = { withResult: request.includeResult, withCheckpoint: true };
  return create(GetRecordResponseSchema, { record: recordMessage(record, nowMs, view) });
}

export async function listRecords(
  engine: Engine,
  request: ListRecordsRequest,
  call: CallContext,
): Promise<ListRecordsResponse> {
  const filter = request.filter ?? create(RecordFilterSchema);
  const selection = readFilter(filter);
  const question = `records:${await engine.pageSecret()}:${toJsonString(RecordFilterSchema, filter)}`;
  const page = readPage(question, request);
  const reading = { limit: page.size, after: page.after === '' ? undefined : page.after };
  const untilMs = performance.now() + Math.min(limits.searchMsMax, remainingMs(call) - limits.deadlineMarginMs);
  const response = create(ListRecordsResponseSchema);
  for await (const { records, nowMs, next } of selectedPages(engine, selection, reading, call)) {
    response.nextPageToken = next === undefined ? '' : pageToken(question, next);
    response.records = records.map((record) => {
      const withCheckpoint = orphanOf(record, nowMs) !== undefined;
      return recordMessage(record, nowMs, { withResult: false, withCheckpoint });
    });
    if (records.length > 0 || performance.now() >= untilMs) break;
  }
  return response;
}

/** Until the caller hangs up, which is noticed also where nothing matches for long. */
export async function* selectedPages(
  { store }: Engine,
  { filter, matches }: Selection,
  reading: Reading,
  call: CallContext,
): AsyncGenerator<ListPage, void> {
  for await (const page of recordPages(store, filter, { ...reading, signal: call.signal })) {
    assertNotOver(call);
    yield { ...page, records: page.records.filter((record) => matches(record, page.nowMs)) };
  }
}

/** Older than any record can be: longest ttl, grace and hold together. */
const AGE_MS_MAX = 2 * limits.ttlMsMax;

export interface Selection {
  readonly filter: ListFilter;
  /** What the store's filter cannot say: derived states and the exact key. */
  readonly matches: (record: StoredRecord, nowMs: EpochMs) => boolean;
}

/** Turns the API's filter into the store's. Throws INVALID_FIELD. */
export function readFilter(wire: RecordFilter): Selection {
  const violations = new Violations();
  const namespace = wire.namespace === '' ? undefined : readNamespace(wire.namespace, violations);
  if (wire.key !== '' && namespace === undefined) violations.add('filter.key', 'needs filter.namespace');
  for (const state of wire.states) {
    if (IntentState[state] === undefined || state === IntentState.UNSPECIFIED) {
      violations.add('filter.states', `has an unknown state: ${state}`);
    }
  }
  for (const [field, value] of [
    ['filter.key', wire.key],
    ['filter.key_prefix', wire.keyPrefix],
  ] as const) {
    readText({ field, value, bytesMax: limits.keyBytesMax }, violations);
  }
  readText({ field: 'filter.owner', value: wire.owner, bytesMax: limits.ownerBytesMax }, violations);
  const age = { field: 'filter.age_min', value: wire.ageMin, msMin: 0, msMax: AGE_MS_MAX };
  const ageMs = readDuration(age, violations);
  violations.check();
  const states = new Set(wire.states.map(storedState));
  const isOrphansOnly = wire.states.length > 0 && wire.states.every(isOrphanState);
  const prefix = wire.key === '' ? wire.keyPrefix : wire.key;
  return {
    filter: {
      ...(namespace === undefined ? {} : { namespace }),
      ...(states.size === 0 ? {} : { states: [...states] }),
      ...(isOrphansOnly ? { orphanedOnly: true } : {}),
      ...(prefix === '' ? {} : { keyPrefix: prefix }),
      ...(wire.owner === '' ? {} : { owner: wire.owner }),
      ...(ageMs === undefined ? {} : { ageMsMin: ageMs }),
      ...(wire.includeExpired ? { includeExpired: true } : {}),
    },
    matches: (record, nowMs) =>
      (wire.states.length === 0 || wire.states.includes(stateOf(record, nowMs))) &&
      (wire.key === '' || record.key === wire.key),
  };
}

const isOrphanState = (state: IntentState): boolean => state === IntentState.ORPHANED || state === IntentState.UNKNOWN;

function storedState(state: IntentState): StoredState {
  switch (state) {
    case IntentState.IN_PROGRESS:
    case IntentState.ORPHANED:
      return 'IN_PROGRESS';
    case IntentState.COMPLETED:
      return 'COMPLETED';
    case IntentState.FAILED:
      return 'FAILED';
    case IntentState.RELEASED:
      return 'RELEASED';
    case IntentState.UNKNOWN:
      return 'UNKNOWN';
    case IntentState.UNSPECIFIED:
      throw invalidFields([{ field: 'filter.states', description: 'has an unknown state' }]);
  }
}
