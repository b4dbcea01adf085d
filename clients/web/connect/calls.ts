// Calls over Connect: the same tries, budget and typed errors as the Node client.

import { create } from '@bufbuild/protobuf';
import { AnySchema, type Any } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, type Client, type Interceptor } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-web';
import type { OncedError } from '../../node/errors.ts';
import type { Log, RetryOptions } from '../../node/options.ts';
import type { CallOptions } from '../../node/types.ts';
import { deadlineExceeded } from '../../node/wire/error-table.ts';
import { createRetrier } from '../../node/wire/retry.ts';
import { errorOfStatus } from '../../node/wire/status-details.ts';
import { IdempotencyService } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { StatusSchema } from '../../../proto/gen/google/rpc/status_pb.js';

export interface ConnectOptions {
  /** The server's HTTP listener, such as https://onced.example. Its CORS rules must name this page's origin. */
  readonly baseUrl: string;
  /** Sent as `authorization: Bearer …`: one that the page's user may have, for this namespace only. Default: none. */
  readonly token?: string | (() => string | Promise<string>);
  /** Who asks, for people. Up to 256 bytes. Default: browser. */
  readonly owner?: string;
  readonly retry?: RetryOptions;
  /** Told of repeats, renewals that failed and the like. Default: nobody. */
  readonly log?: Log;
  /** Around each try, as Connect has them: for `traceparent`, spans and figures. Default: none. */
  readonly interceptors?: readonly Interceptor[];
}

export type Wire = Client<typeof IdempotencyService>;

export interface Calls {
  readonly wire: Wire;
  /** Makes a call with its tries. @throws OncedError, or the signal's reason. */
  call<T>(options: Required<Pick<CallOptions, 'timeoutMs'>> & CallOptions, once: Once<T>): Promise<Answered<T>>;
}

export interface Answered<T> {
  readonly response: T;
  /** performance.now() when the try that was answered was sent, at the latest. */
  readonly sentMs: number;
}

type Once<T> = (wire: Wire, options: { readonly timeoutMs: number; readonly signal?: AbortSignal }) => Promise<T>;

export function createCalls({ baseUrl, token, retry, interceptors = [] }: ConnectOptions): Calls {
  const authorize: Interceptor = (next) => async (request) => {
    if (token !== undefined) request.header.set('authorization', `Bearer ${await tokenOf(token)}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl,
    useBinaryFormat: true,
    interceptors: [...interceptors, authorize],
  });
  const wire = createClient(IdempotencyService, transport);
  const retrier = createRetrier(retry);
  return {
    wire,
    async call({ timeoutMs, signal }, once) {
      return retrier.run({ timeoutMs, signal }, async (_, leftMs) => {
        const sentMs = performance.now();
        try {
          // Connect sends whole milliseconds only.
          const asked = { timeoutMs: Math.ceil(leftMs), ...(signal === undefined ? {} : { signal }) };
          return { response: await once(wire, asked), sentMs };
        } catch (error) {
          signal?.throwIfAborted();
          throw errorOfConnect(error, leftMs);
        }
      });
    },
  };
}

const tokenOf = async (token: string | (() => string | Promise<string>)): Promise<string> =>
  typeof token === 'string' ? token : token();

/** The same class that the Node client would give. */
export function errorOfConnect(error: unknown, timeoutMs: number): OncedError {
  const failure = ConnectError.from(error, Code.Unavailable);
  if (failure.code === Code.DeadlineExceeded && failure.details.length === 0) return deadlineExceeded(timeoutMs);
  const details = failure.details.flatMap((detail) => ('type' in detail ? [packed(detail)] : []));
  const status = create(StatusSchema, { code: failure.code, message: failure.rawMessage, details });
  return errorOfStatus(status);
}

const packed = ({ type, value }: { readonly type: string; readonly value: Uint8Array }): Any =>
  create(AnySchema, { typeUrl: `type.googleapis.com/${type}`, value: new Uint8Array(value) });
