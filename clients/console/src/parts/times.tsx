// Instants as people ask for them: how long ago, how long still; exactly when, on hovering.

import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import { showDuration } from '../format/durations.ts';
import { TICK_MS, useNowMs } from '../hooks/use-now.ts';

interface TimeProps {
  readonly at: Timestamp | undefined;
}

export function Age({ at }: TimeProps) {
  const nowMs = useNowMs();
  if (at === undefined) return <span className="dim">never</span>;
  const ms = timestampMs(at);
  const agoMs = nowMs - ms;
  // The clock shown may be a tick behind: what has just happened is not still to come.
  return <Instant ms={ms}>{agoMs > -TICK_MS ? `${coarse(Math.max(0, agoMs))} ago` : `in ${coarse(-agoMs)}`}</Instant>;
}

export function Exactly({ at }: TimeProps) {
  if (at === undefined) return <span className="dim">never</span>;
  const ms = timestampMs(at);
  return <Instant ms={ms}>{showInstant(ms)}</Instant>;
}

function Instant({ ms, children }: { readonly ms: number; readonly children: string }) {
  const iso = new Date(ms).toISOString();
  return (
    <time dateTime={iso} title={iso}>
      {children}
    </time>
  );
}

/** 2026-11-25 09:41:07.123 UTC: two people who look at one record read the same. */
export const showInstant = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', ' UTC');

/** Whole seconds below a minute: tables tick once a second. */
const coarse = (ms: number): string => (ms < 60_000 ? `${Math.floor(ms / 1000)} s` : showDuration(ms));
