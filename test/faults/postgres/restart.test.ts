// Postgres is killed, stopped and started again under load from two servers: nothing acknowledged is lost, nobody is
// granted what another holds, and the servers come back by themselves.

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { RecordChange, Store } from '../../../storage/contract/index.ts';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres.ts';
import { faultsOf, startLoad } from '../load.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

/** The long run sets ONCED_RESTARTS=500. */
const RESTARTS = Number(process.env['ONCED_RESTARTS'] ?? 12);
const BACK_MS_MAX = 3_000;

describe('Postgres restarted under load', () => {
  let server: PostgresServer;
  let stores: readonly [Store, Store];
  beforeAll(async () => {
    server = await startPostgres();
    stores = [await openPostgresStore({ url: server.url }), await openPostgresStore({ url: server.url })];
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.dispose();
  });

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  test(
    `${RESTARTS} times: nothing acknowledged is lost, no key is granted twice, and it goes on within 3 s`,
    { timeout: RESTARTS * 10_000 + 60_000 },
    async () => {
      const load = startLoad(stores, 32);
      for (let round = 0; round < RESTARTS; round += 1) {
        await pause(200 + Math.random() * 800);
        await (round % 3 === 2 ? server.stop() : server.kill());
        await server.start();
        const call = beginOf(`after restart ${round}`);
        await vi.waitFor(() => beginOn(stores[0], call), { timeout: BACK_MS_MAX, interval: 20 });
      }
      await load.stop();
      const { ledger } = load;
      console.log(
        `${ledger.completed.size} outcomes acknowledged; calls in trouble:`,
        Object.fromEntries(ledger.trouble),
      );
      expect(ledger.trouble.size).toBeGreaterThan(0);
      expect(ledger.completed.size).toBeGreaterThan(RESTARTS);
      expect(await faultsOf(stores[1], ledger)).toEqual([]);
    },
  );

  test('the counts are right afterwards', async () => {
    const { groups } = await stores[0].stats();
    let listed = 0;
    let after: string | undefined;
    do {
      const page = await stores[0].list({ limit: 1_000, ...(after === undefined ? {} : { after }) });
      listed += page.records.length;
      after = page.next;
    } while (after !== undefined);
    expect(groups.reduce((sum, { records }) => sum + records, 0)).toBe(listed);
  });

  test('a server hears of the others again', async () => {
    const heard: RecordChange[] = [];
    const stop = stores[1].onRemoteChange((change) => heard.push(change));
    await server.kill();
    await server.start();
    await vi.waitFor(
      async () => {
        const call = beginOf(`told ${heard.length} ${Math.random()}`);
        await beginOn(stores[0], call);
        await settleOn(stores[0], settleOf(call.key, call.leaseToken, 'paid'));
        await pause(50);
        expect(heard).not.toEqual([]);
      },
      { timeout: 10_000, interval: 100 },
    );
    stop();
  });
});
