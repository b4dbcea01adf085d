// Offers intents to a server over a few Session streams and counts what comes back. Made to cost little: at ten times a
// server's capacity the offering has the other core for itself and must not be what is measured.

import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { credentials, makeGenericClientConstructor, type ClientDuplexStream } from '@grpc/grpc-js';
import { build, type Histogram } from 'hdr-histogram-js';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import {
  IdempotencyService,
  OperationSchema,
  SessionRequestSchema,
  type Operation,
  type OperationResult,
  type SessionRequest,
  type SessionResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';

/** Since the last reset. */
export interface Seen {
  offered: number;
  completed: number;
  refused: number;
  /** Anything else: it should be none. */
  failed: number;
  /** In microseconds. */
  readonly begins: Histogram;
  readonly completes: Histogram;
  readonly refusals: Histogram;
  /** How much later than due begins were sent: what the offering itself adds to their latency. */
  readonly sends: Histogram;
}

export type NamespaceName = 'main' | 'noisy';

export interface Offering {
  /** An intent every 1/perSecond until the returned function is called. */
  pace(namespace: NamespaceName, perSecond: number): () => void;
  /** So many at a time, each followed by the next. */
  closed(inFlight: number, ms: number): Promise<void>;
  setQuota(namespace: NamespaceName, beginsPerSecond: number): Promise<void>;
  seen(namespace: NamespaceName): Seen;
  reset(): void;
  close(): void;
}

type Stream = ClientDuplexStream<SessionRequest, SessionResponse>;

interface Pending {
  readonly namespace: NamespaceName;
  readonly key: string;
  readonly sinceMs: number;
  readonly isComplete: boolean;
  readonly done: (() => void) | undefined;
}

const RESOURCE_EXHAUSTED = 8;
const RUN = randomBytes(6).toString('hex');

export async function openOffering(target: string, sessions: number): Promise<Offering> {
  const SessionClient = makeGenericClientConstructor(grpcDefinition(IdempotencyService), 'IdempotencyService');
  const lanes = Array.from({ length: sessions }, () => {
    const client = new SessionClient(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    const stream = (client as unknown as { session(): Stream }).session();
    return { client, stream, queue: [] as Operation[], isScheduled: false };
  });
  const pending = new Map<bigint, Pending>();
  const tallies: Record<NamespaceName, Seen> = { main: newSeen(), noisy: newSeen() };
  let nextId = 1n;
  let nextKey = 0;

  const send = (entry: Pending, operation: Operation['operation']): void => {
    const id = nextId++;
    pending.set(id, entry);
    const lane = lanes[Number(id) % lanes.length];
    if (lane === undefined) return;
    lane.queue.push(create(OperationSchema, { id, operation }));
    if (lane.isScheduled) return;
    lane.isScheduled = true;
    setImmediate(() => {
      lane.isScheduled = false;
      const operations = lane.queue;
      lane.queue = [];
      lane.stream.write(create(SessionRequestSchema, { operations }));
    });
  };

  const offer = (namespace: NamespaceName, sinceMs: number, done?: () => void): void => {
    tallies[namespace].offered += 1;
    tallies[namespace].sends.recordValue(Math.max(1, Math.round((performance.now() - sinceMs) * 1000)));
    const key = `${RUN}-${(nextKey += 1)}`;
    const value = { namespace, key, attemptId: key };
    send(
      { namespace, key, sinceMs, isComplete: false, done },
      create(OperationSchema, { operation: { case: 'beginIntent', value } }).operation,
    );
  };

  const settle = ({ id, result }: OperationResult): void => {
    const entry = pending.get(id);
    if (entry === undefined) return;
    pending.delete(id);
    const { namespace, key, done } = entry;
    const tally = tallies[namespace];
    const tookUs = Math.max(1, Math.round((performance.now() - entry.sinceMs) * 1000));
    if (result.case === 'beginIntent' && result.value.outcome.case === 'acquired') {
      tally.begins.recordValue(tookUs);
      const value = { namespace, key, leaseToken: result.value.outcome.value.leaseToken, result: RESULT };
      send(
        { namespace, key, sinceMs: performance.now(), isComplete: true, done },
        create(OperationSchema, { operation: { case: 'complete', value } }).operation,
      );
      return;
    }
    if (result.case === 'complete') {
      tally.completed += 1;
      tally.completes.recordValue(tookUs);
    } else if (result.case === 'error' && result.value.code === RESOURCE_EXHAUSTED && !entry.isComplete) {
      tally.refused += 1;
      tally.refusals.recordValue(tookUs);
    } else {
      tally.failed += 1;
    }
    done?.();
  };
  for (const { stream } of lanes) {
    stream.on('data', ({ results }: SessionResponse) => {
      for (const result of results) settle(result);
    });
    stream.on('error', () => undefined);
  }

  return {
    pace(namespace, perSecond) {
      const startMs = performance.now();
      let offered = 0;
      const timer = setInterval(() => {
        const due = Math.floor(((performance.now() - startMs) * perSecond) / 1000);
        for (; offered < due; offered += 1) offer(namespace, startMs + (offered * 1000) / perSecond);
      }, 1);
      return () => clearInterval(timer);
    },
    async closed(inFlight, ms) {
      const endMs = performance.now() + ms;
      const lane = async (): Promise<void> => {
        while (performance.now() < endMs) {
          await new Promise<void>((resolve) => offer('main', performance.now(), resolve));
        }
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
    },
    async setQuota(namespace, beginsPerSecond) {
      const AdminClient = makeGenericClientConstructor(grpcDefinition(AdminService), 'AdminService');
      const admin = new AdminClient(target, credentials.createInsecure());
      type Put = (request: object, answered: (error: Error | null) => void) => void;
      const put = (admin as unknown as { putNamespace: Put }).putNamespace.bind(admin);
      const request = create(AdminService.method.putNamespace.input, {
        namespace,
        policy: { beginsPerSecond },
        reason: 'overload probe',
      });
      await new Promise<void>((resolve, reject) =>
        put(request, (error) => (error === null ? resolve() : reject(error))),
      );
      admin.close();
    },
    seen: (namespace) => tallies[namespace],
    reset() {
      tallies.main = newSeen();
      tallies.noisy = newSeen();
    },
    close() {
      for (const { client, stream } of lanes) {
        stream.cancel();
        client.close();
      }
    },
  };
}

const RESULT = randomBytes(32);

function newSeen(): Seen {
  const histogram = (): Histogram =>
    build({ lowestDiscernibleValue: 1, highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
  return {
    offered: 0,
    completed: 0,
    refused: 0,
    failed: 0,
    begins: histogram(),
    completes: histogram(),
    refusals: histogram(),
    sends: histogram(),
  };
}
