// The gRPC listener: grpc-js with every limit set (most of its defaults are "none"), and every call answered.

import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import type { DescService } from '@bufbuild/protobuf';
import { HealthImplementation } from 'grpc-health-check';
import type { Logger } from 'pino';
import { AdminService } from '../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../proto/gen/onced/v1/idempotency_pb.js';
import { grpcDefinition } from '../proto/grpc.ts';
import { boundConnections, CONNECTION_BOUNDS, type ConnectionBounds } from './connections.ts';
import type { Engine } from './context.ts';
import { streamHandler, tolerant, type CallOptions, unaryHandler, unimplementedHandler } from './grpc-calls.ts';
import { limits } from './limits.ts';
import {
  adminOperations,
  adminStreams,
  idempotencyOperations,
  idempotencyStreams,
  type StreamOperation,
  type UnaryOperation,
} from './operations.ts';
import { blameCaller } from './grpc-faults.ts';
import { everybodyIsAnonymous, type Identify } from './principal.ts';
import { addReflection } from './reflection.ts';
import { createSessions } from './session.ts';

export interface GrpcOptions {
  readonly engine: Engine;
  readonly log: Logger;
  /** host:port; port 0 takes a free one. */
  readonly address: string;
  readonly credentials?: ServerCredentials;
  /** Who a caller is; everybody is anonymous without it. */
  readonly identify?: Identify;
  /** Replace the bounds of connections, so that a test need not open thousands nor wait for minutes. */
  readonly connections?: Partial<ConnectionBounds & { readonly idleMsMax: number }>;
}

export interface GrpcListener {
  /** Where it listens, with the real port. */
  readonly address: string;
  /** Health says NOT_SERVING; calls are still answered. */
  stopServing(): void;
  /** GOAWAY; calls in flight finish; what is left after the time is cut off. Resolves when all is closed. */
  drain(timeMs: number): Promise<void>;
}

/** Sources of the numbers: RELIABILITY.md 6.2. grpc-js destroys a connection whose ping goes unanswered. */
const CHANNEL_OPTIONS = {
  'grpc.max_receive_message_length': limits.requestBytesMax,
  'grpc.max_send_message_length': limits.responseBytesMax,
  'grpc.max_concurrent_streams': limits.streamsPerConnectionMax,
  // Nobody can ask for its figures here, and it counts every call.
  'grpc.enable_channelz': 0,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

export async function startGrpc(options: GrpcOptions): Promise<GrpcListener> {
  const { engine, log, address, credentials, identify = everybodyIsAnonymous } = options;
  const { idleMsMax = limits.connectionIdleMsMax, ...bounds } = options.connections ?? {};
  const channel = { ...CHANNEL_OPTIONS, 'grpc.max_connection_idle_ms': idleMsMax };
  const server = new Server({ ...channel, interceptors: [blameCaller] });
  const sessions = createSessions({ engine, log, identify });
  const health = new HealthImplementation({ '': 'SERVING', [IdempotencyService.typeName]: 'SERVING' });
  const idempotency = { unary: idempotencyOperations, streams: idempotencyStreams };
  const admin = { unary: adminOperations, streams: adminStreams };
  server.addService(
    { ...definitionOf(IdempotencyService), ...rawSession },
    {
      ...handlersOf(IdempotencyService, idempotency, { engine, log, identify }),
      session: sessions.handler,
    },
  );
  server.addService(definitionOf(AdminService), handlersOf(AdminService, admin, { engine, log, identify }));
  health.addToServer(server);
  addReflection(server, [IdempotencyService, AdminService]);
  const port = await bind(server, address, credentials ?? ServerCredentials.createInsecure());
  boundConnections(server, {
    bounds: { ...CONNECTION_BOUNDS, ...bounds },
    log,
    onOld: (peer) => sessions.drain(peer),
  });
  const host = address.slice(0, address.lastIndexOf(':'));

  return {
    address: `${host}:${port}`,
    stopServing() {
      health.setStatus('', 'NOT_SERVING');
      health.setStatus(IdempotencyService.typeName, 'NOT_SERVING');
    },
    async drain(timeMs) {
      sessions.drain();
      await shutDown(server, timeMs);
    },
  };
}

/** Session reads and writes its messages itself. */
const rawSession: ServiceDefinition = {
  session: {
    ...grpcDefinition(IdempotencyService)['session'],
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
  } as ServiceDefinition[string],
};

function definitionOf(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(grpcDefinition(service)).map(([name, method]) => [name, { ...method, ...tolerant(method) }]),
  );
}

interface Tables {
  readonly unary: object;
  readonly streams: object;
}

function handlersOf(
  service: DescService,
  tables: Tables,
  options: Omit<CallOptions, 'method'>,
): UntypedServiceImplementation {
  const unary = new Map<string, UnaryOperation>(Object.entries(tables.unary));
  const streams = new Map<string, StreamOperation>(Object.entries(tables.streams));
  const handlers = service.methods.map((method) => {
    const operation = unary.get(method.localName);
    const stream = streams.get(method.localName);
    if (operation !== undefined) return [method.localName, unaryHandler({ ...options, method }, operation)] as const;
    if (stream !== undefined) return [method.localName, streamHandler({ ...options, method }, stream)] as const;
    return [method.localName, unimplementedHandler(method)] as const;
  });
  return Object.fromEntries(handlers);
}

async function bind(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen for gRPC on ${address}: ${whyNot(error)}`, { cause: error }));
    });
  });
}

/** grpc-js wraps the reason in a count of addresses. */
const whyNot = ({ message }: Error): string =>
  message.includes('EADDRINUSE') ? 'somebody listens there already' : message;

/** tryShutdown waits for calls but may never call back when a client vanished (grpc-node #1458), so it gets a bound. */
async function shutDown(server: Server, timeMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, timeMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
