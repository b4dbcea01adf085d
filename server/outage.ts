// While the store is down: REJECT answers UNAVAILABLE, CONTINUE_DEGRADED goes on with this server's journal, and what was
// kept there is written when the store is back. Costs one comparison a call while nothing is kept and the store answers.

import type { Logger } from 'pino';
import { nameOf, type RecordId, type Store, type StoredRecord } from '../storage/contract/index.ts';
import { isOutage, type Breaker } from './breaker.ts';
import type { BeginAsk } from './calls/begin-ask.ts';
import type { Holder } from './calls/holder.ts';
import type { Engine } from './context.ts';
import { heldKeyOf, openJournal, rowKey, type Journal } from './journal/journal.ts';
import { replayRow } from './journal/replay.ts';
import { StoreIsBack } from './journal/store-is-back.ts';
import { limits } from './limits.ts';
import type { Policy } from './policy.ts';

/** Where a call goes on that the store failed. */
export interface Place {
  /** On the journal, or as before when the store is back. */
  readonly engine: Engine;
  readonly isLocal: boolean;
}

/** Where the journal is kept. */
export interface JournalPlace {
  /** An earlier process may have left something. */
  readonly exists: () => boolean;
  readonly open: () => Promise<Store>;
}

export interface Outage {
  /** The store is known not to answer. */
  isAway(): boolean;
  /** Something waits here for the store. */
  isKeeping(): boolean;
  /** Rows of the journal. */
  kept(): number;
  /** Writes what is kept of this key, if the store is there, so that the store can answer for it. */
  bringOver(engine: Engine, id: RecordId): Promise<void>;
  /** The engine on the journal, for a begin that failed so. Throws the failure where the namespace or the bound says so. */
  forBegin(engine: Engine, ask: BeginAsk, failure: unknown): Promise<Place>;
  /** As `forBegin`, for a call by a lease token. */
  forHolder(engine: Engine, holder: Holder, failure: unknown): Promise<Place>;
  /** The engine on the journal when this holder's attempt stands there. */
  standing(engine: Engine, holder: Holder): Promise<Engine | undefined>;
  /** Writes everything that is kept. */
  replay(engine: Engine): Promise<void>;
  start(engine: Engine): Promise<void>;
  stop(): Promise<void>;
}

export interface OutageOptions {
  readonly breaker: Breaker;
  /** Undefined: every namespace is answered as under REJECT. */
  readonly place: JournalPlace | undefined;
  readonly log: Logger;
}

