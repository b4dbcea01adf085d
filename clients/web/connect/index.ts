// @onced/web/connect: the server's own API over Connect, without that of operators.

export type { ConnectOptions } from './calls.ts';
export { createConnectClient, type ConnectClient } from './client.ts';
export * from '../../node/errors.ts';
export type { RunOptions, RunResult } from '../../node/work/run-once.ts';
export type { Work, WorkContext } from '../../node/work/perform.ts';
export type * from '../../node/types.ts';
export {
  FinalError,
  InProgressError,
  IntentFailedError,
  LeaseEndingError,
  OrphanedError,
  OutcomeNotRecordedError,
  ResultDroppedError,
  RetryableError,
  RetryLaterError,
  UnknownOutcomeError,
} from '../../node/work/work-errors.ts';
