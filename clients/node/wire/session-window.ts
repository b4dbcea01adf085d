// How many operations of a Session may be unanswered: as many as the server takes without refusing. Refusals halve it,
// answers widen it again, as TCP does with its window (additive increase, multiplicative decrease).

const MIN = 16;
const DECREASE = 0.5;
/** Refusals of one moment are one sign. */
const SIGN_MS = 100;

export interface SessionWindow {
  readonly size: number;
  answered(count: number): void;
  /** The server had too much to do. */
  refused(unanswered: number): void;
}

export function createSessionWindow(max: number): SessionWindow {
  let size = max;
  let signMs = -Infinity;
  return {
    get size() {
      return Math.floor(size);
    },
    answered(count) {
      if (size < max) size = Math.min(max, size + count / size);
    },
    refused(unanswered) {
      const nowMs = performance.now();
      if (nowMs - signMs < SIGN_MS) return;
      signMs = nowMs;
      size = Math.min(max, Math.max(MIN, Math.min(size, unanswered) * DECREASE));
    },
  };
}
