// Telling other servers what was settled here, and hearing it from them: publish/subscribe on one channel. A message
// holds all that was settled in one tick, so that a busy server publishes a hundred outcomes at a time. Lost messages are
// nobody's loss but time: whoever waits for a key also looks by itself now and then. A server that is alone on its Redis
// hardly publishes: Redis says how many heard a message, and who comes says so on the channel.

import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Key, Namespace, RecordChange } from '../contract/index.ts';
import { ALONE_MS, BEAT_MS, CALL_MS_MAX, RESUBSCRIBE_MS } from './limits.ts';

export interface Changes {
  /** Tells the others, soon and without a promise. */
  tell(change: RecordChange): void;
  /** Resolves once others are heard, or could not be reached in time; then it is tried on. */
  readonly ready: Promise<void>;
  /** Calls the listener for what others tell; returns the way to stop. */
  listen(listener: (change: RecordChange) => void): () => void;
  close(): void;
}

export interface ChangesOptions {
  readonly channel: string;
  /** Resolves with how many heard it, undefined where nobody can say. Never rejects. */
  readonly publish: (message: string) => Promise<number | undefined>;
  /** A new connection to any node, opened by whoever gets it, which does not come back by itself. */
  readonly connect: () => Redis;
}

/** Sent as JSON behind the sender's id. */
type Message = readonly (readonly [Namespace, Key, settled: 0 | 1])[];

export function createChanges({ channel, publish, connect }: ChangesOptions): Changes {
  const own = randomUUID();
  const listeners = new Set<(change: RecordChange) => void>();
  let waiting: Message[number][] = [];
  let subscriber: Redis | undefined;
  let again: NodeJS.Timeout | undefined;
  let isSubscribed = false;
  let aloneUntilMs = 0;
  let foreign = 0;
  let isClosed = false;

  const flush = async (): Promise<void> => {
    const changes = waiting;
    waiting = [];
    if (isClosed) return;
    const foreignBefore = foreign;
    const listeners = await publish(own + JSON.stringify(changes satisfies Message));
    const others = (listeners ?? Infinity) - (isSubscribed ? 1 : 0);
    if (others <= 0 && foreign === foreignBefore) aloneUntilMs = performance.now() + ALONE_MS;
  };

  const hear = (text: string): void => {
    // What is told comes back, too: most of what a busy server hears.
    if (text.startsWith(own)) return;
    foreign += 1;
    aloneUntilMs = 0;
    for (const [namespace, key, settled] of parseMessage(text.slice(own.length))) {
      for (const listener of listeners) listener({ namespace, key, settled: settled === 1 });
    }
  };

  // Each time on a connection of its own to whichever node answers: the one before may be gone for good.
  const subscribe = (): Promise<void> => {
    const redis = connect();
    subscriber = redis;
    redis.on('message', (_channel, text) => hear(text));
    // Nobody talks on a quiet channel, so a peer that is gone shows only when it is asked.
    const beat = setInterval(() => {
      within(CALL_MS_MAX, redis.ping()).catch(() => redis.disconnect());
    }, BEAT_MS).unref();
    redis.on('end', () => {
      isSubscribed = false;
      clearInterval(beat);
      if (!isClosed) again = setTimeout(() => void subscribe(), RESUBSCRIBE_MS * (0.5 + Math.random() / 2)).unref();
    });
    const subscribed = redis.connect().then(() => redis.subscribe(channel));
    return within(CALL_MS_MAX, subscribed).then(
      async () => {
        isSubscribed = true;
        // To whoever was alone until now.
        await publish(`${own}[]`);
      },
      () => redis.disconnect(),
    );
  };

  return {
    ready: subscribe(),
    tell({ namespace, key, settled }) {
      if (performance.now() < aloneUntilMs) return;
      if (waiting.length === 0) setImmediate(() => void flush());
      waiting.push([namespace, key, settled ? 1 : 0]);
    },
    listen(listener) {
      // A wrapper, so that one function that listens twice is two listeners.
      const entry = (change: RecordChange): void => listener(change);
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
    close() {
      isClosed = true;
      clearTimeout(again);
      subscriber?.disconnect();
    },
  };
}

/** Anybody may publish on a channel: what no server of ours wrote is nothing. */
function parseMessage(text: string): Message {
  try {
    const message: unknown = JSON.parse(text);
    return Array.isArray(message) && message.every(Array.isArray) ? (message as unknown as Message) : [];
  } catch {
    return [];
  }
}

/** The promise's end, or a rejection once the time is over. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
