// gRPC by hand over node:http2, so that bytes and headers are exactly what a test wants, and each call has a bound.

import { connect, constants, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';

const ANSWER_MS_MAX = 60_000;
const DEADLINE_EXCEEDED = 4;

export interface Reply {
  /** grpc-status; undefined when the stream was reset without one. */
  readonly status: number | undefined;
  readonly message: string;
  readonly body: Buffer;
}

export interface CallOptions {
  readonly headers?: OutgoingHttpHeaders;
  /** When the caller hangs up; without it only a bound that says that the server hangs. */
  readonly deadlineMs?: number;
}

export interface Wire {
  call(path: string, body: Buffer, options?: CallOptions): Promise<Reply>;
  readonly session: ClientHttp2Session;
  close(): void;
}

/** Rejects nothing: a connection that breaks shows in its calls. */
export function openWire(address: string): Wire {
  const session = connect(`http://${address}`);
  session.on('error', () => undefined);
  session.setMaxListeners(0);
  return {
    session,
    close: () => session.destroy(),
    call: async (path, body, { headers = {}, deadlineMs = 2 * ANSWER_MS_MAX } = {}) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ...GRPC_HEADERS, ':path': path, ...headers });
        const chunks: Buffer[] = [];
        let status: number | undefined;
        let message = '';
        const read = (trailers: Record<string, unknown>): void => {
          const { 'grpc-status': code, 'grpc-message': words } = trailers;
          if (code !== undefined) status = Number(code);
          if (typeof words === 'string') message = words;
        };
        const timer = setTimeout(() => {
          reject(new Error(`no answer within ${ANSWER_MS_MAX} ms: ${path} ${body.toString('hex').slice(0, 400)}`));
          stream.close(constants.NGHTTP2_CANCEL);
        }, ANSWER_MS_MAX);
        // As every gRPC client: at its own deadline it hangs up.
        const deadline = setTimeout(() => {
          status ??= DEADLINE_EXCEEDED;
          stream.close(constants.NGHTTP2_CANCEL);
        }, deadlineMs);
        stream.on('response', read);
        stream.on('trailers', read);
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', () => undefined);
        stream.on('close', () => {
          clearTimeout(timer);
          clearTimeout(deadline);
          resolve({ status, message, body: Buffer.concat(chunks) });
        });
        stream.end(framed(body));
      }),
  };
}

export const GRPC_HEADERS = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };

const PREFIX_BYTES = 5;

/** A message as gRPC puts it into DATA frames. */
export function framed(body: Uint8Array): Buffer {
  const head = Buffer.alloc(PREFIX_BYTES);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

/** Splits what arrives into messages. */
export function createUnframer(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + rest.readUInt32BE(1);
      if (rest.length < end) return;
      onMessage(rest.subarray(PREFIX_BYTES, end));
      rest = rest.subarray(end);
    }
  };
}
