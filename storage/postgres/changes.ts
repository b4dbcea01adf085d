// Telling other servers what was settled here, and hearing it from them, by LISTEN and NOTIFY. Lost messages are nobody's
// loss but time: whoever waits for a key also looks by itself now and then. A pooler in transaction mode does not pass
// LISTEN on: then there is only the looking, or a URL of its own for listening.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Key, Namespace, RecordChange } from '../contract/index.ts';
import { texts } from './arrays.ts';
import type { Connections } from './connections.ts';
import { limits } from './limits.ts';
import { statements } from './sql.ts';
import { subscribe } from './subscription.ts';

export interface Changes {
  /** Tells the others, soon and without a promise. */
  tell(change: RecordChange): void;
  /** Resolves once others are heard, or could not be reached in time; then it is tried on. */
  readonly ready: Promise<void>;
  /** Calls the listener for what others tell; returns the way to stop. */
  listen(listener: (change: RecordChange) => void): () => void;
  close(): Promise<void>;
}

export interface ChangesOptions {
  readonly url: string;
  /** For telling, one call at a time. */
  readonly connections: Connections;
}

type Told = readonly [Namespace, Key, settled: 0 | 1];
type Message = readonly [from: string, ...changes: Told[]];

export function openChanges({ url, connections }: ChangesOptions): Changes {
  const own = randomUUID();
  const ownStart = `["${own}"`;
  const listeners = new Set<(change: RecordChange) => void>();
  const subscription = subscribe(url, (text) => {
    if (text.startsWith(ownStart)) return;
    const [, ...changes] = JSON.parse(text) as Message;
    for (const [namespace, key, settled] of changes) {
      for (const listener of listeners) listener({ namespace, key, settled: settled === 1 });
    }
  });
  const telling = createTelling(own, connections);

  return {
    tell: (change) => telling.tell(change),
    ready: subscription.ready,
    listen(listener) {
      // A wrapper, so that one function that listens twice is two listeners.
      const entry = (change: RecordChange): void => listener(change);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    async close() {
      await Promise.all([telling.close(), subscription.close()]);
    },
  };
}

function createTelling(own: string, connections: Connections) {
  let untold: Told[] = [];
  let isTelling = false;
  let current = Promise.resolve();

  // One call at a time, and not in a row; what is told meanwhile shares the next.
  const tellAll = async (): Promise<void> => {
    while (untold.length > 0) {
      const { messages, rest } = packMessages(own, untold);
      untold = rest;
      await connections.call(statements.tell, [texts(messages)]).catch(() => undefined);
      await sleep(limits.tellGapMs);
    }
    isTelling = false;
  };

  return {
    tell({ namespace, key, settled }: RecordChange): void {
      if (untold.length === limits.untoldChangesMax) untold.shift();
      untold.push([namespace, key, settled ? 1 : 0]);
      if (isTelling) return;
      isTelling = true;
      setImmediate(() => {
        current = tellAll();
      });
    },
    async close(): Promise<void> {
      untold = [];
      await current;
    },
  };
}

/** As few messages as the limits allow, oldest first. */
function packMessages(own: string, changes: readonly Told[]): { messages: string[]; rest: Told[] } {
  const messages: string[] = [];
  let parts: string[] = [];
  let bytes = 0;
  const close = (): void => {
    if (parts.length > 0) messages.push(`[${[JSON.stringify(own), ...parts].join(',')}]`);
    parts = [];
    bytes = own.length + 4;
  };
  close();
  for (const [place, change] of changes.entries()) {
    const part = JSON.stringify(change);
    const size = Buffer.byteLength(part) + 1;
    if (bytes + size > limits.notificationBytesMax) close();
    if (messages.length === limits.notificationsPerCall) return { messages, rest: changes.slice(place) };
    parts.push(part);
    bytes += size;
  }
  close();
  return { messages, rest: [] };
}
