// The server's clock, ticking: ages and countdowns must not depend on how the clock of this computer stands. One timer for
// all who show it, however many rows a table has.

import { useSyncExternalStore } from 'react';

export const TICK_MS = 1000;

let offsetMs = 0;
let shownMs = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

/** `serverMs`: what the server's clock showed a moment ago. */
export function setServerClock(serverMs: number): void {
  offsetMs = serverMs - Date.now();
  shownMs = serverMs;
}

export const serverNowMs = (): number => Date.now() + offsetMs;

/** To the second. */
export const useNowMs = (): number => useSyncExternalStore(subscribe, () => shownMs);

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    shownMs = serverNowMs();
    timer = setInterval(tick, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function tick(): void {
  shownMs = serverNowMs();
  for (const listener of listeners) listener();
}
