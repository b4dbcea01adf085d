// The whole of a body, within a limit.

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** @throws TooLargeError. */
export async function readBody(stream: AsyncIterable<Uint8Array | string>, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new TooLargeError(`more than ${bytesMax} bytes`);
    chunks.push(Buffer.from(chunk as Uint8Array));
  }
  return Buffer.concat(chunks);
}
