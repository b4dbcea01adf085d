// What the tests of `--workers` share: a served Redis, callers with a connection each, the figures by worker.

import { connect, OWN_CONNECTION, type TestClient } from '../support/server.ts';
import { serveOnced, type RunOptions, type Served } from '../support/onced.ts';

export const NAMESPACE = 'workers';

export async function serveWorkers(store: string, workers: number, options: RunOptions = {}): Promise<Served> {
  return serveOnced(['--store', store, '--workers', String(workers)], options);
}

/** Callers whose connections go to the workers in turn. */
export async function connectEach(address: string, count: number): Promise<readonly TestClient[]> {
  const clients = Array.from({ length: count }, () => connect(address, OWN_CONNECTION));
  for (const client of clients) await client.getServerInfo({});
  return clients;
}

export function closeAll(clients: readonly TestClient[]): void {
  for (const client of clients) client.raw.close();
}

/** On a connection of its own, which any worker may get. Empty when that one does not answer. */
export async function pageOf(url: string): Promise<string> {
  const options = { headers: { connection: 'close' }, signal: AbortSignal.timeout(5_000) };
  const response = await fetch(url, options).catch(() => undefined);
  return (await response?.text()) ?? '{}';
}

/** The value of each series of a metric, by its labels as they are written. */
export async function seriesOf(http: string, name: string): Promise<ReadonlyMap<string, number>> {
  const page = await pageOf(`${http}/metrics`);
  const lines = page.split('\n').flatMap((line) => {
    const [, found, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    return found === name ? [[labels, Number(value)] as const] : [];
  });
  return new Map(lines);
}

/** By worker number, as the log has them; the newest process of each. */
export function workerPids(served: Served): ReadonlyMap<number, number> {
  const lines = served
    .stderr()
    .split('\n')
    .filter((line) => line.includes('"msg":"serving"'));
  return new Map(
    lines.map((line) => {
      const { worker, pid } = JSON.parse(line) as { worker: number; pid: number };
      return [worker, pid];
    }),
  );
}

export function pidOf(served: Served, worker: number): number {
  const pid = workerPids(served).get(worker);
  if (pid === undefined) throw new Error(`no worker ${worker} in the log`);
  return pid;
}
