// Packs what is waiting into calls. No timer gathers: while a lane's call is under way the next batch grows, so that
// batches are as large as the load, and an idle store answers a lone operation at once. A further lane opens only for a
// full batch, or when the others are slow.

import { StoreError } from '../contract/index.ts';
import { storeError, verdictOf } from './errors.ts';
import { limits } from './limits.ts';

export interface BatchedCall<Operation, Answer> {
  readonly lanes: number;
  /** Operations of one name never share a batch; undefined where any may. */
  readonly nameOf: ((operation: Operation) => string) | undefined;
  readonly bytesOf: (operation: Operation) => number;
  /** One round trip, atomic for each operation. `busy`: nothing was judged, since another transaction holds the row. */
  run(operations: readonly Operation[]): Promise<readonly (Answer | 'busy' | undefined)[]>;
  /** Reads: a lost reply means that nothing was written. */
  readonly isRead: boolean;
}

export interface Batcher<Operation, Answer> {
  submit(operation: Operation, signal: AbortSignal | undefined): Promise<Answer>;
  /** Resolves when nothing is queued or under way; submitting afterwards is refused. */
  close(): Promise<void>;
}

interface Waiting<Operation, Answer> {
  readonly operation: Operation;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: StoreError) => void;
  busySinceMs: number | undefined;
  tries: number;
}

export function createBatcher<Operation, Answer>(call: BatchedCall<Operation, Answer>): Batcher<Operation, Answer> {
  type Item = Waiting<Operation, Answer>;
  let queue: Item[] = [];
  let lanesBusy = 0;
  let unanswered = 0;
  let isPumping = false;
  let onIdle: (() => void) | undefined;
  let isClosed = false;
  /** While fewer wait than fill a batch: when they get a further lane all the same. */
  let patience: NodeJS.Timeout | undefined;
  let isImpatient = false;

  const isWorthALane = (): boolean => {
    if (lanesBusy === 0 || isImpatient || queue.length >= limits.batchOperationsMax) return true;
    patience ??= setTimeout(() => {
      isImpatient = true;
      pump();
    }, limits.laneBusyMsMax);
    return false;
  };

  const losePatienceAnew = (): void => {
    clearTimeout(patience);
    patience = undefined;
    isImpatient = false;
  };

  // In the next turn of the event loop: all that arrives in this one shares the batch.
  const pump = (): void => {
    if (isPumping) return;
    isPumping = true;
    setImmediate(() => {
      isPumping = false;
      while (lanesBusy < call.lanes && queue.length > 0 && isWorthALane()) {
        losePatienceAnew();
        const { batch, cancelled, rest } = takeBatch(queue, call);
        queue = rest;
        for (const item of cancelled) fail(item, storeError('cancelled'));
        if (batch.length === 0) continue;
        lanesBusy += 1;
        void runBatch(batch).finally(() => {
          lanesBusy -= 1;
          if (queue.length > 0) pump();
        });
      }
    });
  };

  const settle = (finish: () => void): void => {
    finish();
    unanswered -= 1;
    if (unanswered === 0) onIdle?.();
  };
  const fail = (item: Item, error: StoreError): void => settle(() => item.reject(error));

  const askAgain = (item: Item, cause: unknown): void => {
    item.busySinceMs ??= performance.now();
    if (performance.now() - item.busySinceMs > limits.busyMsMax) {
      fail(item, storeError('unavailable', cause, 'another transaction holds the record; nothing was written'));
      return;
    }
    // Full jitter, so that two servers in each other's way do not stay in step.
    const delayMs = Math.min(limits.busyDelayMsMin * 2 ** item.tries, limits.busyDelayMsMax) * Math.random();
    item.tries += 1;
    setTimeout(() => {
      queue.push(item);
      pump();
    }, delayMs);
  };

  const runBatch = async (batch: readonly Item[]): Promise<void> => {
    try {
      const answers = await call.run(batch.map(({ operation }) => operation));
      for (const [place, item] of batch.entries()) {
        const answer = answers[place];
        if (answer === undefined)
          fail(item, storeError('unknown', undefined, 'Postgres left the operation unanswered'));
        else if (answer === 'busy') askAgain(item, undefined);
        else settle(() => item.resolve(answer));
      }
    } catch (error) {
      await handleFailure(batch, error);
    }
  };

  const handleFailure = async (batch: readonly Item[], error: unknown): Promise<void> => {
    const verdict = error instanceof StoreError ? error.kind : verdictOf(error);
    if (verdict === 'retry') for (const item of batch) askAgain(item, error);
    else if (verdict === 'split' && batch.length > 1) for (const item of batch) await runBatch([item]);
    else {
      const kind = verdict === 'split' || call.isRead ? 'unavailable' : verdict;
      for (const item of batch) fail(item, storeError(kind, error));
    }
  };

  return {
    submit(operation, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) throw storeError('cancelled');
        if (isClosed) throw storeError('unavailable', undefined, 'the store is closed');
        unanswered += 1;
        const item = { operation, signal, resolve, reject, busySinceMs: undefined, tries: 0 };
        queue.push(item);
        pump();
      });
    },
    async close() {
      isClosed = true;
      if (unanswered > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve;
        });
      }
    },
  };
}

interface Taken<Item> {
  readonly batch: readonly Item[];
  readonly cancelled: readonly Item[];
  readonly rest: Item[];
}

/** The next batch in order of arrival, within the limits; what shares a name with a member stays for a later one. */
function takeBatch<Operation, Answer>(
  queue: Waiting<Operation, Answer>[],
  call: BatchedCall<Operation, Answer>,
): Taken<Waiting<Operation, Answer>> {
  const batch: Waiting<Operation, Answer>[] = [];
  const cancelled: Waiting<Operation, Answer>[] = [];
  const kept: Waiting<Operation, Answer>[] = [];
  const operationsMax = Math.min(
    limits.batchOperationsMax,
    Math.max(limits.batchOperationsMin, Math.ceil(queue.length / 2)),
  );
  const names = new Set<string>();
  let bytes = 0;
  let seen = 0;
  for (const item of queue) {
    const size = call.bytesOf(item.operation);
    const isFull = batch.length === operationsMax || (batch.length > 0 && bytes + size > limits.batchBytesMax);
    if (isFull || seen === limits.queueScanMax) break;
    seen += 1;
    const name = call.nameOf?.(item.operation);
    if (item.signal?.aborted === true) cancelled.push(item);
    else if (name !== undefined && names.has(name)) kept.push(item);
    else {
      if (name !== undefined) names.add(name);
      bytes += size;
      batch.push(item);
    }
  }
  return { batch, cancelled, rest: [...kept, ...queue.slice(seen)] };
}
