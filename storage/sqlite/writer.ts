// The writer thread: owns the connection, so that a slow fsync never blocks the thread that serves. What arrives while
// one batch is being committed is the next batch; there is no timer to wait for.

import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { StoreRefusedError } from '../contract/index.ts';
import type { Engine } from './engine.ts';
import { BATCH_OPERATIONS_MAX, IDLE_MS } from './limits.ts';
import { openEngine, type FileOptions } from './open.ts';
import type { FromWriter, Operation, Reply, ToWriter } from './protocol.ts';

const port = ownPort();

const post = (message: FromWriter): void => port.postMessage(message);
const log = (level: 'info' | 'warn') => (message: string) => post({ kind: 'log', level, message });

const CANCELLED: Reply = ['failed', 'cancelled', 'cancelled before the store began to write', ''];

function serve(engine: Engine): void {
  let firstSequence = 0;
  let idle: NodeJS.Timeout | undefined;

  const onMessage = (first: ToWriter): void => {
    const batch = gather(first, firstSequence);
    firstSequence += batch.operations.length;
    guarded(() => {
      if (batch.operations.length > 0) post({ kind: 'replies', replies: answer(engine, batch) });
      if (batch.isLast) close();
      else keepUp();
    });
  };

  const keepUp = (): void => {
    engine.keepUp();
    idle = idle?.refresh() ?? setTimeout(() => guarded(tidy), IDLE_MS);
  };

  const tidy = (): void => {
    if (engine.tidy()) idle?.refresh();
  };

  const close = (): void => {
    clearTimeout(idle);
    port.off('message', onMessage);
    engine.close();
    post({ kind: 'closed' });
    port.close();
  };

  // Whatever is thrown here leaves the file in a state nobody knows: nothing more is written or acknowledged.
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      port.off('message', onMessage);
      clearTimeout(idle);
      post({ kind: 'fatal', message: error instanceof Error ? error.message : String(error) });
    }
  };

  port.on('message', onMessage);
}

interface Batch {
  readonly operations: Operation[];
  /** Places in `operations` that nobody wants any more. */
  readonly cancelled: Set<number>;
  isLast: boolean;
}

const received = (from: MessagePort): ToWriter | undefined => receiveMessageOnPort(from)?.message;

/** Everything that has arrived by now, up to a bound. */
function gather(first: ToWriter, firstSequence: number): Batch {
  const batch: Batch = { operations: [], cancelled: new Set(), isLast: false };
  let message: ToWriter | undefined = first;
  while (message !== undefined) {
    if (message.kind === 'operations') batch.operations.push(...message.operations);
    if (message.kind === 'cancel') for (const one of message.sequences) batch.cancelled.add(one - firstSequence);
    if (message.kind === 'close') batch.isLast = true;
    if (batch.operations.length >= BATCH_OPERATIONS_MAX) break;
    message = received(port);
  }
  return batch;
}

function answer(engine: Engine, { operations, cancelled }: Batch): readonly Reply[] {
  if (cancelled.size === 0) return engine.run(operations);
  const wanted = operations.filter((_, place) => !cancelled.has(place));
  const replies = engine.run(wanted).values();
  return operations.map((_, place) => (cancelled.has(place) ? CANCELLED : (replies.next().value ?? CANCELLED)));
}

function ownPort(): MessagePort {
  if (parentPort === null) throw new Error('writer.ts is the entry of a worker thread');
  return parentPort;
}

function start(): void {
  try {
    const engine = openEngine(workerData as FileOptions, { info: log('info'), warn: log('warn') });
    post({ kind: 'ready' });
    serve(engine);
  } catch (error) {
    const message = error instanceof StoreRefusedError ? error.message : `SQLite store: ${String(error)}`;
    post({ kind: 'refused', message });
  }
}

start();
