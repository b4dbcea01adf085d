// Admission that runs: its windows, its guards, its figures, and a line in the log when it begins or ends to refuse.

import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { limits } from '../limits.ts';
import type { Metrics } from '../metrics.ts';
import { createAdmission, type Admission } from './admission.ts';
import { createProcessMeter } from './guards.ts';

const GUARD_MS = 1000;

export function startAdmission(metrics: Metrics, log: Logger): { admission: Admission; stop: () => void } {
  const admission = createAdmission({
    onRefused: (load, cause) => metrics.refused(load, cause),
    onWaited: (load, waitMs) => metrics.admissionWait(load, waitMs),
  });
  metrics.readAdmission(() => admission.state());
  const meter = createProcessMeter();
  let told = '';
  const tell = (): void => {
    const { isOverloaded, shedding, limit, inFlight, queued } = admission.state();
    const now = `${isOverloaded} ${shedding}`;
    if (now === told || (told === '' && !isOverloaded && shedding === 0)) return;
    told = now;
    const facts = { isOverloaded, shedding, limit, inFlight, queued };
    if (isOverloaded || shedding > 0) log.warn(facts, 'overloaded: the least urgent operations are refused');
    else log.info(facts, 'no longer overloaded');
  };
  let before = performance.eventLoopUtilization();
  const windows = setInterval(() => {
    const now = performance.eventLoopUtilization();
    admission.tick(performance.eventLoopUtilization(now, before).utilization);
    before = now;
    tell();
  }, limits.admissionWindowMs);
  const guards = setInterval(() => admission.guard(meter.read()), GUARD_MS);
  windows.unref();
  guards.unref();
  return {
    admission,
    stop() {
      clearInterval(windows);
      clearInterval(guards);
      meter.stop();
    },
  };
}
