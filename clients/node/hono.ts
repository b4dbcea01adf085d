// @onced/client/hono: the Idempotency-Key header for Hono, wherever it runs on Node. See express.ts for what it does.

import type { Context, Env, MiddlewareHandler } from 'hono';
import type { OncedClient } from './client.ts';
import { setAttempt } from './http/attempt-of.ts';
import { settingsOf, type HttpOptions } from './http/options.ts';
import { problem } from './http/problem.ts';
import { readUpTo } from './http/read-body.ts';
import { keyOf, serveOnce } from './http/serve-once.ts';
import type { HeldResponse } from './http/stored-response.ts';

export { attemptOf } from './http/attempt-of.ts';
export { defaultVerdict, singleTenant, type HttpOptions, type Need, type Verdict } from './http/options.ts';

/** What decides about a request is given Hono's context. */
type Asked<E extends Env> = Context<E> & { readonly method?: string };

/** `app.use(idempotency(client, options))`, after authentication. */
export function idempotency<E extends Env = Env>(
  client: OncedClient,
  options: HttpOptions<Context<E>>,
): MiddlewareHandler<E> {
  const { need = ({ req }) => (req.method === 'POST' || req.method === 'PATCH' ? 'required' : 'never') } = options;
  const settings = settingsOf<Asked<E>>({ ...options, need });
  const { keyHeader, requestBytesMax, responseBytesMax } = settings;

  return async (context, next) => {
    const { raw } = context.req;
    // Several headers of a name are one text here, joined by a comma, which no key has outside of quotes.
    const value = raw.headers.get(keyHeader);
    const found = keyOf(context, value === null ? [] : [value], settings);
    if (found === undefined) return next();
    if (found.kind === 'answered') return responseOf(found.response);
    const { start: body, rest } = await readUpTo(raw.body ?? none(), requestBytesMax);
    if (rest !== undefined) {
      return responseOf(problem('too-large', 'the request is too large to be made idempotent'));
    }
    const { pathname, search } = new URL(raw.url);
    const facts = {
      method: raw.method,
      target: pathname + search,
      contentType: raw.headers.get('content-type') ?? '',
      body,
    };
    const served = await serveOnce(client, { request: context, key: found.key, facts }, settings);
    if (served.kind === 'answered') return responseOf(served.response);
    setAttempt(context, served.context);
    // The body is there again, and the end of the caller's connection aborts nothing any more.
    const { method, headers } = raw;
    const { signal } = served.context;
    context.req.raw = new Request(raw.url, {
      method,
      headers,
      signal,
      ...(body.length === 0 ? {} : { body: toBytes(body) }),
    });
    await next();
    const own = context.res;
    const sent = await readUpTo(own.body ?? none(), responseBytesMax);
    const isNotKept = sent.rest !== undefined;
    const held = { status: own.status, headers: [...own.headers], body: sent.start, isNotKept };
    const response = await served.end(held);
    // Hono adds the headers of a response that it has to those of the next.
    context.res = undefined;
    context.res = sent.rest === undefined ? responseOf(response) : new Response(streamOf(sent.rest), own);
  };
}

function responseOf({ status, headers, body }: HeldResponse): Response {
  const pairs = headers.filter(([name]) => name !== 'content-length' && name !== 'transfer-encoding');
  const made = new Headers(pairs.map(([name, value]): [string, string] => [name, value]));
  // These statuses have no body, and Response refuses even an empty one.
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  if (hasBody) made.set('content-length', String(body.length));
  return new Response(hasBody ? toBytes(body) : null, { status, headers: made });
}

const toBytes = (body: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(body);

const streamOf = (chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> => ReadableStream.from(chunks);

async function* none(): AsyncGenerator<Uint8Array> {}
