// HTTP/2 below any call: frames of every kind, whole, lying about their length, or cut off.

import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Random } from '../model/random.ts';
import { noise } from './mutate.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const SETTINGS = 4;
const KINDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 255];
const STREAMS = [0, 1, 2, 3, 5, 0x7fffffff];
/** How long a connection that still stands is listened to. */
const LISTEN_MS = 20;
const CLOSE_MS_MAX = 2000;

/** One connection and `frames` frames; how many bytes came back. */
export async function fuzzFrames(port: number, frames: number, random: Random): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect').catch(() => undefined);
  const greeting = random.chance(0.9) ? PREFACE : noise(random, 40);
  const parts = [greeting, frame({ kind: SETTINGS, flags: 0, stream: 0, payload: Buffer.alloc(0) })];
  for (let sent = 0; sent < frames; sent += 1) parts.push(randomFrame(random));
  socket.write(Buffer.concat(parts));
  await Promise.race([closed(socket), pause(LISTEN_MS)]);
  socket.destroy();
  await Promise.race([closed(socket), pause(CLOSE_MS_MAX)]);
}

/** HTTP/1: a request as a scanner or a broken proxy sends it. */
export async function fuzzHttp1(port: number, random: Random): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect').catch(() => undefined);
  const line = `${random.pick(['GET', 'POST', 'PUT', 'TRACE', 'CONNECT', '\0', 'G'])} ${random.pick(PATHS)} ${random.pick(['HTTP/1.1', 'HTTP/9', ''])}\r\n`;
  const headers = Array.from({ length: random.between(0, 80) }, () => `${random.pick(HEADERS)}: ${random.hex(8)}\r\n`);
  socket.write(Buffer.concat([Buffer.from(`${line}${headers.join('')}\r\n`, 'latin1'), noise(random, 200)]));
  await Promise.race([closed(socket), pause(LISTEN_MS)]);
  socket.destroy();
}

const PATHS = [
  '/',
  '/metrics',
  '/healthz',
  '/../etc/passwd',
  '/onced.v1.IdempotencyService/Lookup',
  '//',
  '*',
  `/${'a'.repeat(9000)}`,
];
const HEADERS = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'x',
  'cookie',
  'content-encoding',
];

interface Frame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
  /** What its head says; the payload's own length without it. */
  readonly length?: number;
}

function randomFrame(random: Random): Buffer {
  const payload = random.chance(0.3) ? Buffer.alloc(random.pick([0, 4, 5, 6, 8])) : noise(random, 120);
  const whole = {
    kind: random.pick(KINDS),
    flags: random.chance(0.5) ? random.pick([0, 1, 4, 5, 8, 0x20]) : random.between(0, 255),
    stream: random.pick(STREAMS),
    payload,
  };
  return frame(random.chance(0.05) ? { ...whole, length: random.pick([0, 1, 16_384, 16_385, 0xffffff]) } : whole);
}

function frame({ kind, flags, stream, payload, length = payload.length }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(kind, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const closed = async (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
