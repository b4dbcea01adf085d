// One measured window: a load of one shape on one operation, for a time. Closed loop: so many in flight, each starts the
// next when it is answered. Open loop: one starts every 1/rate seconds whether or not the others are answered, and its
// latency counts from when it should have started, so that a stall counts for all that it delayed.

import { build, type Histogram } from 'hdr-histogram-js';
import { cpuUsOf, machineCpuUs, memoryBytesOf } from './processes.ts';

/** One whole operation; rejects when the answer was not the right one. What it returns belongs to it but is not timed. */
export type Operate = () => Promise<void | Rest>;
type Rest = () => Promise<void>;

export type Load =
  { readonly kind: 'closed'; readonly inFlight: number } | { readonly kind: 'open'; readonly perSecond: number };

export interface WindowRequest {
  readonly load: Load;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** Whose CPU and memory count as the server's; descendants are found. */
  readonly serverPids: readonly number[];
}

export interface WindowResult {
  readonly perSecond: number;
  readonly operations: number;
  readonly errors: number;
  readonly firstError: string | undefined;
  /** Open loop: not started, since too many were unanswered. */
  readonly dropped: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly serverCpuUs: number;
  readonly clientCpuUs: number;
  /** Cores that neither the server nor the load used: other work on the machine. */
  readonly otherCores: number;
  readonly serverMemoryBytes: number;
}

/** Open loop: more than this unanswered means that the rate is out of reach; the rest is counted as dropped. */
const UNANSWERED_MAX = 20_000;
/** How long after a window its last operations may take. */
const DRAIN_MS_MAX = 15_000;

interface Tally {
  readonly histogram: Histogram;
  operations: number;
  errors: number;
  firstError: string | undefined;
  dropped: number;
  unanswered: number;
  isMeasuring: boolean;
  isOver: boolean;
}

export async function measureWindow(operate: Operate, request: WindowRequest): Promise<WindowResult> {
  const tally: Tally = {
    histogram: build({
      lowestDiscernibleValue: 1,
      highestTrackableValue: 120_000_000,
      numberOfSignificantValueDigits: 3,
    }),
    operations: 0,
    errors: 0,
    firstError: undefined,
    dropped: 0,
    unanswered: 0,
    isMeasuring: false,
    isOver: false,
  };
  const running =
    request.load.kind === 'closed'
      ? runClosed(operate, tally, request.load.inFlight)
      : runOpen(operate, tally, request.load.perSecond);
  await sleep(request.warmUpMs);
  const before = readMeters(request.serverPids);
  tally.isMeasuring = true;
  await sleep(request.windowMs);
  tally.isMeasuring = false;
  const after = readMeters(request.serverPids);
  const serverMemoryBytes = memoryBytesOf(request.serverPids);
  tally.isOver = true;
  await Promise.race([running, sleep(DRAIN_MS_MAX)]);
  return summarise(tally, { before, after, serverMemoryBytes });
}

async function runClosed(operate: Operate, tally: Tally, inFlight: number): Promise<void> {
  const caller = async (): Promise<void> => {
    while (!tally.isOver) await runOne(operate, tally, performance.now());
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

/** Timers fire up to a millisecond late: what is late is started at once, and its lateness counts as latency. */
async function runOpen(operate: Operate, tally: Tally, perSecond: number): Promise<void> {
  const startMs = performance.now();
  const stepMs = 1000 / perSecond;
  let started = 0;
  while (!tally.isOver) {
    const due = Math.floor((performance.now() - startMs) / stepMs) + 1;
    for (; started < due; started += 1) {
      if (tally.unanswered >= UNANSWERED_MAX) tally.dropped += tally.isMeasuring ? 1 : 0;
      else void runOne(operate, tally, startMs + started * stepMs);
    }
    await sleep(1);
  }
  while (tally.unanswered > 0) await sleep(5);
}

async function runOne(operate: Operate, tally: Tally, startMs: number): Promise<void> {
  tally.unanswered += 1;
  let failure: Error | undefined;
  let tookMs = 0;
  try {
    const rest = await operate();
    tookMs = performance.now() - startMs;
    await rest?.();
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  tally.unanswered -= 1;
  if (failure !== undefined) {
    tally.firstError ??= failure.message;
    tally.errors += 1;
    // A subject that refuses everything at once must not be hammered in a tight loop.
    await sleep(1);
  } else if (tally.isMeasuring) {
    tally.operations += 1;
    tally.histogram.recordValue(Math.max(1, Math.round(tookMs * 1000)));
  }
}

interface Meters {
  readonly timeMs: number;
  readonly serverUs: number;
  readonly clientUs: number;
  readonly machineUs: number;
}

function readMeters(serverPids: readonly number[]): Meters {
  const { user, system } = process.cpuUsage();
  return {
    timeMs: performance.now(),
    serverUs: cpuUsOf(serverPids),
    clientUs: user + system,
    machineUs: machineCpuUs(),
  };
}

function summarise(tally: Tally, meters: { before: Meters; after: Meters; serverMemoryBytes: number }): WindowResult {
  const { before, after } = meters;
  const elapsedUs = (after.timeMs - before.timeMs) * 1000;
  const serverUs = after.serverUs - before.serverUs;
  const clientUs = after.clientUs - before.clientUs;
  const otherUs = after.machineUs - before.machineUs - serverUs - clientUs;
  const operations = Math.max(1, tally.operations);
  const atMs = (percentile: number): number => tally.histogram.getValueAtPercentile(percentile) / 1000;
  return {
    perSecond: tally.operations / (elapsedUs / 1e6),
    operations: tally.operations,
    errors: tally.errors,
    firstError: tally.firstError,
    dropped: tally.dropped,
    p50Ms: atMs(50),
    p90Ms: atMs(90),
    p99Ms: atMs(99),
    p999Ms: atMs(99.9),
    maxMs: tally.histogram.maxValue / 1000,
    serverCpuUs: serverUs / operations,
    clientCpuUs: clientUs / operations,
    otherCores: Math.max(0, otherUs / elapsedUs),
    serverMemoryBytes: meters.serverMemoryBytes,
  };
}

const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
