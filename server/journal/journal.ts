// What this server keeps while the store is down: a small SQLite store of its own, flushed before each answer. Degraded
// attempts stand in it under their key; what a holder from before the outage said stands under its lease token, since
// the same key may have a degraded attempt beside it.

import { hash } from 'node:crypto';
import {
  addMs,
  durationMs,
  isExpired,
  isHeld,
  isOutcome,
  nameOf,
  StoreError,
  type Found,
  type Key,
  type LeaseToken,
  type RecordId,
  type Store,
  type StoredRecord,
  type Written,
} from '../../storage/contract/index.ts';
import { markAsJournals } from '../calls/lease-token.ts';
import { limits } from '../limits.ts';
import { StoreIsBack } from './store-is-back.ts';

/** No caller can begin an attempt whose name begins so: the prefix is the server's own. */
const HELD_ATTEMPT = 'onced:review:held';
const KEY_LABEL = 'onced:key';

/** The ttl of a row whose holder named none: the record keeps the one that it was begun with. */
export const TTL_AS_BEGUN = durationMs(limits.ttlMsMax + 1);

/** A holder whose lease is in the store. */
export interface HeldBefore extends RecordId {
  readonly leaseToken: LeaseToken;
}

export interface Journal {
  /** Rows kept; 0 means that nothing waits for the store. */
  size(): number;
  /** For holders whose attempts began here: the journal as if it were the store. */
  readonly store: Store;
  /** The journal as the holder's store: its row is made when there is none. Undefined when the journal is full. */
  holdersStore(holder: HeldBefore): Promise<Store | undefined>;
  /** The row for a key or a token; expired ones too, since nothing is forgotten before it is in the store. */
  find(id: RecordId): Promise<StoredRecord | undefined>;
  /** Rows in which holders from before the outage said something of this key. */
  heldFor(id: RecordId): readonly RecordId[];
  /**
   * The journal for a begin of this key. Where a holder from before has said here how it ended, nothing is claimed: its outcome is
   * shown to whoever names no fingerprint. Others are told that it is in progress, since only the store knows its request.
   */
  beginnersStore(begin: RecordId & Pick<StoredRecord, 'fingerprints' | 'attemptId'>): Promise<Store>;
  /** A page of rows; `after` as in Store.list. */
  page(after: string | undefined): ReturnType<Store['list']>;
  /** False when the row has changed since. */
  remove(row: StoredRecord): Promise<boolean>;
  close(): Promise<void>;
}

const PAGE = 100;

export async function openJournal(inner: Store): Promise<Journal> {
  let rows = (await inner.stats()).groups.reduce((total, { records }) => total + records, 0);
  const store: Store = {
    ...inner,
    async claim(request, options) {
      const written = await inner.claim(request, options);
      if (written.applied && written.record?.attemptOrigin === 'FRESH') rows += 1;
      return written;
    },
  };

  const beginners: Store = {
    ...store,
    claim: async (request, options) =>
      store.claim({ ...request, leaseToken: markAsJournals(request.leaseToken, request) }, options),
  };

  const page = async (after: string | undefined): ReturnType<Store['list']> =>
    inner.list({ includeExpired: true, limit: PAGE, ...(after === undefined ? {} : { after }) });
  /** By key of the holder, in the order in which they spoke; a row that is made anew has a new mark. */
  const held = new Map<string, Map<Key, symbol>>();
  const noteHeld = ({ namespace, key }: RecordId, row: Key): void => {
    const name = nameOf({ namespace, key });
    held.set(name, (held.get(name) ?? new Map<Key, symbol>()).set(row, Symbol()));
  };
  const markOf = (id: RecordId, row: Key): symbol | undefined => held.get(nameOf(id))?.get(row);
  const forgetHeld = (id: RecordId, row: Key): void => {
    const rowsHere = held.get(nameOf(id));
    if (rowsHere?.delete(row) === true && rowsHere.size === 0) held.delete(nameOf(id));
  };
  const found: StoredRecord[] = [];
  let after: string | undefined;
  do {
    const { records, next } = await page(after);
    found.push(...records.filter((row) => heldKeyOf(row) !== undefined));
    after = next;
  } while (after !== undefined);
  for (const row of found.toSorted((a, b) => a.createMs - b.createMs)) {
    noteHeld({ ...row, key: heldKeyOf(row) ?? row.key }, row.key);
  }
  const heldFor = ({ namespace, key }: RecordId): readonly RecordId[] =>
    [...(held.get(nameOf({ namespace, key }))?.keys() ?? [])].map((row) => ({ namespace, key: row }));

  return {
    size: () => rows,
    store,
    heldFor,
    async beginnersStore({ namespace, key, fingerprints, attemptId }) {
      const ended = heldFor({ namespace, key });
      if (ended.length === 0) return beginners;
      const begun = await inner.read({ namespace, key, includeResult: false });
      // An attempt that began here goes on; nobody takes it over.
      if (begun.record?.attemptId === attemptId && !isExpired(begun.record, begun.nowMs)) return beginners;
      for (const row of ended) {
        const { record, nowMs } = await inner.read({ ...row, includeResult: false });
        if (record === undefined || isExpired(record, nowMs)) continue;
        if (isOutcome(record) || record.state === 'UNKNOWN') {
          return endedView({ inner, row, key, isShown: fingerprints.length === 0 });
        }
      }
      return beginners;
    },
    async holdersStore(holder) {
      const row = { namespace: holder.namespace, key: rowKey(holder.leaseToken) };
      const { record } = await inner.read({ ...row, includeResult: false });
      if (record === undefined) {
        if (rows >= limits.journalRowsMax) return undefined;
        noteHeld(holder, row.key);
        await store.claim(heldClaim(holder));
      }
      return heldView(inner, row, holder.key);
    },
    find: async ({ namespace, key }) => (await inner.read({ namespace, key, includeResult: true })).record,
    page,
    async remove(row) {
      const { namespace, key, revision } = row;
      const heldKey = heldKeyOf(row);
      const holder = heldKey === undefined ? undefined : { namespace, key: heldKey };
      const mark = holder && markOf(holder, key);
      const isRemoved = await inner.remove({ namespace, key, revision, force: true });
      if (!isRemoved) return false;
      rows -= 1;
      // Unless its holder has made it anew by now. Not before the row is gone: a begin would not know of it meanwhile.
      if (holder !== undefined && markOf(holder, key) === mark) forgetHeld(holder, key);
      return true;
    },
    close: async () => inner.close(),
  };
}

