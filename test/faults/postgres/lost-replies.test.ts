// A reply is swallowed after the write was committed, and the connection reset: the caller is told that nobody knows, and a
// repeat finds its own lease.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../../storage/contract/index.ts';
import { openPostgresStore } from '../../../storage/postgres/index.ts';
import { startPostgres, type PostgresServer } from '../../support/postgres.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { beginOf, beginOn, settleOf, settleOn } from '../scene.ts';

const ROUNDS = Number(process.env['ONCED_LOST_REPLIES'] ?? 1_000);

describe('a reply of Postgres lost after the write', () => {
  let server: PostgresServer;
  let proxy: TcpProxy;
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const url = new URL(server.url);
    url.port = String(proxy.port);
    store = await openPostgresStore({ url: url.href });
  });
  afterAll(async () => {
    await store.close();
    await proxy.close();
    await server.dispose();
  });

  /** Loses the reply to the next call about this key, and resolves once that happened. */
  const loseReply = async (key: string, act: () => Promise<unknown>): Promise<unknown> => {
    const hex = Buffer.from(key).toString('hex');
    const swallowed = proxy.swallowNextReply((request) => request.includes(hex));
    const [outcome] = await Promise.all([act().catch((error: unknown) => error), swallowed]);
    return outcome;
  };

  test(
    `of a begin, ${ROUNDS} times: a repeat gets the same token, and is never in progress by itself`,
    { timeout: 300_000 },
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const call = beginOf(`begin-${round}`);
        const lost = await loseReply(call.key, () => beginOn(store, call));
        expect(lost).toMatchObject({ name: 'StoreError', kind: 'unknown' });
        const again = await beginOn(store, { ...call, leaseToken: beginOf('').leaseToken });
        expect(again).toMatchObject({ kind: 'acquired', record: { attempt: 1, leaseToken: call.leaseToken } });
        // The claim, then the repeat that moved the lease: a third write would be a statement that ran twice.
        if (again.kind === 'acquired') expect(again.record.revision).toBe(again.record.createMs + 1);
      }
    },
  );

  test('of a settle: a repeat is told that it was applied', { timeout: 120_000 }, async () => {
    for (let round = 0; round < ROUNDS / 6; round += 1) {
      const call = beginOf(`settle-${round}`);
      await beginOn(store, call);
      const settle = settleOf(call.key, call.leaseToken, 'paid');
      const lost = await loseReply(call.key, () => settleOn(store, settle));
      expect(lost).toMatchObject({ name: 'StoreError', kind: 'unknown' });
      expect(await settleOn(store, settle)).toMatchObject({ kind: 'already-applied' });
    }
  });

  test('of a read: nothing was written, so it is told as out of reach', async () => {
    const call = beginOf('read');
    await beginOn(store, call);
    const lost = await loseReply(call.key, () => store.read({ ...call, includeResult: true }));
    expect(lost).toMatchObject({ name: 'StoreError', kind: 'unavailable' });
  });

  test('another attempt does find the lost one in progress: it is the attempt id that makes the repeat safe', async () => {
    const call = beginOf('control');
    await loseReply(call.key, () => beginOn(store, call));
    expect(await beginOn(store, { ...beginOf('control') })).toMatchObject({ kind: 'in-progress' });
  });
});
