// The same AdminService and IdempotencyService that programs call, over the address that this page came from.

import { Code, ConnectError, createClient, type Client, type Interceptor } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { AdminService } from '../../../../proto/gen/onced/v1/admin_pb.js';
import { IdempotencyService } from '../../../../proto/gen/onced/v1/idempotency_pb.js';

export interface Api {
  readonly admin: Client<typeof AdminService>;
  readonly idempotency: Client<typeof IdempotencyService>;
}

export interface ApiOptions {
  /** An API key or an OIDC token; undefined sends none. */
  readonly token: string | undefined;
  /** The server does not know the caller, or not any more. */
  readonly onRefused: () => void;
}

export function createApi({ token, onRefused }: ApiOptions): Api {
  const notice = (error: unknown): never => {
    if (ConnectError.from(error).code === Code.Unauthenticated) onRefused();
    throw error;
  };
  const identify: Interceptor = (next) => async (request) => {
    if (token !== undefined) request.header.set('authorization', `Bearer ${token}`);
    const response = await next(request).catch(notice);
    return response.stream ? { ...response, message: watched(response.message, notice) } : response;
  };
  // gRPC-Web rather than Connect: a call that is refused is an answer there, not an HTTP status that browsers write onto
  // their console as an error of the page.
  const transport = createGrpcWebTransport({
    baseUrl: globalThis.location.origin,
    interceptors: [identify],
  });
  return { admin: createClient(AdminService, transport), idempotency: createClient(IdempotencyService, transport) };
}

async function* watched<Message>(
  messages: AsyncIterable<Message>,
  notice: (error: unknown) => never,
): AsyncGenerator<Message, void> {
  try {
    yield* messages;
  } catch (error) {
    notice(error);
  }
}
