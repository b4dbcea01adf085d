// Intents of a page: what its user wants done once. A key is made when the form opens, kept on disk before it is first sent,
// the same for all tabs and after a reload, and given up only after a final outcome.

import { KeyExpiredError } from './errors.ts';
import { fetchUntilFinal, type FetchOptions } from './fetch-until-final.ts';
import { openKeyStore, type KeptKey, type KeyStore } from './key-store.ts';
import { randomKey } from './random-key.ts';
import { withLock } from './with-lock.ts';

const KEY_LIFE_MS = 23 * 60 * 60 * 1000;
const CHANNEL = 'onced:intents';

export interface IntentsOptions extends FetchOptions {
  /**
   * Milliseconds after its first sending for which a key may be sent again. It must end before the server forgets the key,
   * or a late retry would do it twice. Default: 82,800,000 (23 hours; servers keep keys for 24 by default).
   */
  readonly keyLifeMs?: number;
  /** Where keys are kept. Default: IndexedDB, else localStorage. */
  readonly store?: KeyStore | Promise<KeyStore>;
}

export interface Intents {
  /**
   * The intent of this name: the same, with the same key, until its outcome. Name it after what is to be done once, such as
   * `pay/${cartId}`, and open it when the form opens. @throws KeyNotKeptError.
   */
  open(name: string): Promise<Intent>;
  /** Ends the talk with other tabs. */
  close(): void;
}

export interface Intent {
  readonly name: string;
  /** 22 characters of A-Z a-z 0-9 - _. */
  readonly key: string;
  /**
   * As fetch, with the key in Idempotency-Key, sent until it is answered. One tab sends at a time. Resolves with the outcome,
   * or with an answer that is none (a 500, a 422 for a key reused): the key is kept then.
   * @throws NoAnswerError, KeyExpiredError, the signal's reason; TypeError for a body that can be sent only once.
   */
  fetch(url: string | URL, init?: RequestInit, options?: FetchOptions): Promise<Response>;
  /** Called once, when this intent has its outcome, in whichever tab. Returns the way to stop listening. */
  onSettled(callback: () => void): () => void;
  /** Gives the key up, though its outcome is not known here: the next `open` makes another. Ask the application first. */
  abandon(): Promise<void>;
}

export function createIntents(options: IntentsOptions = {}): Intents {
  const store = Promise.resolve(options.store ?? openKeyStore());
  // Told to whoever opens an intent.
  store.catch(() => {});
  const settlements = listenForSettlements();
  return {
    async open(name) {
      const kept = await keep(await store, name);
      return openIntent({ store: await store, kept, settlements, options });
    },
    close() {
      settlements.close();
    },
  };
}

async function keep(store: KeyStore, name: string): Promise<KeptKey> {
  const make = (): KeptKey => ({ name, key: randomKey(), createMs: Date.now() });
  const kept = await store.update(name, (found) => found ?? make());
  return kept ?? make();
}

interface Opened {
  readonly store: KeyStore;
  readonly kept: KeptKey;
  readonly settlements: Settlements;
  readonly options: IntentsOptions;
}

function openIntent({ store, kept: own, settlements, options }: Opened): Intent {
  const { name, key } = own;
  const end = async (): Promise<void> => {
    // Another tab may have a newer key by now.
    await store.update(name, (found) => (found?.key === key ? undefined : found));
    settlements.tell(key);
  };
  return {
    name,
    key,
    async fetch(url, init = {}, overrides = {}) {
      const settings = { ...options, ...overrides };
      checkRepeatable(init);
      await noteSending(store, own, settings.keyLifeMs ?? KEY_LIFE_MS);
      const patience = AbortSignal.timeout(settings.timeoutMs ?? 60_000);
      const { response, isFinal } = await withLock(`onced:${key}`, patience, async () =>
        fetchUntilFinal({ url, key }, init, settings),
      );
      if (isFinal) await end();
      return response;
    },
    onSettled: (callback) => settlements.on(key, callback),
    abandon: end,
  };
}

async function noteSending(store: KeyStore, { name, key, createMs }: KeptKey, lifeMs: number): Promise<void> {
  const nowMs = Date.now();
  const kept = await store.update(name, (found) => {
    if (found?.key !== key) return found;
    return found.sentMs === undefined ? { ...found, sentMs: nowMs } : found;
  });
  // Settled by another tab meanwhile: this one gets the replay, as long as there is one.
  const sentMs = (kept?.key === key ? kept.sentMs : undefined) ?? createMs;
  if (nowMs - sentMs >= lifeMs) throw new KeyExpiredError(sentMs);
}

function checkRepeatable({ body, mode }: RequestInit): void {
  if (body instanceof ReadableStream) throw new TypeError('a stream can be sent only once: give its bytes');
  if (mode === 'no-cors') throw new TypeError('without CORS a page may neither set the key nor see the answer');
}

interface Settlements {
  on(key: string, callback: () => void): () => void;
  tell(key: string): void;
  close(): void;
}

function listenForSettlements(): Settlements {
  const channel = new BroadcastChannel(CHANNEL);
  const target = new EventTarget();
  const event = (key: string): Event => new Event(`settled:${key}`);
  channel.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data === 'string') target.dispatchEvent(event(data));
  });
  return {
    on(key, callback) {
      target.addEventListener(event(key).type, callback, { once: true });
      return () => target.removeEventListener(event(key).type, callback);
    },
    tell(key) {
      target.dispatchEvent(event(key));
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
      channel.postMessage(key);
    },
    close: () => channel.close(),
  };
}
