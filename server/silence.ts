// Whether the store has fallen silent: calls wait for it and nothing of it is heard, a ping neither. Known long before calls
// run into their time-outs, and taken back with its first word, so that nothing hangs on it but who would rather be refused
// than wait. It says nothing to namespaces that go on without the store: a stalled disk is no outage.

import { limits } from './limits.ts';

export interface Silence {
  readonly isOn: boolean;
  /** The store answered, to a call that took so long. */
  heard(tookMs?: number): void;
  /** A call failed as it does when the store is out of reach. */
  failed(): void;
  /** Once every limits.silenceLookMs. */
  look(): void;
}

export interface SilenceOptions {
  /** Somebody has waited for an answer since before the last look. */
  readonly isAwaited: () => boolean;
  readonly isConnected: () => boolean;
  /** Asks the store for a sign of life; `heard` or `failed` follow. */
  readonly ask: () => void;
  /** Called each time that it begins. */
  readonly onSilent: () => void;
}

/** The latest four calls, about. */
const SHARE_OF_NEWEST = 0.25;

export function createSilence({ isAwaited, isConnected, ask, onSilent }: SilenceOptions): Silence {
  let isOn = false;
  let wasHeard = false;
  let hasFailed = false;
  let usualMs = 0;
  /**
   * Counted, not read from a clock: where this process stood still itself, what the store has said meanwhile is read before
   * the next look.
   */
  let quietLooks = 0;

  return {
    get isOn() {
      return isOn;
    },
    heard(tookMs) {
      isOn = false;
      wasHeard = true;
      hasFailed = false;
      if (tookMs !== undefined) usualMs += (tookMs - usualMs) * SHARE_OF_NEWEST;
    },
    failed() {
      hasFailed = true;
    },
    look() {
      if (isOn) return;
      const isSuspect = hasFailed || !isConnected();
      quietLooks = !wasHeard && (isSuspect || isAwaited()) ? quietLooks + 1 : 0;
      wasHeard = false;
      const quietMs = quietLooks * limits.silenceLookMs;
      if (quietMs === 0) return;
      if (isSuspect || quietMs >= limits.silenceAskMs) ask();
      // One that is always slow is not silent: begins would never get through.
      const usualMsMax = limits.silenceUsualTimes * usualMs;
      if (quietMs < Math.max(isSuspect ? limits.silenceSuspectMs : limits.silenceMs, usualMsMax)) return;
      isOn = true;
      quietLooks = 0;
      onSilent();
    },
  };
}
