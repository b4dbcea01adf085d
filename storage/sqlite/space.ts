// What the store does about a full disk. A ballast file keeps some space back: when SQLite runs out, the ballast goes,
// new records are refused, and holders can still settle and compaction still free. Once space came back the ballast is
// laid again and new records are taken.

import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { RECOVER_CHECK_MS } from './limits.ts';

export interface Space {
  isFull(): boolean;
  /** SQLite ran out of space. True when this freed some, so that what failed may be tried once more. */
  becameFull(): boolean;
  /** Looks, now and then, whether space came back. */
  look(): void;
  /** Size of the database with its log. */
  storeBytes(): number;
}

export interface SpaceParts {
  readonly path: string;
  readonly ballastBytes: number;
  readonly warn: (message: string) => void;
}

export const ballastPath = (path: string): string => `${path}-ballast`;

/** Bytes that this user may still write beside the file. */
export function bytesFree(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

export function createSpace({ path, ballastBytes, warn }: SpaceParts): Space {
  let lookedMs = performance.now();
  // A ballast that cannot be laid is how a start on a full disk looks.
  let full = !layBallast(path, ballastBytes);
  if (full) warn(`no space for the ballast beside ${path}: new records are refused until space comes back`);

  return {
    isFull: () => full,

    becameFull() {
      if (full) return false;
      full = true;
      rmSync(ballastPath(path), { force: true });
      warn(`the disk of ${path} is full: new records are refused until space comes back; settling and reading go on`);
      return true;
    },

    look() {
      if (!full || performance.now() - lookedMs < RECOVER_CHECK_MS) return;
      lookedMs = performance.now();
      // Twice the ballast, so that a store that fills up slowly does not flap.
      if (bytesFree(path) < 2 * ballastBytes || !layBallast(path, ballastBytes)) return;
      full = false;
      warn(`the disk of ${path} has space again: new records are taken`);
    },

    storeBytes: () => sizeOf(path) + sizeOf(`${path}-wal`),
  };
}

/** Real bytes, not a hole: a sparse file would hold nothing back. False when there is no space for it. */
function layBallast(path: string, bytes: number): boolean {
  const file = ballastPath(path);
  if (sizeOf(file) === bytes) return true;
  try {
    writeBallast(file, bytes);
    return true;
  } catch {
    rmSync(file, { force: true });
    return false;
  }
}

function writeBallast(file: string, bytes: number): void {
  const chunk = Buffer.alloc(64 * 1024, 'onced ballast: deleted and laid again by the server\n');
  const descriptor = openSync(file, 'w', 0o600);
  try {
    for (let written = 0; written < bytes;) {
      written += writeSync(descriptor, chunk, 0, Math.min(chunk.length, bytes - written));
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
