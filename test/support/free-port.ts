// A loopback port for servers that must be told theirs. Taken from below the range that the system hands out by itself:
// a port of that range, free a moment ago, went to somebody's listen(0) or connection before its server started.

import { once } from 'node:events';
import { createServer } from 'node:net';

const PORT_MIN = 12_000;
/** Where Linux' own range begins; those of macOS and Windows begin later. */
const PORT_END = 32_768;
const TRIES_MAX = 100;

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const port = PORT_MIN + Math.floor(Math.random() * (PORT_END - PORT_MIN));
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES_MAX} ports from ${PORT_MIN} to ${PORT_END - 1} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer();
  try {
    await once(listener.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  listener.close();
  await once(listener, 'close');
  return true;
}
