// A server under load, as the benchmark sees it.

export interface Server {
  /** Where its driver connects; what a driver needs to know, as one string. */
  readonly target: string;
  readonly pids: readonly number[];
  readonly version: string;
  /** What survives once an operation was answered. */
  readonly durability: string;
  stop(): Promise<void>;
}

/** The part is not on this machine and cannot be had; the peer is named as missing with this reason. */
export class MissingPart extends Error {}
