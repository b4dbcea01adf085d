// Bodies within a limit.

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

export interface ReadUpTo {
  readonly start: Buffer;
  /** There is more than the limit: all of it, from the start. */
  readonly rest: AsyncIterable<Uint8Array> | undefined;
}

/** Reads to the end, or until there is more than the limit. */
export async function readUpTo(chunks: AsyncIterable<Uint8Array | string>, bytesMax: number): Promise<ReadUpTo> {
  const iterator = chunks[Symbol.asyncIterator]();
  const read: Buffer[] = [];
  let bytes = 0;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
    const chunk = Buffer.from(next.value as Uint8Array);
    bytes += chunk.length;
    read.push(chunk);
    if (bytes > bytesMax) return { start: Buffer.alloc(0), rest: goOn(read, iterator) };
  }
  return { start: Buffer.concat(read), rest: undefined };
}

async function* goOn(
  read: readonly Buffer[],
  iterator: AsyncIterator<Uint8Array | string>,
): AsyncGenerator<Uint8Array> {
  yield* read;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
    yield Buffer.from(next.value as Uint8Array);
}
