// What the driver throws, in the words of the contract. The one place that reads SQLite's error codes.

import { StoreError, type StoreErrorKind } from '../contract/index.ts';

/** After this nothing that the connection says can be believed: the process must end and start again from the disk. */
export class FatalStoreError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'FatalStoreError';
  }
}

/** SQLite's extended code (`SQLITE_FULL`), or undefined when the error is not the driver's. */
export function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  return error.code.startsWith('SQLITE_') ? error.code : undefined;
}

export const isFull = (error: unknown): boolean => {
  const code = sqliteCode(error);
  return code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE';
};

/**
 * A failed fsync may have thrown away pages that the kernel will report as written the next time, so a later success
 * proves nothing (SQLite then says OK; seen under fault injection). The same goes for a file that is no longer whole.
 */
export function isFatal(error: unknown): boolean {
  const code = sqliteCode(error);
  if (code === undefined || isFull(error)) return false;
  return code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB';
}

/** For errors after which the transaction was rolled back, so that nothing of it was written. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const kind: StoreErrorKind = isFull(error) ? 'full' : 'unavailable';
  const code = sqliteCode(error);
  if (kind === 'full') return fullError(error);
  return new StoreError(kind, `SQLite refused the write (${code ?? String(error)})`, { cause: error });
}

export const fullError = (cause?: unknown): StoreError =>
  new StoreError('full', 'the disk of the SQLite store is full; free some space and it goes on by itself', { cause });

export const fatalMessage = (error: unknown): string =>
  `SQLite reported ${sqliteCode(error) ?? String(error)}; what was acknowledged is on the disk, what was not may be lost`;
