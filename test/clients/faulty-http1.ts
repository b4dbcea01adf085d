// Connect, gRPC-Web and plain HTTP through a faulty network. Each request is handed on whole, so that it can be lost,
// delayed or repeated.

import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults } from './faults.ts';

interface Reply {
  readonly status: number;
  readonly headers: string[];
  readonly body: Buffer;
}

export function joinHttp1(target: string, faults: Faults): Server {
  return createServer((request, response) => {
    // A preflight is the browser's own: only calls have faults.
    const verdict = request.method === 'OPTIONS' ? { kind: 'none', ms: 0 } : faults.judge(pathOf(request));
    void answer(request, target, verdict).then(
      (reply) => {
        if (reply === undefined) request.socket.resetAndDestroy();
        else response.writeHead(reply.status, reply.headers).end(reply.body);
      },
      () => request.socket.resetAndDestroy(),
    );
  });
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '').replace(/\?.*/su, '');

/** Nothing where the connection is to be cut. */
async function answer(
  request: IncomingMessage,
  target: string,
  { kind, ms }: { readonly kind: string; readonly ms: number },
): Promise<Reply | undefined> {
  const body = await readAll(request);
  if (kind === 'drop_request') return undefined;
  let reply = await exchange(request, target, body);
  if (kind === 'drop_reply') return undefined;
  if (kind === 'repeat_request') reply = await exchange(request, target, body);
  if (kind === 'late_copy') setTimeout(() => void exchange(request, target, body).catch(() => {}), ms);
  if (kind === 'delay_reply') await sleep(ms);
  return reply;
}

async function exchange(asked: IncomingMessage, target: string, body: Buffer): Promise<Reply> {
  const sent = httpRequest(new URL(asked.url ?? '/', target), { method: asked.method, headers: asked.headers });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(body);
  const [response] = await answered;
  const status = response.statusCode ?? 502;
  return { status, body: await readAll(response), headers: endToEnd(response.rawHeaders) };
}

/** Without what is about one connection; the body is whole now, and its length is written anew. */
function endToEnd(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2);
    if (!/^(connection|keep-alive|transfer-encoding)$/iu.test(name)) kept.push(name, value);
  }
  return kept;
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
