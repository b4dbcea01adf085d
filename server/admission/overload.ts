// Whether more comes in than can be done: more arrives than is finished, or the queue has become long and stays so. A queue
// that merely stands is no overload: callers who wait for their answers before they ask again fill it up to their own
// windows and no further. A long one is: Session stops reading a caller whose window is full, so that what arrives is then no
// more than what is finished, and the rest waits where nobody sees it.

import { limits } from '../limits.ts';

export interface Overload {
  readonly isOn: boolean;
  /** Operations done per millisecond, of late. */
  readonly ratePerMs: number;
  /** How long a caller that is refused should wait: the longer, the more are refused. */
  readonly retryAfterMs: number;
  /** Once a window, with what happened in it. */
  tick(window: Window): void;
}

export interface Window {
  readonly arrived: number;
  readonly finished: number;
  readonly queued: number;
  /** How long the oldest waits already. */
  readonly oldestMs: number;
  readonly durationMs: number;
}

export function createOverload(): Overload {
  let isOn = false;
  let windowsInRow = 0;
  let ratePerMs = 0;
  let retryAfterMs: number = limits.retryAfterMsHintMin;

  return {
    get isOn() {
      return isOn;
    },
    get ratePerMs() {
      return ratePerMs;
    },
    get retryAfterMs() {
      return retryAfterMs;
    },
    tick({ arrived, finished, queued, oldestMs, durationMs }) {
      ratePerMs += (finished / durationMs - ratePerMs) * WEIGHT;
      const isGrowing = arrived > EXCESS * finished + SLACK && (queued > 0 || isOn);
      const isTooMuch = isGrowing || oldestMs > limits.admissionStandingMs;
      windowsInRow = isTooMuch === isOn ? 0 : windowsInRow + 1;
      if (windowsInRow >= WINDOWS_TO_TURN) {
        isOn = !isOn;
        windowsInRow = 0;
      }
      // Offered ten times what is done: ten times the shortest wait brings back about as many as can be done.
      const longer = limits.retryAfterMsHintMin * (arrived / Math.max(1, finished));
      retryAfterMs = HINTS_MS.find((hintMs) => hintMs >= longer) ?? limits.retryAfterMsHintMax;
    },
  };
}

/** Of the newest window in the rate. */
const WEIGHT = 0.3;
/** Callers that answer one another make a window uneven by a few operations, and a batch by a tenth. */
const EXCESS = 1.1;
const SLACK = 8;
/** Half a second: a burst that fills every window once is over by then, or is served all the same. */
const WINDOWS_TO_TURN = 5;
/** Few different ones, so that each refusal can be made once and sent many times. */
const HINTS_MS = [limits.retryAfterMsHintMin, 100, 200, 400, limits.retryAfterMsHintMax] as const;
