// What a command has printed, as it is stored: the end of it, in order, and how much before that was left out.

/** Base64 makes a third more of it; the result stays below the server's default of 256 KiB. */
const KEPT_BYTES_MAX = 128 * 1024;

export interface KeptOutput {
  readonly bytes_left_out: number;
  /** To which stream, and what, as base64. */
  readonly chunks: readonly (readonly ['out' | 'err', string])[];
}

export interface OutputKeeper {
  add(stream: 'out' | 'err', chunk: Buffer): void;
  kept(): KeptOutput;
}

export function keepOutput(): OutputKeeper {
  let chunks: { readonly stream: 'out' | 'err'; readonly bytes: Buffer }[] = [];
  let bytes = 0;
  let leftOut = 0;
  return {
    add(stream, chunk) {
      chunks.push({ stream, bytes: chunk });
      bytes += chunk.length;
      while (bytes > KEPT_BYTES_MAX && chunks[0] !== undefined) {
        const [first] = chunks;
        const dropped = Math.min(first.bytes.length, bytes - KEPT_BYTES_MAX);
        const rest = first.bytes.subarray(dropped);
        chunks = rest.length === 0 ? chunks.slice(1) : [{ ...first, bytes: rest }, ...chunks.slice(1)];
        bytes -= dropped;
        leftOut += dropped;
      }
    },
    kept: () => ({
      bytes_left_out: leftOut,
      chunks: chunks.map(({ stream, bytes: own }) => [stream, own.toString('base64')]),
    }),
  };
}

/** Resolves once all of it is written. */
export async function replayOutput({ bytes_left_out: leftOut, chunks }: KeptOutput): Promise<void> {
  if (leftOut > 0) console.error(`onced run: the first ${leftOut} bytes of the output were not kept`);
  for (const [stream, text] of chunks) {
    const target = stream === 'out' ? process.stdout : process.stderr;
    await new Promise<void>((resolve) => void target.write(Buffer.from(text, 'base64'), () => resolve()));
  }
}
