// What admission tells on /metrics. Children are made beforehand: refusals come by the ten thousand.

import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { AdmissionState } from './admission.ts';
import { LOAD_CLASSES, REFUSAL_CAUSES, type LoadClass, type RefusalCause } from './load-class.ts';

export interface AdmissionFigures {
  /** An operation was refused for load, or a stream because there are too many. */
  refused(load: LoadClass, cause: RefusalCause): void;
  /** An operation waited so long to be admitted. */
  admissionWait(load: LoadClass, durationMs: number): void;
  /** Where a scrape finds how admission stands. */
  readAdmission(read: () => AdmissionState): void;
}

export function addAdmissionFigures(registry: Registry): AdmissionFigures {
  const registers = [registry];
  let read: (() => AdmissionState) | undefined;
  const refusals = new Counter({
    name: 'onced_admission_refused_total',
    help: 'Operations refused for load, by class and cause.',
    labelNames: ['class', 'cause'],
    registers,
  });
  const waits = new Histogram({
    name: 'onced_admission_wait_seconds',
    help: 'Time that operations waited to be admitted; those that need not wait are not in it.',
    labelNames: ['class'],
    buckets: WAIT_SECONDS,
    registers,
  });
  const refusalsOf = byClass((load) =>
    Object.fromEntries(REFUSAL_CAUSES.map((cause) => [cause, refusals.labels(load, cause)])),
  );
  const waitsOf = byClass((load) => waits.labels(load));
  addGauges(registry, () => read?.());

  return {
    refused: (load, cause) => refusalsOf[load][cause]?.inc(),
    admissionWait: (load, durationMs) => waitsOf[load].observe(durationMs / 1000),
    readAdmission: (from) => void (read = from),
  };
}

const byClass = <Made>(make: (load: LoadClass) => Made): Readonly<Record<LoadClass, Made>> => ({
  settle: make('settle'),
  begin: make('begin'),
  look: make('look'),
  admin: make('admin'),
});

function addGauges(registry: Registry, read: () => AdmissionState | undefined): void {
  const gauge = (name: string, help: string, valueOf: (state: AdmissionState) => number): void => {
    const collect = (): void => {
      const state = read();
      if (state !== undefined) made.set(valueOf(state));
    };
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect });
  };
  gauge('onced_admission_limit', 'Operations that may be at the store at a time; it adapts.', ({ limit }) => limit);
  gauge('onced_admission_in_flight', 'Operations that run; waiting begins do not count.', ({ inFlight }) => inFlight);
  gauge('onced_admission_overloaded', '1 while more is asked than can be done.', (state) => Number(state.isOverloaded));
  gauge('onced_admission_shedding', 'Classes shed to save the process: 0 to 3.', ({ shedding }) => shedding);
  const queued: Gauge = new Gauge({
    name: 'onced_admission_queued',
    help: 'Operations that wait to be admitted, by class.',
    labelNames: ['class'],
    registers: [registry],
    collect() {
      const state = read();
      if (state === undefined) return;
      for (const load of LOAD_CLASSES) queued.set({ class: load }, state.queued[load]);
    },
  });
}

/** Of a queue that holds a second of work at most. */
const WAIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
