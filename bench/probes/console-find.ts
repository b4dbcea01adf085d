// How much later than the RPC itself the console's Find shows its first page, over many records on SQLite, in Chromium.
// A prefix that stands far back may be answered by empty pages first, one for each 250 ms of search: all calls are the RPC.
// node bench/probes/console-find.ts [records]

import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { durationMs, type Key, type LeaseToken, type Namespace } from '../../storage/contract/index.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { buildConsole } from '../../test/support/build-console.ts';
import { launchChromium, openPage } from '../../test/support/chromium.ts';
import { serveOnced } from '../../test/support/onced.ts';

const RECORDS = Number(process.argv[2] ?? 1_000_000);
const ROUNDS = 20;
const SEED_AT_ONCE = 2000;
const NAMESPACE = 'bench/find' as Namespace;
const DAY_MS = 86_400_000;

const keyOf = (index: number): string => `order-${String(index).padStart(9, '0')}`;

async function seed(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  for (let done = 0; done < RECORDS; done += SEED_AT_ONCE) {
    const claims = Array.from({ length: Math.min(SEED_AT_ONCE, RECORDS - done) }, async (_, index) =>
      store.claim({
        namespace: NAMESPACE,
        key: keyOf(done + index) as Key,
        expected: 'absent',
        fingerprints: [],
        labels: {},
        attemptId: 'a',
        owner: 'bench',
        leaseToken: String(done + index).padStart(32, '0') as LeaseToken,
        leaseMs: durationMs(DAY_MS),
        orphanTtlMs: durationMs(DAY_MS),
        retention: { ttlMs: durationMs(DAY_MS), graceMs: durationMs(0) },
      }),
    );
    await Promise.all(claims);
  }
  await store.close();
}

interface Round {
  readonly shownMs: number;
  readonly calls: number;
  readonly rpcMs: number;
}

/** From the change of the filter to the first row in the page, and the browser's own time for the calls until then. */
const LOOK = `async ([namespace, prefix]) => {
  performance.clearResourceTimings();
  const start = performance.now();
  location.hash = new URLSearchParams({ namespace, prefix });
  const isShown = () => document.querySelector('.table-body .key')?.textContent?.startsWith(prefix);
  while (!isShown()) await new Promise((resolve) => requestAnimationFrame(resolve));
  const shownMs = performance.now() - start;
  const calls = performance
    .getEntriesByType('resource')
    .filter(({ name, responseEnd }) => name.endsWith('/ListRecords') && responseEnd <= start + shownMs);
  return { shownMs, calls: calls.length, rpcMs: calls.reduce((sum, { duration }) => sum + duration, 0) };
}`;

const look = async (page: Page, prefix: string): Promise<Round> =>
  page.evaluate<Round>(`(${LOOK})(${JSON.stringify([NAMESPACE, prefix])})`);

/** CPU time of the page's own thread: on a machine that others use, what a quiet one would show. */
async function cpuCounter(page: Page): Promise<() => Promise<number>> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1000;
  };
}

const percentile = (values: readonly number[], share: number): string =>
  (values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? NaN).toFixed(1);

buildConsole();
const folder = await mkdtemp(join(tmpdir(), 'onced-probe-'));
try {
  const path = join(folder, 'onced.db');
  const startMs = performance.now();
  await seed(path);
  console.log(`${RECORDS} records in ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
  await using served = await serveOnced(['--store', `sqlite:${path}`, '--log-level', 'error'], { folder });
  await using browser = await launchChromium();
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${served.http}/find#namespace=${encodeURIComponent(NAMESPACE)}`);
  await page.locator('.table-body .key').first().waitFor();
  const cpuMs = await cpuCounter(page);
  const startCpuMs = await cpuMs();
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rounds.push(await look(page, keyOf(Math.floor((RECORDS * (round + 0.5)) / ROUNDS)).slice(0, -3)));
  }
  const cpuMsEach = ((await cpuMs()) - startCpuMs) / ROUNDS;
  const extras = rounds.map(({ shownMs, rpcMs }) => shownMs - rpcMs);
  const show = (values: readonly number[]): string => `${percentile(values, 0.5)} / ${percentile(values, 1)}`;
  console.log(`each look, p50 / max: the first row shows after ${show(rounds.map(({ shownMs }) => shownMs))} ms`);
  console.log(`calls of ListRecords until then: ${show(rounds.map(({ calls }) => calls))}`);
  console.log(`their time, summed: ${show(rounds.map(({ rpcMs }) => rpcMs))} ms`);
  console.log(`beyond that: ${show(extras)} ms`);
  console.log(`CPU of the page for each: ${cpuMsEach.toFixed(1)} ms`);
  console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
