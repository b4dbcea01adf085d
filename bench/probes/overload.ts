// What becomes of a server that is asked for 5 and 10 times what it can do, and of the neighbours of a namespace that asks for
// 10 times its quota. Open loop over Session: an intent is due every so many microseconds whatever came of the others, begins
// are not repeated, whoever acquires completes; latencies count from when a begin was due.
// node bench/probes/overload.ts           on a store that does 800 verbs a second and no more (overload-server.ts)
// node bench/probes/overload.ts sqlite    on SQLite: the processor is what there is too little of. Wants a quiet machine.

import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startProgram, temporaryFolder } from '../harness/children.ts';
import { probeDisk } from '../harness/disk.ts';
import { serve } from '../servers/onced.ts';
import { openOffering, type Offering, type Seen } from './overload-offering.ts';

const SESSIONS = 4;
const WARM_UP_MS = 2000;
const WINDOW_MS = 6000;
const IN_FLIGHT_PEAK = 64;
/** What is called unloaded: enough to be warm, far from queues. */
const LIGHT = 0.25;
const QUOTA_SHARE = 0.05;
const NORMAL_MS_MAX = 2000;
const RECOVERY_STEP_MS = 250;

interface Row {
  readonly phase: string;
  readonly offeredPerSecond: number;
  readonly goodPerSecond: number;
  readonly refusedPerSecond: number;
  readonly beginP50Ms: number;
  readonly beginP99Ms: number;
  readonly completeP99Ms: number;
  readonly refusalP99Ms: number;
  readonly sendP99Ms: number;
  readonly lost: number;
}

function rowOf(phase: string, seen: Seen, ms: number): Row {
  const perSecond = (count: number): number => Math.round((count * 1000) / ms);
  const at = (histogram: Seen['begins'], percentile: number): number =>
    histogram.getValueAtPercentile(percentile) / 1000;
  return {
    phase,
    offeredPerSecond: perSecond(seen.offered),
    goodPerSecond: perSecond(seen.completed),
    refusedPerSecond: perSecond(seen.refused),
    beginP50Ms: at(seen.begins, 50),
    beginP99Ms: at(seen.begins, 99),
    completeP99Ms: at(seen.completes, 99),
    refusalP99Ms: at(seen.refusals, 99),
    sendP99Ms: at(seen.sends, 99),
    lost: seen.failed,
  };
}

/** Offers at an even pace; the first part is not counted. */
async function window(offering: Offering, phase: string, perSecond: number, windowMs = WINDOW_MS): Promise<Row> {
  const stop = offering.pace('main', perSecond);
  await sleep(WARM_UP_MS);
  offering.reset();
  const startMs = performance.now();
  await sleep(windowMs);
  const row = rowOf(phase, offering.seen('main'), performance.now() - startMs);
  stop();
  return row;
}

/** Milliseconds from the end of the overload until a step's p99 is what it was without, or a little more. */
async function recovery(offering: Offering, perSecond: number, normalMs: number): Promise<number> {
  const stop = offering.pace('main', perSecond);
  const startMs = performance.now();
  try {
    while (performance.now() - startMs < 5 * NORMAL_MS_MAX) {
      offering.reset();
      await sleep(RECOVERY_STEP_MS);
      const { begins, refused } = offering.seen('main');
      if (refused === 0 && begins.totalCount > 0 && begins.getValueAtPercentile(99) / 1000 <= 2 * normalMs) break;
    }
    return Math.round(performance.now() - startMs - RECOVERY_STEP_MS);
  } finally {
    stop();
  }
}

async function serveNarrow(): Promise<{ readonly target: string; stop(): Promise<void> }> {
  const listening = /serves gRPC on (127\.0\.0\.1:\d+)/;
  const program = await startProgram({
    command: process.execPath,
    args: [fileURLToPath(new URL('./overload-server.ts', import.meta.url)), '8', '10'],
    isReady: (output) => listening.test(output),
    readyMsMax: 120_000,
  });
  return { target: listening.exec(program.output())?.[1] ?? '', stop: () => program.end() };
}

/** The others' figures without and with a namespace that asks for ten times what its quota allows. */
async function neighbours(offering: Offering, peak: number): Promise<{ without: Row; with: Row }> {
  const quota = Math.max(1, Math.round(peak * QUOTA_SHARE));
  await offering.setQuota('noisy', quota);
  const without = await window(offering, 'neighbours alone', peak * LIGHT);
  const stop = offering.pace('noisy', 10 * quota);
  const beside = await window(offering, `beside a namespace at 10 x its quota of ${quota}/s`, peak * LIGHT);
  stop();
  return { without, with: beside };
}

const folder = await temporaryFolder('overload');
const disk = await probeDisk();
const server = process.argv[2] === 'sqlite' ? await serve(`sqlite:${folder.path}/onced.db`) : await serveNarrow();
const offering = await openOffering(server.target, SESSIONS);
try {
  await offering.closed(IN_FLIGHT_PEAK, WARM_UP_MS);
  offering.reset();
  await offering.closed(IN_FLIGHT_PEAK, WINDOW_MS);
  const peak = rowOf('peak, closed loop', offering.seen('main'), WINDOW_MS);
  const unloaded = await window(offering, 'unloaded', peak.goodPerSecond * LIGHT);
  const rows = [peak, unloaded];
  const judged: Record<string, number>[] = [];
  for (const times of [5, 10]) {
    const row = await window(offering, `${times} x peak`, peak.goodPerSecond * times);
    rows.push(row);
    const normalAfterMs = await recovery(offering, peak.goodPerSecond * LIGHT, unloaded.beginP99Ms);
    judged.push({
      times,
      goodput: row.goodPerSecond / peak.goodPerSecond,
      p99OfAdmitted: row.beginP99Ms / unloaded.beginP99Ms,
      normalAfterMs,
    });
    await sleep(WARM_UP_MS);
  }
  const tenants = await neighbours(offering, peak.goodPerSecond);
  rows.push(tenants.without, tenants.with);
  console.table(rows);
  console.table(judged);
  console.log(
    JSON.stringify({
      node: process.version,
      cores: availableParallelism(),
      disk,
      rows,
      judged,
      neighboursP99: tenants.with.beginP99Ms / tenants.without.beginP99Ms,
    }),
  );
} finally {
  offering.close();
  await server.stop();
  await folder.remove();
}