/** Where the word of a holder from before the outage stands. */
export const rowKey = (leaseToken: LeaseToken): Key => leaseToken as string as Key;

/** The holder's own key when the row is that of one from before the outage. */
export const heldKeyOf = (row: StoredRecord): Key | undefined =>
  row.attemptId.startsWith(HELD_ATTEMPT) ? (row.labels[KEY_LABEL] as Key | undefined) : undefined;

const heldClaim = ({ namespace, key, leaseToken }: HeldBefore): Parameters<Store['claim']>[0] => ({
  namespace,
  key: rowKey(leaseToken),
  expected: 'absent',
  fingerprints: [],
  labels: { [KEY_LABEL]: key },
  // Two holders of one key are two attempts.
  attemptId: `${HELD_ATTEMPT}:${hash('sha256', leaseToken, 'hex').slice(0, 16)}`,
  owner: '',
  leaseToken,
  leaseMs: durationMs(limits.leaseMsMin),
  orphanTtlMs: durationMs(limits.ttlMsMax),
  retention: { ttlMs: TTL_AS_BEGUN, graceMs: durationMs(0) },
});

interface Ended {
  readonly inner: Store;
  readonly row: RecordId;
  readonly key: Key;
  /** Otherwise an outcome is not shown, only that there is more to come. */
  readonly isShown: boolean;
}

/** Shows how the row's holder ended as the record of its key; takes no claim while it is here. */
function endedView({ inner, row, key, isShown }: Ended): Store {
  const look = async (): Promise<Found> => {
    const { record, nowMs } = await inner.read({ ...row, includeResult: isShown });
    if (record === undefined) throw new StoreIsBack();
    if (isShown || !isOutcome(record)) return { nowMs, record: { ...record, key } };
    const leaseExpireMs = addMs(nowMs, durationMs(limits.journalReplayMs));
    return { nowMs, record: { ...record, key, state: 'IN_PROGRESS', leaseExpireMs } };
  };
  return {
    ...inner,
    read: look,
    claim: async () => ({ ...(await look()), applied: false, replacedExpired: false }),
  };
}

/** Shows the row as the record of the holder's key. */
function heldView(inner: Store, row: RecordId, key: Key): Store {
  const shown = <T extends Pick<Written, 'record'>>(written: T): T => {
    if (written.record === undefined) throw new StoreIsBack();
    return { ...written, record: { ...written.record, key } };
  };
  return {
    ...inner,
    async extend(request, options) {
      const { record } = await inner.read({ ...row, includeResult: false });
      // The lease itself is the store's alone: whoever is told here that it is kept may have lost it there.
      const isRenewal = request.checkpoint === undefined && record !== undefined && isHeld(record.state);
      if (isRenewal) throw new StoreError('unavailable', 'the lease is in the store');
      return shown(await inner.extend({ ...request, ...row }, options));
    },
    settle: async (request, options) => shown(await inner.settle({ ...request, ...row }, options)),
    read: async (request, options) => shown(await inner.read({ ...request, ...row }, options)),
  };
}
