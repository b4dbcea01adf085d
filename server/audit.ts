// The audit log: append-only and hash-chained, one registry entry an event, named by its sequence number. Writing event
// N + 1 only where no such entry stands makes the chain one, however many servers append.

import { hash, randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { StoreError, type Registry, type RegistryEntry } from '../storage/contract/index.ts';
import type { CallContext } from './context.ts';
import { Rejection } from './errors.ts';

export interface AuditEntry {
  /** 1, 2, 3 ... without gaps. */
  readonly sequence: number;
  readonly timeMs: number;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly namespace: string;
  readonly reason: string;
  readonly requestId: string;
  /** JSON, without payloads. */
  readonly before: string;
  readonly after: string;
  /** Hex; see `chainHash`. */
  readonly hash: string;
}

export interface AuditedChange {
  readonly action: string;
  readonly target: string;
  readonly namespace: string;
  readonly reason: string;
  readonly before: object;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** The lowest number that was looked for; 1 when there is nothing before. */
  readonly from: number;
  /** Of the newest event that was ever written, which may have been removed since. */
  readonly newest: number;
}

export interface Audit {
  /**
   * Writes that the change begins, makes it, writes how it ended. When the first cannot be written the change is
   * refused; when it fails, that is written too.
   */
  around<T>(call: CallContext, change: AuditedChange, make: () => Promise<{ value: T; after: object }>): Promise<T>;
  /** As `around`, for a change that ends elsewhere: writes that it begins; the function that comes back, how it ended. */
  begin(call: CallContext, change: AuditedChange): Promise<(after: object) => Promise<void>>;
  /** Newest first: what is there of the `limit` events below `before` (undefined: from the end). */
  page(query: { readonly before: number | undefined; readonly limit: number }): Promise<AuditPage>;
}

const COLLECTION = 'audit';
const HEAD = { collection: 'audit-head', name: 'head' };
const SEQUENCE_DIGITS = 16;
/** Servers that append at once each win in turn; more losses than this mean that something else is wrong. */
const APPEND_TRIES_MAX = 50;

interface Head {
  readonly sequence: number;
  readonly hash: string;
}

const EMPTY: Head = { sequence: 0, hash: '' };

export function createAudit(registry: Registry, log: Logger): Audit {
  let known: Head | undefined;

  /** The newest event: from the pointer, which may lag, rolled forward over what came since. */
  const readHead = async (): Promise<Head> => {
    const pointer = await registry.get(HEAD);
    let head = known ?? (pointer === undefined ? EMPTY : (JSON.parse(pointer.value) as Head));
    for (;;) {
      const page = await registry.list({ collection: COLLECTION, after: nameOf(head.sequence), limit: 100 });
      const last = page.at(-1);
      if (last === undefined) return head;
      const { sequence, hash } = readEntry(last);
      head = { sequence, hash };
    }
  };

  const append = async (event: Omit<AuditEntry, 'sequence' | 'hash'>): Promise<void> => {
    for (let tries = 0; tries < APPEND_TRIES_MAX; tries += 1) {
      const head = known ?? (await readHead());
      const numbered = { sequence: head.sequence + 1, ...event };
      const entry: AuditEntry = { ...numbered, hash: chainHash(head.hash, numbered) };
      const name = nameOf(entry.sequence);
      const put = { collection: COLLECTION, name, value: JSON.stringify(entry), expectedRevision: 0 };
      if ((await registry.put(put)) !== undefined) {
        known = { sequence: entry.sequence, hash: entry.hash };
        await registry.put({ ...HEAD, value: JSON.stringify(known) });
        return;
      }
      known = await readHead();
    }
    throw new Rejection('OVERLOADED', 'the audit log is too busy; nothing was changed', { retryAfterMs: 1000 });
  };

  const open = async (call: CallContext, change: AuditedChange) => {
    const event = {
      ...change,
      actor: call.principal.name,
      requestId: randomUUID(),
      before: JSON.stringify(change.before),
    };
    await append({ ...event, timeMs: Date.now(), after: '' });
    const { action, namespace } = change;
    log.info({ action, namespace, actor: event.actor, requestId: event.requestId }, 'an audited change begins');
    return async (how: 'done' | 'failed', after: object): Promise<void> =>
      append({ ...event, action: `${change.action}.${how}`, timeMs: Date.now(), after: JSON.stringify(after) });
  };

  return {
    async around(call, change, make) {
      const finish = await open(call, change);
      const { value, after } = await make().catch(async (error: unknown) => {
        // What the change itself met is what its caller must know: it may have been made after all.
        await finish('failed', { why: whyOf(error) }).catch((untold: unknown) =>
          log.warn({ err: untold, action: change.action }, 'how an audited change failed could not be written'),
        );
        throw error;
      });
      // Apart from the above: a change that was made must not be told as failed because its end could not be written.
      await finish('done', after).catch(throwUnwritten);
      return value;
    },

    async begin(call, change) {
      const finish = await open(call, change);
      return async (after) => finish('done', after).catch(throwUnwritten);
    },

    async page({ before, limit }) {
      const newest = (await readHead()).sequence;
      const end = before ?? newest + 1;
      const from = Math.max(1, end - limit);
      if (from >= end) return { entries: [], from: 1, newest };
      const page = await registry.list({ collection: COLLECTION, after: nameOf(from - 1), limit: end - from });
      // Where one is missing the list goes on behind the page.
      const entries = page.map(readEntry).filter(({ sequence }) => sequence < end);
      return { entries: entries.toReversed(), from, newest };
    },
  };
}

/**
 * Hex SHA-256 over the hash before (hex, empty for the first), a line feed, and the JSON array of the event's fields in
 * the order sequence, timeMs, actor, action, target, namespace, reason, requestId, before, after.
 */
export function chainHash(hashBefore: string, event: Omit<AuditEntry, 'hash'>): string {
  const { sequence, timeMs, actor, action, target, namespace, reason, requestId, before, after } = event;
  const fields = [sequence, timeMs, actor, action, target, namespace, reason, requestId, before, after];
  return hash('sha256', `${hashBefore}\n${JSON.stringify(fields)}`, 'hex');
}

function throwUnwritten(error: unknown): never {
  throw new StoreError('unknown', 'the change was made; its end could not be written', { cause: error });
}

function whyOf(error: unknown): string {
  if (error instanceof Rejection) return error.reason;
  return error instanceof StoreError && error.kind === 'unknown' ? 'unknown' : 'failed';
}

const nameOf = (sequence: number): string => String(sequence).padStart(SEQUENCE_DIGITS, '0');
const readEntry = (entry: RegistryEntry): AuditEntry => JSON.parse(entry.value) as AuditEntry;
