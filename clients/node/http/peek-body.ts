// Reads the body of a request and puts it back, so that whatever parses it afterwards finds it untouched.

import type { IncomingMessage } from 'node:http';
import { TooLargeError } from './read-body.ts';

/** @throws TooLargeError; the error of a request that broke off. */
export async function peekBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  if (!hasBody(request)) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const read = (): void => {
    for (let chunk = request.read() as Buffer | null; chunk !== null; chunk = request.read() as Buffer | null) {
      bytes += chunk.length;
      if (bytes > bytesMax) return reject(new TooLargeError(`more than ${bytesMax} bytes`));
      chunks.push(chunk);
    }
    if (!request.complete) return;
    const whole = Buffer.concat(chunks);
    // Possible until 'end', which Node emits only in a later tick, and not while there is something to read.
    if (whole.length > 0) request.unshift(whole);
    resolve(whole);
  };
  const broken = (): void => reject(new Error('the request broke off'));
  request.on('readable', read).on('error', broken).on('close', broken);
  try {
    return await promise;
  } finally {
    request.off('readable', read).off('error', broken).off('close', broken);
  }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
