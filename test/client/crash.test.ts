// The server is killed and started again while work runs: every effect happens once, and every caller gets its result.

import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createClient } from '../../clients/node/index.ts';
import { makeFolder, serveOnced, type Served } from '../support/onced.ts';
import { later } from './support/scene.ts';

describe.each(['auto', 'unary'] as const)('a server that is killed, %s', (transport) => {
  let server: Served | undefined;
  afterEach(async () => server?.[Symbol.asyncDispose]());

  test('lets nobody run twice, and nobody down', async () => {
    await using folder = await makeFolder();
    const store = ['--store', `sqlite:${join(folder.path, 'onced.db')}`];
    server = await serveOnced(store);
    const address = server.grpc;
    using client = createClient({ address, transport });
    const effects = new Map<string, number>();
    const total = 150;
    const callers = Array.from({ length: total * 2 }, async (_, index) => {
      const key = `order-${index % total}`;
      await later(Math.random() * 2_500);
      return client.runOnce('test/crash', key, { key }, async () => {
        effects.set(key, (effects.get(key) ?? 0) + 1);
        await later(50 + Math.random() * 200);
        return { charged: key };
      });
    });
    const settled = Promise.allSettled(callers);
    for (let kills = 0; kills < 2; kills++) {
      await later(700);
      server.kill('SIGKILL');
      await server.ended;
      server = await serveOnced(['--grpc', address, ...store]);
    }
    const outcomes = await settled;
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(effects.size).toBe(total);
    expect([...effects.values()].filter((count) => count !== 1)).toEqual([]);
    for (const [index, outcome] of outcomes.entries()) {
      expect(outcome).toMatchObject({ value: { value: { charged: `order-${index % total}` } } });
    }
  }, 60_000);
});