export function createOutage({ breaker, place, log }: OutageOptions): Outage {
  let opening: Promise<Journal> | undefined;
  let journal: Journal | undefined;
  let running: Promise<void> | undefined;
  const replaying = new Map<string, Promise<void>>();
  let timer: NodeJS.Timeout | undefined;
  const stopping = new AbortController();

  const open = async (): Promise<Journal> => {
    if (place === undefined) throw new Error('there is no place for a journal');
    opening ??= place.open().then(openJournal);
    try {
      return (journal = await opening);
    } catch (error) {
      opening = undefined;
      throw error;
    }
  };

  const replayOne = async (engine: Engine, kept: Journal, row: RecordId & { revision: number }): Promise<void> => {
    const name = nameOf(row);
    const run =
      replaying.get(name) ?? replayRow(engine, kept, row as StoredRecord).finally(() => replaying.delete(name));
    replaying.set(name, run);
    return run;
  };

  /** All that is kept of a key, one after the other: what holders from elsewhere said of it came first. */
  const replayKey = async (engine: Engine, kept: Journal, id: RecordId): Promise<void> => {
    for (const each of [...kept.heldFor(id), id]) {
      const row = await kept.find(each);
      if (row !== undefined) await replayOne(engine, kept, row);
    }
  };

  /** Several at a time, which the store and the journal flush together; stops at the first that the store does not answer. */
  const replayPage = async (engine: Engine, kept: Journal, rows: readonly StoredRecord[]): Promise<void> => {
    const waiting = rows.values();
    const lane = async (): Promise<void> => {
      for (const row of waiting) {
        if (stopping.signal.aborted) return;
        await replayKey(engine, kept, { ...row, key: heldKeyOf(row) ?? row.key }).catch((error: unknown) => {
          if (isOutage(error)) throw error;
          // This row alone: those behind it must not wait for it.
          log.error({ err: error, namespace: row.namespace }, 'journal: a row cannot be written; it stays');
        });
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: limits.journalReplaysAtOnce }, lane));
    const failed = lanes.find((ended) => ended.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };

  const replayAll = async (engine: Engine): Promise<void> => {
    const kept = journal;
    if (kept === undefined) return;
    const before = kept.size();
    let after: string | undefined;
    do {
      const page = await kept.page(after);
      await replayPage(engine, kept, page.records);
      after = page.next;
    } while (after !== undefined && !stopping.signal.aborted);
    if (before > 0)
      log.info({ written: before - kept.size(), left: kept.size() }, 'journal: the store has what was kept');
  };

  const replay = async (engine: Engine): Promise<void> => {
    running ??= replayAll(engine)
      .catch((error: unknown) => log.warn({ err: error }, 'journal: not all could be written yet; it is tried again'))
      .finally(() => (running = undefined));
    return running;
  };

  /** Undefined when the store is back already, so that asking it once more is all there is to do. */
  const journalFor = async (policy: Policy, failure: unknown): Promise<Journal | undefined> => {
    const isAllowed = policy.onStoreOutage === 'CONTINUE_DEGRADED' && isOutage(failure);
    if (place === undefined || !isAllowed) throw failure;
    if (!(await breaker.isDown())) return undefined;
    try {
      return await open();
    } catch (error) {
      log.error({ err: error }, 'the journal cannot be opened: nothing goes on without the store');
      throw failure;
    }
  };

  /**
   * The journal for as long as nothing of it is written: a begin that waited would find its rows gone, and begin beside what the
   * store has of them.
   */
  const whileAway = (kept: Store): Store => {
    const through = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
      if (!breaker.isOpen()) throw new StoreIsBack();
      return call();
    };
    return {
      ...kept,
      claim: async (...args) => through(() => kept.claim(...args)),
      extend: async (...args) => through(() => kept.extend(...args)),
      settle: async (...args) => through(() => kept.settle(...args)),
      read: async (...args) => through(() => kept.read(...args)),
    };
  };

  const bringOver = async (engine: Engine, id: RecordId): Promise<void> => {
    if (journal === undefined || breaker.isOpen()) return;
    await replayKey(engine, journal, id);
  };

  return {
    isAway: () => breaker.isAway(),
    isKeeping: () => journal !== undefined && journal.size() > 0,
    kept: () => journal?.size() ?? 0,
    bringOver,

    async forBegin(engine, ask, failure) {
      const kept = await journalFor(ask.policy, failure);
      if (kept === undefined) return { engine, isLocal: false };
      if (kept.size() >= limits.journalRowsMax) throw failure;
      return { engine: { ...engine, store: whileAway(await kept.beginnersStore(ask)) }, isLocal: true };
    },

    async forHolder(engine, { id, leaseToken, policy }, failure) {
      const kept = await journalFor(policy, failure);
      if (kept === undefined) return { engine, isLocal: false };
      const store = await kept.holdersStore({ ...id, leaseToken });
      if (store === undefined) throw failure;
      return { engine: { ...engine, store }, isLocal: true };
    },

    async standing(engine, { id, leaseToken }) {
      const kept = journal;
      if (kept === undefined) return undefined;
      // Where the store is back it shall have the word; a failure to reach it leaves the row here.
      await bringOver(engine, id).catch(() => undefined);
      await bringOver(engine, { ...id, key: rowKey(leaseToken) }).catch(() => undefined);
      const row = await kept.find(id);
      if (row?.leaseToken === leaseToken) return { ...engine, store: kept.store };
      const held = await kept.find({ ...id, key: rowKey(leaseToken) });
      if (held === undefined) return undefined;
      const store = await kept.holdersStore({ ...id, leaseToken });
      return store === undefined ? undefined : { ...engine, store };
    },

    replay,
    async start(engine) {
      if (place?.exists() === true) {
        await open().catch((error: unknown) => log.error({ err: error }, 'the journal of before cannot be opened'));
      }
      breaker.onClosed(() => void replay(engine));
      timer = setInterval(() => {
        if (journal !== undefined && journal.size() > 0 && !breaker.isOpen()) void replay(engine);
      }, limits.journalReplayMs);
      timer.unref();
    },
    async stop() {
      stopping.abort();
      clearInterval(timer);
      breaker.stop();
      await running;
      await journal?.close();
    },
  };
}
