// gRPC through a faulty network. Unary calls are handed on whole, so that each can be lost, delayed or repeated; streams
// are joined, and cut where a fault falls on them.

import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Faults, Verdict } from './faults.ts';
import { joinSession } from './faulty-session.ts';

const STREAMS = /\/(Session|WatchIntent)$/u;
const SESSION = /\/Session$/u;

interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

/** Serves what arrives at `listener` from `target`. Returns the connection to there. */
export function joinHttp2(listener: Server, target: string, faults: Faults): ClientHttp2Session {
  const upstream = connect(target);
  // Its streams say so too.
  upstream.on('error', () => {});
  const http2 = createServer();
  http2.on('sessionError', () => {});
  listener.on('connection', (socket: Socket) => {
    socket.on('error', () => {});
    const cut = (): void => void socket.destroy();
    http2.once('session', (session) => {
      session.on('error', () => {});
      session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        stream.on('error', () => {});
        const path = headers[':path'] ?? '';
        if (STREAMS.test(path)) joinStreams({ stream, headers, path, upstream, faults, cut });
        else void answer(stream, headers, upstream, faults.judge(path), cut);
      });
    });
    http2.emit('connection', socket);
  });
  return upstream;
}

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  { kind, ms }: Verdict,
  cut: () => void,
): Promise<void> {
  const body = await readAll(stream).catch(() => undefined);
  if (body === undefined || kind === 'drop_request') return cut();
  try {
    let reply = await exchange(upstream, headers, body);
    if (kind === 'drop_reply') return cut();
    if (kind === 'repeat_request') reply = await exchange(upstream, headers, body);
    if (kind === 'late_copy') setTimeout(() => void exchange(upstream, headers, body).catch(() => {}), ms);
    if (kind === 'delay_reply') await sleep(ms);
    send(stream, reply);
  } catch {
    cut();
  }
}

async function exchange(upstream: ClientHttp2Session, headers: IncomingHttpHeaders, body: Buffer): Promise<Reply> {
  const request = upstream.request(headers);
  let trailers: IncomingHttpHeaders | undefined;
  request.on('trailers', (sent: IncomingHttpHeaders) => (trailers = sent));
  const responded = once(request, 'response') as Promise<[IncomingHttpHeaders]>;
  const read = readAll(request);
  request.end(body);
  const [[responseHeaders], responseBody] = await Promise.all([responded, read]);
  return { headers: responseHeaders, body: responseBody, trailers };
}

function send(stream: ServerHttp2Stream, { headers, body, trailers }: Reply): void {
  if (stream.destroyed) return;
  if (trailers === undefined && body.length === 0) return stream.respond(headers, { endStream: true });
  stream.respond(headers, { waitForTrailers: trailers !== undefined });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
  stream.end(body);
}

interface Joined {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly path: string;
  readonly upstream: ClientHttp2Session;
  readonly faults: Faults;
  readonly cut: () => void;
}

/** A fault on a stream other than Session cuts the connection at its first reply. */
function joinStreams({ stream, headers, path, upstream, faults, cut }: Joined): void {
  const request = upstream.request(headers);
  request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  stream.on('close', () => request.close(constants.NGHTTP2_CANCEL));
  let trailers: IncomingHttpHeaders = {};
  request.on('response', (sent) => {
    if (!stream.destroyed) stream.respond(sent, { waitForTrailers: true });
  });
  request.on('trailers', (sent: IncomingHttpHeaders) => (trailers = sent));
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  if (SESSION.test(path)) return joinSession(stream, request, faults, cut);
  stream.pipe(request);
  if (faults.judge(path).kind === 'none') request.pipe(stream);
  else request.once('data', cut);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}
