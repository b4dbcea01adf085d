// @onced/client/express: the Idempotency-Key header for Express, and for any server whose middleware takes Node's request,
// response and next.
//
// A request with a key runs its handler once; repeats get the stored response with "Idempotency-Replayed: true". While it
// runs they get 409 and Retry-After, with another request under the same key 422. A caller who hangs up cancels nothing.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OncedClient } from './client.ts';
import { setAttempt } from './http/attempt-of.ts';
import { holdResponse, sendHeld } from './http/held-response.ts';
import { settingsOf, type HttpOptions } from './http/options.ts';
import { peekBody } from './http/peek-body.ts';
import { problem } from './http/problem.ts';
import { TooLargeError } from './http/read-body.ts';
import { keyOf, serveOnce } from './http/serve-once.ts';

export { attemptOf } from './http/attempt-of.ts';
export { defaultVerdict, singleTenant, type HttpOptions, type Need, type Verdict } from './http/options.ts';

export interface NodeRequest extends IncomingMessage {
  /** Express': the target as sent, before a router took its part off. */
  readonly originalUrl?: string;
  /** What a parser has made of the body already. */
  readonly body?: unknown;
}

/**
 * Comes after authentication, and before what parses bodies: it reads the body and leaves it as it was. After a parser the
 * request is compared by what that has made of it.
 */
export function idempotency<Request extends NodeRequest = NodeRequest>(
  client: OncedClient,
  options: HttpOptions<Request>,
): (request: Request, response: ServerResponse, next: Next) => void {
  const settings = settingsOf(options);
  const { keyHeader, requestBytesMax, responseBytesMax } = settings;
  const handle = async (request: Request, response: ServerResponse): Promise<boolean> => {
    const found = keyOf(request, request.headersDistinct[keyHeader.toLowerCase()] ?? [], settings);
    if (found === undefined) return true;
    if (found.kind === 'answered') return answer(response, found.response);
    const facts = {
      method: request.method ?? '',
      target: request.originalUrl ?? request.url ?? '',
      contentType: request.headers['content-type'] ?? '',
      body: await bodyOf(request, requestBytesMax),
    };
    const served = await serveOnce(client, { request, key: found.key, facts }, settings);
    if (served.kind === 'answered') return answer(response, served.response);
    if (hasBrokenOff(request)) {
      await served.drop('release', 'the caller left before the handler ran');
      return false;
    }
    setAttempt(request, served.context);
    holdResponse(response, responseBytesMax, {
      ended: async (own) => served.end(own),
      brokenOff: () => void served.drop('hold', 'the handler broke its response off'),
    });
    return true;
  };
  const serve = async (request: Request, response: ServerResponse, next: Next): Promise<void> => {
    let isToRun = false;
    try {
      isToRun = await handle(request, response);
    } catch (error) {
      if (!(error instanceof TooLargeError)) return next(error);
      sendHeld(response, problem('too-large', 'the request is too large to be made idempotent'));
    }
    if (isToRun) next();
  };
  return (request, response, next) => void serve(request, response, next);
}

type Next = (error?: unknown) => void;

function answer(response: ServerResponse, held: Parameters<typeof sendHeld>[1]): false {
  sendHeld(response, held);
  return false;
}

/** Its body was put back, and what parses it would not get it any more. */
const hasBrokenOff = (request: NodeRequest): boolean => request.destroyed && !request.readableEnded;

async function bodyOf(request: NodeRequest, bytesMax: number): Promise<Uint8Array> {
  const { body } = request;
  if (!request.readableEnded) return peekBody(request, bytesMax);
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body ?? null));
}
