// Two servers on one store, restarted in turn under load, as every upgrade does it: no call of a client that knows both fails.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createClient, type OncedClient } from '../../clients/node/index.ts';
import { freePort } from '../support/free-port.ts';
import { serveOnced, type Served } from '../support/onced.ts';
import { startPostgres } from '../support/postgres.ts';

/** Of one server each: both are restarted twenty times. The long run sets more. */
const RESTARTS = Number(process.env['ONCED_RESTARTS'] ?? 40);
const LANES = 8;
/** So that the servers that start have some processor left. */
const PAUSE_MS = 10;
const NAMESPACE = 'rolling';

interface Tally {
  calls: number;
  readonly failures: unknown[];
  /** Keys whose Complete was answered. */
  readonly completed: string[];
}

/** Begins, completes and reads keys of its own until it is told to end. Whatever rejects is a failed call. */
async function work(client: OncedClient, tally: Tally, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const place = { namespace: NAMESPACE, key: randomUUID() };
    try {
      const begun = await client.begin(place);
      if (begun.kind !== 'acquired' || begun.attempt !== 1) throw new Error(`a fresh key is ${begun.kind}`);
      await client.complete({ ...place, leaseToken: begun.leaseToken, result: Buffer.from(place.key) });
      tally.completed.push(place.key);
      await client.lookup(place);
      tally.calls += 3;
    } catch (error) {
      tally.failures.push(error);
    }
    await sleep(PAUSE_MS);
  }
}

/** Keys whose outcome is not what was said. */
async function lost(client: OncedClient, keys: readonly string[]): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const key of keys) {
    const record = await client.lookup({ namespace: NAMESPACE, key, includeResult: true });
    if (record.state !== 'completed' || Buffer.from(record.result ?? []).toString() !== key) wrong.push(key);
  }
  return wrong;
}

test(
  `${RESTARTS} restarts of two servers under load: no call fails, over Session and one by one, and nothing is lost`,
  async () => {
    const postgres = await startPostgres();
    const ports = [await freePort(), await freePort()];
    const serve = async (port: number | undefined): Promise<Served> =>
      serveOnced(['--grpc', `127.0.0.1:${port}`, '--store', postgres.url, '--log-level', 'error']);
    const servers = await Promise.all(ports.map(serve));
    const address = ports.map((port) => `127.0.0.1:${port}`);
    const clients = (['session', 'unary'] as const).map((transport) => createClient({ address, transport }));
    const tallies = clients.map((): Tally => ({ calls: 0, failures: [], completed: [] }));
    let isOver = false;
    try {
      const lanes = clients.flatMap((client, index) =>
        Array.from({ length: LANES }, async () => work(client, tallies[index] as Tally, () => isOver)),
      );
      for (let restart = 0; restart < RESTARTS; restart += 1) {
        const which = restart % servers.length;
        servers[which]?.kill('SIGTERM');
        const ended = await servers[which]?.ended;
        expect(ended).toMatchObject({ code: 0, stderr: '' });
        servers[which] = await serve(ports[which]);
      }
      isOver = true;
      await Promise.all(lanes);
      expect(tallies.flatMap(({ failures }) => failures)).toEqual([]);
      for (const [index, client] of clients.entries()) {
        const { calls, completed } = tallies[index] as Tally;
        expect(calls).toBeGreaterThan(RESTARTS * 10);
        expect(await lost(client, completed.slice(-500))).toEqual([]);
      }
      console.log(`${RESTARTS} restarts: ${tallies.map(({ calls }) => calls).join(' and ')} calls, 0 failed`);
    } finally {
      isOver = true;
      for (const client of clients) client.close();
      for (const server of servers) await server[Symbol.asyncDispose]();
      await postgres.dispose();
    }
  },
  RESTARTS * 15_000,
);
