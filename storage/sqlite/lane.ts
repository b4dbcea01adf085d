// The main thread's end of the writer: gathers what is asked in one turn of the event loop, sends it as one message,
// and settles promises as replies come in.

import { Worker } from 'node:worker_threads';
import { StoreError, StoreRefusedError } from '../contract/index.ts';
import { BATCH_OPERATIONS_MAX, CHUNK_OPERATIONS, QUEUE_OPERATIONS_MAX } from './limits.ts';
import type { FileLog, FileOptions } from './open.ts';
import type { FromWriter, HotReply, Operation, Reply, ToWriter, ValueReply } from './protocol.ts';

export interface Lane {
  /** Resolves with what `read` makes of the reply, once it is committed. */
  ask<T>(operation: Operation, signal: AbortSignal | undefined, read: (reply: Answer) => T): Promise<T>;
  close(): Promise<void>;
}

export type Answer = HotReply | ValueReply;

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
  readonly heard: Heard | undefined;
}

/** A signal that is listened to, and how many operations it would still cancel. */
interface Heard {
  unanswered: number;
}

const cancelledError = (): StoreError => new StoreError('cancelled', 'cancelled before the store began to write');

/** Resolves once the file is open; rejects with StoreRefusedError when it must not be used. */
export async function openLane({ file, log, onFatal }: LaneParts): Promise<Lane> {
  const worker = new Worker(new URL('./writer.ts', import.meta.url), { workerData: file, name: 'onced sqlite writer' });
  await opened(worker, log);

  // Arrays, not Sets: a Set replaces its table as entries come and go and each old table points at the next, so one that
  // the garbage collector has promoted keeps every later operation alive until a full collection. That was 10 KB copied
  // for each begin and complete, a fifth of the server's CPU.
  let waiting: Asked[] = [];
  const sent: (Asked | undefined)[] = [];
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
    waiting = [];
    if (operations.length > 0) post({ kind: 'operations', operations });
  };

  const abort = (signal: AbortSignal): void => {
    const dropped = waiting.filter((asked) => asked.signal === signal);
    if (dropped.length > 0) waiting = waiting.filter((asked) => asked.signal !== signal);
    for (const { reject } of dropped) reject(cancelledError());
    // Sent: the writer drops it unless it has begun, and its reply tells which.
    const sequences: number[] = [];
    for (let place = sentHead; place < sent.length; place += 1) {
      if (sent[place]?.signal === signal) sequences.push(answeredCount + place - sentHead);
    }
    if (sequences.length > 0) post({ kind: 'cancel', sequences });
  };

  const listen = createListener(abort);

  const settleReplies = (replies: readonly Reply[]): void => {
    for (const reply of replies) {
      const asked = sent[sentHead];
      sent[sentHead] = undefined;
      sentHead += 1;
      answeredCount += 1;
      if (asked === undefined) continue;
      if (asked.heard !== undefined) asked.heard.unanswered -= 1;
      settleOne(asked, reply);
    }
    if (sentHead === sent.length || sentHead >= BATCH_OPERATIONS_MAX) {
      sent.splice(0, sentHead);
      sentHead = 0;
    }
  };

  const failAll = (reason: string): void => {
    for (const asked of [...sent.slice(sentHead), ...waiting]) asked?.reject(new StoreError('unknown', reason));
    sent.length = 0;
    sentHead = 0;
    waiting = [];
  };

  const closed = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  const die = (reason: string): void => {
    if (end !== undefined && sent.length === 0 && waiting.length === 0) return;
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
      if (waiting.length + sent.length - sentHead >= QUEUE_OPERATIONS_MAX) {
        return Promise.reject(new StoreError('unavailable', `${QUEUE_OPERATIONS_MAX} operations wait for the disk`));
      }
      return new Promise((resolve, reject) => {
        const heard = signal === undefined ? undefined : listen(signal);
        waiting.push({ operation, signal, heard, reject, answer: (reply) => resolve(read(reply)) });
        if (waiting.length >= CHUNK_OPERATIONS) {
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

/** One listener a signal: all operations of a Session share theirs, and each addEventListener walks the whole list. */
function createListener(abort: (signal: AbortSignal) => void): (signal: AbortSignal) => Heard {
  const bySignal = new WeakMap<AbortSignal, Heard>();
  return (signal) => {
    let heard = bySignal.get(signal);
    if (heard === undefined) {
      const first: Heard = { unanswered: 0 };
      bySignal.set(signal, first);
      // grpc-js says "cancelled" after each answered call too: nothing to look for then.
      signal.addEventListener('abort', () => first.unanswered > 0 && abort(signal), { once: true });
      heard = first;
    }
    heard.unanswered += 1;
    return heard;
  };
}

function settleOne(asked: Asked, reply: Reply): void {
  if (typeof reply === 'number' || reply[0] !== 'failed') {
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
