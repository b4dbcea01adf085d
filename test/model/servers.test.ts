// Two servers over one store, each of which may lose its way to it or be killed: random histories.

import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { openPostgresStore } from '../../storage/postgres/index.ts';
import { openRedisStore } from '../../storage/redis/index.ts';
import { startPostgres } from '../support/postgres.ts';
import { startRedis } from '../support/redis.ts';
import { seedsToTry } from './random.ts';
import { playServers } from './servers/history.ts';
import type { RealStore } from './servers/real.ts';

/** Half a second each, most of it idle. */
const HISTORIES = 10;
/** As many on a real store, in real time: 8 s each, four at a time. Not in CI, where the load of others would be judged, too. */
const ON_REAL_STORES = Number(process.env['ONCED_REAL_HISTORIES'] ?? 0);
const AT_ONCE = 4;

test.each(seedsToTry('two servers', HISTORIES))('no history of two servers breaks a promise (%i)', async (seed) => {
  expect((await playServers(seed)).calls).toBeGreaterThan(0);
});

const playOn = async (name: string, place: () => Promise<RealStore>): Promise<void> => {
  const seeds = seedsToTry(`two servers on ${name}`, ON_REAL_STORES).values();
  const lane = async (): Promise<void> => {
    for (const seed of seeds) expect((await playServers(seed, await place())).calls).toBeGreaterThan(0);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
};
const timeout = 60_000 + ON_REAL_STORES * 10_000;

test.skipIf(ON_REAL_STORES === 0)('nor does one on Redis, which may fall silent', { timeout }, async () => {
  const server = await startRedis();
  try {
    await playOn('Redis', async () => {
      const prefix = randomUUID();
      const open: RealStore['open'] = async (port) =>
        openRedisStore({ url: `redis://127.0.0.1:${port}?prefix=${prefix}` });
      return { port: server.port, open };
    });
  } finally {
    await server.dispose();
  }
});

test.skipIf(ON_REAL_STORES === 0)('nor does one on Postgres, which may fall silent', { timeout }, async () => {
  const server = await startPostgres();
  try {
    await playOn('Postgres', async () => {
      const url = await server.createDatabase();
      const open: RealStore['open'] = async (port) =>
        openPostgresStore({ url: url.replace(`:${server.port}/`, `:${port}/`) });
      return { port: server.port, open };
    });
  } finally {
    await server.dispose();
  }
});
