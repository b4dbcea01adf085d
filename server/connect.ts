// Connect and gRPC-Web for browsers, over the HTTP listener: the same operations as gRPC, in JSON or binary.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import {
  ConnectError,
  cors,
  createContextKey,
  createContextValues,
  type ConnectRouter,
  type HandlerContext,
} from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { AdminService } from '../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../proto/gen/onced/v1/idempotency_pb.js';
import { blameCallers } from './connect-faults.ts';
import { identifyAgainOf } from './auth/still-identified.ts';
import { CallOver, detailsOf, type Rejection } from './errors.ts';
import { answerable, execute, executeStream, type Answering, type Execution } from './execute.ts';
import { limits } from './limits.ts';
import {
  adminOperations,
  adminStreams,
  idempotencyOperations,
  idempotencyStreams,
  type StreamOperation,
  type UnaryOperation,
} from './operations.ts';
import type { Identify } from './principal.ts';

export interface ConnectOptions extends Answering {
  readonly identify: Identify;
  /** Origins whose pages may call, exactly as browsers send them; none by default. */
  readonly corsOrigins: readonly string[];
}

export interface ConnectEndpoint {
  /** True for the paths of the API. */
  serves(path: string): boolean;
  handle(request: IncomingMessage, response: ServerResponse): void;
}

const PATHS = [IdempotencyService, AdminService].map((service) => `/${service.typeName}/`);

export function createConnect(options: ConnectOptions): ConnectEndpoint {
  const adapter = connectNodeAdapter({
    routes: (router) => {
      addService(router, IdempotencyService, { ...idempotencyOperations }, { ...idempotencyStreams }, options);
      addService(router, AdminService, { ...adminOperations }, { ...adminStreams }, options);
      blameCallers(router.handlers);
    },
    // gRPC itself needs HTTP/2 and has a listener of its own.
    grpc: false,
    // A page of another site can post a form, but cannot set this header.
    requireConnectProtocolHeader: true,
    readMaxBytes: limits.requestBytesMax,
    writeMaxBytes: limits.responseBytesMax,
    maxTimeoutMs: limits.httpCallMsMax,
    contextValues: ({ socket }) => createContextValues().set(PEER, `${socket.remoteAddress}:${socket.remotePort}`),
  });
  return {
    serves: (path) => PATHS.some((prefix) => path.startsWith(prefix)),
    handle(request, response) {
      const { origin } = request.headers;
      const isAllowed = origin !== undefined && options.corsOrigins.includes(origin);
      if (!isAllowed && isRebound(request)) {
        response.writeHead(403).end();
        return;
      }
      if (isAllowed) allow(response, origin);
      if (request.method !== 'OPTIONS') adapter(request, response);
      else response.writeHead(isAllowed ? 204 : 403).end();
    },
  };
}

/**
 * A page of a stranger's name that was made to point at this machine (DNS rebinding): to the browser it and this server are
 * one origin. Where the call comes over loopback the page must be of loopback too.
 */
function isRebound({ headers, socket }: IncomingMessage): boolean {
  if (headers.origin === undefined || !isLoopback(socket.localAddress ?? '')) return false;
  const host = URL.canParse(headers.origin) ? new URL(headers.origin).hostname : '';
  return !isLoopback(host);
}

const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d+){3}|(::ffff:)?127(\.\d+){3}|\[?::1\]?)$/.test(host);

/** The address that a call came from, for limits on failures. */
const PEER = createContextKey('', { description: 'host:port of the caller' });

function allow(response: ServerResponse, origin: string): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin');
  response.setHeader('access-control-allow-methods', 'POST');
  response.setHeader('access-control-allow-headers', [...cors.allowedHeaders, 'Authorization'].join(', '));
  response.setHeader('access-control-expose-headers', cors.exposedHeaders.join(', '));
  response.setHeader('access-control-max-age', '7200');
}

function addService(
  router: ConnectRouter,
  service: DescService,
  unary: Readonly<Record<string, UnaryOperation>>,
  streams: Readonly<Record<string, StreamOperation>>,
  options: ConnectOptions,
): void {
  for (const method of service.methods) {
    const operation = unary[method.localName];
    const stream = streams[method.localName];
    if (operation !== undefined) router.rpc(method, unaryMethod(method, operation, options) as never);
    else if (stream !== undefined) router.rpc(method, streamMethod(method, stream, options) as never);
  }
}

function unaryMethod(method: DescMethod, operation: UnaryOperation, options: ConnectOptions) {
  return async (request: Message, context: HandlerContext): Promise<Message> => {
    const answer = await execute(options, operation, await takeCall(method, request, context, options));
    if (answer.ok) return answer.response;
    throw connectError(answer.error);
  };
}

function streamMethod(method: DescMethod, operation: StreamOperation, options: ConnectOptions) {
  return async function* (request: Message, context: HandlerContext): AsyncGenerator<Message, void> {
    const execution = await takeCall(method, request, context, options);
    try {
      yield* executeStream(options, operation, execution);
    } catch (error) {
      throw connectError(answerable(error, options.log));
    }
  };
}

async function takeCall(
  method: DescMethod,
  request: Message,
  context: HandlerContext,
  { identify, log }: ConnectOptions,
): Promise<Execution> {
  const authorization = context.requestHeader.get('authorization') ?? undefined;
  try {
    const evidence = { authorization, peer: context.values.get(PEER), certificate: undefined };
    const principal = await identify(evidence);
    const identifyAgain = identifyAgainOf(identify, evidence);
    const timeoutMs = context.timeoutMs();
    const deadlineMs = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    return { name: method.localName, request, call: { deadlineMs, signal: context.signal, principal }, identifyAgain };
  } catch (error) {
    throw connectError(answerable(error, log));
  }
}

function connectError(error: Rejection | CallOver): ConnectError {
  const { code }: { readonly code: number } = error;
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the numbers of both enums are gRPC's
  const connect = new ConnectError(error.message, code);
  if (!(error instanceof CallOver)) connect.details = [...detailsOf(error)];
  return connect;
}
