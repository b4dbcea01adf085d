// How long a server's caller waits for an outcome to be recorded; the recording goes on behind it.

import { OutcomeNotRecordedError } from './work-errors.ts';

const RECORD_WAIT_MS = 10_000;

/** @throws OutcomeNotRecordedError; what the recording throws. */
export async function inTime<T>(recording: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const refuse = (): void => late.reject(new OutcomeNotRecordedError(`not within ${RECORD_WAIT_MS} ms`, {}));
  const timer = setTimeout(refuse, RECORD_WAIT_MS);
  return Promise.race([recording, late.promise]).finally(() => clearTimeout(timer));
}
