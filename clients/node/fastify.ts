// @onced/client/fastify: the Idempotency-Key header for Fastify, as a plugin for the routes beside it. See express.ts for
// what it does.

import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  onSendAsyncHookHandler,
  preHandlerAsyncHookHandler,
  preParsingAsyncHookHandler,
} from 'fastify';
import { Readable } from 'node:stream';
import type { OncedClient } from './client.ts';
import { setAttempt } from './http/attempt-of.ts';
import { settingsOf, type HttpOptions } from './http/options.ts';
import { problem } from './http/problem.ts';
import { readUpTo } from './http/read-body.ts';
import { keyOf, serveOnce, type HeldRequest } from './http/serve-once.ts';
import type { Headers, HeldResponse } from './http/stored-response.ts';

export { attemptOf } from './http/attempt-of.ts';
export { defaultVerdict, singleTenant, type HttpOptions, type Need, type Verdict } from './http/options.ts';

interface Kept {
  readonly key: string;
  readonly body: Buffer;
  held?: HeldRequest;
}

/**
 * `fastify.register(idempotency(client, options))`. Authenticate in an `onRequest` hook, or in a `preHandler` hook that is
 * added before. Handlers answer by returning or with `reply.send`, not through `reply.raw`.
 */
export function idempotency(
  client: OncedClient,
  options: HttpOptions<FastifyRequest>,
): (fastify: FastifyInstance) => Promise<void> {
  const settings = settingsOf(options);
  const { keyHeader, requestBytesMax, responseBytesMax } = settings;
  const kept = new WeakMap<FastifyRequest, Kept>();

  /** The body as it was sent, before it is parsed. */
  const preParsing: preParsingAsyncHookHandler = async (request, reply, payload) => {
    const found = keyOf(request, request.raw.headersDistinct[keyHeader.toLowerCase()] ?? [], settings);
    if (found === undefined) return payload;
    if (found.kind === 'answered') return answer(reply, found.response);
    const { start, rest } = await readUpTo(payload as AsyncIterable<Uint8Array>, requestBytesMax);
    if (rest !== undefined) {
      return answer(reply, problem('too-large', 'the request is too large to be made idempotent'));
    }
    kept.set(request, { key: found.key, body: start });
    return Object.assign(Readable.from([start]), { receivedEncodedLength: start.length });
  };
  const preHandler: preHandlerAsyncHookHandler = async (request, reply) => {
    const own = kept.get(request);
    if (own === undefined) return;
    const { method, originalUrl: target, headers } = request;
    const facts = { method, target, contentType: headers['content-type'] ?? '', body: own.body };
    const served = await serveOnce(client, { request, key: own.key, facts }, settings);
    if (served.kind === 'answered') {
      kept.delete(request);
      return answer(reply, served.response);
    }
    own.held = served;
    setAttempt(request, served.context);
  };
  const onSend: onSendAsyncHookHandler = async (request, reply, payload) => {
    const held = kept.get(request)?.held;
    kept.delete(request);
    if (held === undefined) return payload;
    const { start, rest } = await readUpTo(chunksOf(payload), responseBytesMax);
    const facts = { status: reply.statusCode, headers: headersOf(reply), body: start };
    const response = await held.end({ ...facts, isNotKept: rest !== undefined });
    if (rest !== undefined) return Readable.from(rest);
    setHead(reply, response);
    return response.body.length === 0 ? null : Buffer.from(response.body);
  };
  // Of the scope that registers it, and not of one of its own.
  const plugin = async (fastify: FastifyInstance): Promise<void> => {
    fastify.addHook('preParsing', preParsing).addHook('preHandler', preHandler).addHook('onSend', onSend);
  };
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

function answer(reply: FastifyReply, response: HeldResponse): FastifyReply {
  setHead(reply, response);
  return reply.send(Buffer.from(response.body));
}

function setHead(reply: FastifyReply, { status, headers }: HeldResponse): void {
  void reply.code(status);
  for (const name of ['content-type', 'content-length', 'transfer-encoding']) reply.removeHeader(name);
  for (const name of new Set(headers.map(([own]) => own))) {
    const values = headers.filter(([own]) => own === name).map(([, value]) => value);
    // reply.header adds to a set-cookie that is there.
    reply.removeHeader(name);
    void reply.header(name, values.length === 1 ? values[0] : values);
  }
}

function headersOf(reply: FastifyReply): Headers {
  return Object.entries(reply.getHeaders())
    .filter(([name]) => name !== 'content-length' && name !== 'transfer-encoding')
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value ?? '']).map((one): readonly [string, string] => [name, String(one)]),
    );
}

/** What Fastify sends: nothing, text, bytes, a stream of Node or the web, or a Response. */
async function* chunksOf(payload: unknown): AsyncGenerator<Uint8Array | string> {
  if (payload === null || payload === undefined) return;
  if (typeof payload === 'string' || payload instanceof Uint8Array) return yield payload;
  if (payload instanceof Response) return yield* payload.body ?? [];
  yield* payload as AsyncIterable<Uint8Array>;
}
