// Pages of records: the filter as parameters, and the cursor, which is the last record's place in key order.

import { epochMs, type EpochMs, type Key, type ListPage, type ListRequest, type Namespace } from '../contract/index.ts';
import { texts } from './arrays.ts';
import { textOf, utf8 } from './columns.ts';
import { recordOf, type Row } from './rows.ts';

/** Parameters of sql/list.sql. One more than a page is asked for, to know whether there is a next. */
export function listParameters(request: ListRequest, nowMs: EpochMs | undefined): unknown[] {
  const prefix = request.keyPrefix === undefined ? undefined : utf8(request.keyPrefix);
  const after = placeOf(request);
  return [
    nowMs,
    request.namespace,
    request.states === undefined ? undefined : texts(request.states),
    request.orphanedOnly === true,
    prefix,
    prefix === undefined ? undefined : endOfPrefix(prefix),
    request.owner === undefined ? undefined : utf8(request.owner),
    request.ageMsMin,
    request.includeExpired === true,
    after.namespace,
    after.key,
    request.limit + 1,
  ];
}

const RECORD_AT = 3;

export function pageOf(rows: readonly Row[], limit: number): ListPage {
  const nowMs = epochMs(Number(rows[0]?.[0]));
  const records = rows
    .filter((row) => row[1] !== null)
    .slice(0, limit)
    .map((row) => recordOf({ namespace: row[1] as Namespace, key: textOf(row[2]) as Key }, row, RECORD_AT));
  const last = records.at(-1);
  const next = rows.length > limit && last !== undefined ? cursorOf(last) : undefined;
  return { nowMs, records, next };
}

interface Place {
  readonly namespace: string;
  readonly key: Buffer;
}

function placeOf({ namespace = '' as Namespace, after }: ListRequest): Place {
  if (after === undefined) return { namespace, key: Buffer.alloc(0) };
  const text = Buffer.from(after, 'base64url');
  const end = text.indexOf(0);
  return { namespace: text.toString('utf8', 0, end), key: text.subarray(end + 1) };
}

// NUL cannot stand in a namespace.
const cursorOf = ({ namespace, key }: { readonly namespace: Namespace; readonly key: Key }): string =>
  utf8(`${namespace}\0${key}`).toString('base64url');

/** The first key in byte order that does not start with the prefix; undefined when there is none. */
function endOfPrefix(prefix: Buffer): Buffer | undefined {
  const end = prefix.subarray(0, prefix.findLastIndex((byte) => byte < 0xff) + 1);
  if (end.length === 0) return undefined;
  const copy = Buffer.from(end);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) + 1, copy.length - 1);
  return copy;
}
