// The server's clock, ticking: ages and countdowns must not depend on how the clock of this computer stands.

import { useEffect, useState } from 'react';

let offsetMs = 0;

/** `serverMs`: what the server's clock showed a moment ago. */
export function setServerClock(serverMs: number): void {
  offsetMs = serverMs - Date.now();
}

export const serverNowMs = (): number => Date.now() + offsetMs;

export function useNowMs(everyMs: number): number {
  const [nowMs, setNowMs] = useState(serverNowMs);
  useEffect(() => {
    const timer = setInterval(() => setNowMs(serverNowMs()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return nowMs;
}
