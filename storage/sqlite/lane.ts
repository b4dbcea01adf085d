// The main thread's end of the writer: gathers what is asked in one turn of the event loop, sends it as one message,
// and settles promises as replies come in.

import { Worker } from 'node:worker_threads';
import { StoreError, StoreRefusedError } from '../contract/index.ts';
import { BATCH_OPERATIONS_MAX, CHUNK_OPERATIONS, QUEUE_OPERATIONS_MAX } from './limits.ts';
import type { FileLog, FileOptions } from './open.ts';
import type { FromWriter, Operation, RecordReply, Reply, ToWriter, ValueReply } from './protocol.ts';

export interface Lane {
  /** Resolves with what `read` makes of the reply, once it is committed. */
  ask<T>(operation: Operation, signal: AbortSignal | undefined, read: (reply: Answer) => T): Promise<T>;
  close(): Promise<void>;
}

export type Answer = RecordReply | ValueReply;

export interface LaneParts {
  readonly file: FileOptions;
  readonly log: FileLog;
  readonly onFatal: (reason: string) => void;
}

interface Asked {
  readonly operation: Operation;
  readonly answer: (reply: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly signal: AbortSignal | undefined;
}

const cancelledError = (): StoreError => new StoreError('cancelled', 'cancelled before the store began to write');

/** Resolves once the file is open; rejects with StoreRefusedError when it must not be used. */
export async function openLane({ file, log, onFatal }: LaneParts): Promise<Lane> {
  const worker = new Worker(new URL('./writer.ts', import.meta.url), { workerData: file, name: 'onced sqlite writer' });
  await opened(worker, log);

  const waiting = new Set<Asked>();
  const sent: Asked[] = [];
  let sentHead = 0; // `sent` before this place is answered
  let answeredCount = 0;
  let isScheduled = false;
  let end: { readonly reason: string; readonly closed: Promise<void> } | undefined;

  const post = (message: ToWriter): void => worker.postMessage(message, []);

  const flush = (): void => {
    isScheduled = false;
    let operations: Operation[] = [];
    for (const asked of waiting) {
      sent.push(asked);
      operations.push(asked.operation);
      if (operations.length < BATCH_OPERATIONS_MAX) continue;
      post({ kind: 'operations', operations });
      operations = [];
    }
    waiting.clear();
    if (operations.length > 0) post({ kind: 'operations', operations });
  };

  const abort = (asked: Asked): void => {
    if (waiting.delete(asked)) {
      asked.reject(cancelledError());
      return;
    }
    // Sent: the writer drops it unless it has begun, and its reply tells which.
    const place = sent.indexOf(asked, sentHead);
    if (place >= 0) post({ kind: 'cancel', sequences: [answeredCount + place - sentHead] });
  };

  const listeners = createListeners(abort);

  const settleReplies = (replies: readonly Reply[]): void => {
    for (const reply of replies) {
      const asked = sent[sentHead];
      sentHead += 1;
      answeredCount += 1;
      if (asked === undefined) continue;
      listeners.remove(asked);
      settleOne(asked, reply);
    }
    if (sentHead === sent.length || sentHead > QUEUE_OPERATIONS_MAX) {
      sent.splice(0, sentHead);
      sentHead = 0;
    }
  };

  const failAll = (reason: string): void => {
    for (const asked of [...sent.slice(sentHead), ...waiting]) {
      listeners.remove(asked);
      asked.reject(new StoreError('unknown', reason));
    }
    sent.length = 0;
    sentHead = 0;
    waiting.clear();
  };

  const closed = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  const die = (reason: string): void => {
    if (end !== undefined && sent.length === 0 && waiting.size === 0) return;
    end = { reason, closed };
    failAll(reason);
    onFatal(reason);
  };

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'replies') settleReplies(message.replies);
    else if (message.kind === 'log') log[message.level](message.message);
    else if (message.kind === 'fatal') die(message.message);
  });
  worker.on('error', (error) => die(`the SQLite writer died: ${String(error)}`));
  worker.once('exit', () => die('the SQLite writer ended by itself'));

  return {
    ask(operation, signal, read) {
      if (end !== undefined) return Promise.reject(new StoreError('unavailable', end.reason));
      if (signal?.aborted === true) return Promise.reject(cancelledError());
      if (waiting.size + sent.length - sentHead >= QUEUE_OPERATIONS_MAX) {
        return Promise.reject(new StoreError('unavailable', `${QUEUE_OPERATIONS_MAX} operations wait for the disk`));
      }
      return new Promise((resolve, reject) => {
        const asked: Asked = { operation, signal, reject, answer: (reply) => resolve(read(reply)) };
        if (signal !== undefined) listeners.add(asked, signal);
        waiting.add(asked);
        if (waiting.size >= CHUNK_OPERATIONS) {
          flush();
          return;
        }
        if (isScheduled) return;
        isScheduled = true;
        setImmediate(flush);
      });
    },

    close() {
      if (end === undefined) {
        end = { reason: 'the SQLite store is closed', closed };
        flush();
        post({ kind: 'close' });
      }
      return end.closed;
    },
  };
}

function opened(worker: Worker, log: FileLog): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromWriter): void => {
      if (message.kind === 'log') {
        log[message.level](message.message);
        return;
      }
      worker.off('message', onMessage);
      worker.off('error', reject);
      if (message.kind === 'ready') resolve();
      else
        reject(new StoreRefusedError(message.kind === 'refused' ? message.message : 'the SQLite writer did not start'));
    };
    worker.on('message', onMessage);
    worker.once('error', reject);
  });
}

interface Listeners {
  add(asked: Asked, signal: AbortSignal): void;
  remove(asked: Asked): void;
}

/** One listener a signal: all operations of a Session share theirs, and each addEventListener walks the whole list. */
function createListeners(abort: (asked: Asked) => void): Listeners {
  const bySignal = new WeakMap<AbortSignal, Set<Asked>>();
  return {
    add(asked, signal) {
      const known = bySignal.get(signal);
      if (known !== undefined) {
        known.add(asked);
        return;
      }
      const listening = new Set([asked]);
      bySignal.set(signal, listening);
      signal.addEventListener('abort', () => listening.forEach(abort), { once: true });
    },
    remove(asked) {
      if (asked.signal !== undefined) bySignal.get(asked.signal)?.delete(asked);
    },
  };
}

function settleOne(asked: Asked, reply: Reply): void {
  if (reply[0] !== 'failed') {
    try {
      asked.answer(reply);
    } catch (error) {
      asked.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return;
  }
  const [, kind, message, cause] = reply;
  asked.reject(kind === 'bug' ? new Error(message, { cause }) : new StoreError(kind, message, { cause }));
}
