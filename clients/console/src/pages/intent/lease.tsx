// The lease that runs down, counted by this computer's own clock from what the server said was left.

import { durationMs } from '@bufbuild/protobuf/wkt';
import { useEffect, useState } from 'react';
import { IntentState, type IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { showDuration } from '../../format/durations.ts';
import { Age } from '../../parts/times.tsx';

const TICK_MS = 100;

export function Lease({ record, readAtMs }: { readonly record: IntentRecord; readonly readAtMs: number }) {
  const state = record.summary?.state;
  const leftAtRead = record.leaseRemaining === undefined ? 0 : durationMs(record.leaseRemaining);
  const leftMs = useLeftMs(readAtMs + leftAtRead);
  if (state !== IntentState.IN_PROGRESS && state !== IntentState.ORPHANED) return null;
  if (leftMs <= 0) {
    return (
      <p className="lease lease-over">
        The lease ran out <Age at={record.leaseExpireTime} /> and nobody has taken over.
      </p>
    );
  }
  return (
    <p className="lease">
      Lease runs out in <strong className="countdown">{showDuration(Math.max(0, leftMs))}</strong>
    </p>
  );
}

function useLeftMs(deadlineMs: number): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => {
      const next = performance.now();
      setNowMs(next);
      if (next >= deadlineMs) clearInterval(timer);
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [deadlineMs]);
  return deadlineMs - nowMs;
}
