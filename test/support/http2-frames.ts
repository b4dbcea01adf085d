// HTTP/2 by hand: frames that no library would send.

import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const END_HEADERS = 4;
export const END_STREAM = 1;

export function frame(type: number, { flags = 0, stream = 0, payload = Buffer.alloc(0) }: FrameParts = {}): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

interface FrameParts {
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
}

export const number32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** Header fields as HPACK literals, none indexed, no Huffman code. */
export const headerBlock = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));

/** Of at most 126 bytes, so that its length takes one. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);

/** What begins a call of this path. */
export const callHeaders = (path: string): Buffer =>
  headerBlock({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'x',
    'content-type': 'application/grpc',
    te: 'trailers',
  });

export interface RawConnection extends Disposable {
  readonly socket: Socket;
  /** What came back so far. */
  received(): Buffer;
  /** Resolves when the other side has closed; rejects after half a minute. */
  closed(): Promise<void>;
  isClosed(): boolean;
  /** Waits for room, so that a flood is what the server reads and not what waits here. */
  send(bytes: Buffer): Promise<void>;
}

/** A connection that has said hello. */
export async function openRaw(address: string): Promise<RawConnection> {
  const [host = '', port] = address.split(':');
  const socket = connect(Number(port), host);
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  let isClosed = false;
  const closing = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      resolve();
    });
  });
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(FRAME.settings)]));
  return {
    socket,
    received: () => Buffer.concat(chunks),
    isClosed: () => isClosed,
    async closed() {
      const overdue = AbortSignal.timeout(30_000);
      await Promise.race([
        closing,
        once(overdue, 'abort').then(() => Promise.reject(new Error('still open after 30 s'))),
      ]);
    },
    async send(bytes) {
      if (isClosed || socket.write(bytes)) return;
      await Promise.race([once(socket, 'drain').catch(() => undefined), closing]);
    },
    [Symbol.dispose]() {
      socket.destroy();
    },
  };
}
