// The store's clock: the wall clock at the start, then the monotonic one. A wall clock that jumps while the server runs
// expires no lease, and a start on a wall clock that was set back goes on from the last instant written.

import { epochMs, type EpochMs } from '../contract/index.ts';

export interface ClockSource {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: () => number;
  /** Milliseconds that only grow. */
  readonly monotonicMs: () => number;
}

const SYSTEM: ClockSource = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

/** A clock that never answers less than `highWaterMs` nor less than it answered before. */
export function createClock(highWaterMs: EpochMs, source: ClockSource = SYSTEM): () => EpochMs {
  const offsetMs = Math.max(source.wallMs(), highWaterMs) - source.monotonicMs();
  return () => epochMs(Math.floor(offsetMs + source.monotonicMs()));
}
