// The public SQL functions: what a service may do inside its own transaction.

import { randomUUID } from 'node:crypto';
import { Client, type DatabaseError } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settleDigest } from '../../server/calls/settle-digest.ts';
import { durationMs, type LeaseToken, type Settlement, type Store } from '../../storage/contract/index.ts';
import { openPostgresStore } from '../../storage/postgres/index.ts';
import { execute, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { newToken, requestsIn } from '../support/requests.ts';

const { namespace, idOf, claimOf, settleOf } = requestsIn('tests/functions');
const RESULT = Buffer.from('{"charge":"ch_1"}');

describe('onced.complete, onced.fail and onced.check_fence', () => {
  let server: PostgresServer;
  let url: string;
  let store: Store;
  let service: Client;

  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    store = await openPostgresStore({ url });
    await execute(
      url,
      `create table payments (key text primary key); create role service login;
                        grant usage on schema onced to service; grant all on payments to service`,
    );
    const asService = new URL(url);
    asService.username = 'service';
    service = new Client({ connectionString: asService.href });
    await service.connect();
  });
  afterAll(async () => {
    await service.end();
    await store.close();
    await server.dispose();
  });

  const begin = async (): Promise<{ key: string; token: LeaseToken }> => {
    const [key, token] = [randomUUID(), newToken()];
    expect((await store.claim(claimOf(key, token))).applied).toBe(true);
    return { key, token };
  };
  const complete = (key: string, token: LeaseToken, result = RESULT) =>
    service.query('select onced.complete($1, $2, $3, $4, $5, $6, $7) as expires', [
      namespace,
      key,
      Buffer.from(token, 'hex'),
      result,
      'application/json',
      'identity',
      { receipt: 'r-1', Ä: 'ü' },
    ]);
  const fail = (key: string, token: LeaseToken, kind: string, retryAfter = '0 s') =>
    service.query(
      `select onced.fail($1, $2, $3, $4, 'DECLINED', 'card declined', '\\x00ff', 'text/plain', $5::interval)`,
      [namespace, key, Buffer.from(token, 'hex'), kind, retryAfter],
    );
  const checkFence = async (key: string, token: LeaseToken) => {
    const values = [namespace, key, Buffer.from(token, 'hex')];
    return (await service.query<{ fence: string }>('select onced.check_fence($1, $2, $3) as fence', values)).rows[0];
  };
  const inTransaction = async (work: () => Promise<unknown>, end: 'commit' | 'rollback' = 'commit') => {
    await service.query('begin');
    try {
      await work();
      await service.query(end);
    } catch (error) {
      await service.query('rollback');
      throw error;
    }
  };
  const refusal = async (promise: Promise<unknown>) => {
    const error = await promise.then(
      () => undefined,
      (failure: unknown) => failure as DatabaseError,
    );
    return error === undefined ? 'none' : `${error.code} ${error.detail ?? ''}`.trim();
  };
  const recordOf = async (key: string) => (await store.read({ ...idOf(key), includeResult: true })).record;

  test('business rows and outcome are committed together', async () => {
    const { key, token } = await begin();
    await inTransaction(async () => {
      await service.query('insert into payments values ($1)', [key]);
      await complete(key, token);
    });
    const record = await recordOf(key);
    expect(record).toMatchObject({
      state: 'COMPLETED',
      contentType: 'application/json',
      contentEncoding: 'identity',
      outcomeLabels: { receipt: 'r-1', Ä: 'ü' },
      resultBytes: RESULT.length,
    });
    expect(Buffer.from(record?.result ?? [])).toEqual(RESULT);
    expect((await service.query('select from payments where key = $1', [key])).rowCount).toBe(1);
  });

  test('a rollback takes back the outcome with the business rows', async () => {
    const { key, token } = await begin();
    await inTransaction(async () => {
      await service.query('insert into payments values ($1)', [key]);
      await complete(key, token);
    }, 'rollback');
    expect(await recordOf(key)).toMatchObject({ state: 'IN_PROGRESS', leaseToken: token });
    expect((await service.query('select from payments where key = $1', [key])).rowCount).toBe(0);
  });

  test('it settles exactly as the store does', async () => {
    const [bySql, byStore] = [await begin(), await begin()];
    await complete(bySql.key, bySql.token);
    const settlement: Settlement = {
      kind: 'completed',
      result: RESULT,
      contentType: 'application/json',
      contentEncoding: 'identity',
      labels: { receipt: 'r-1', Ä: 'ü' },
      resultTtlMs: durationMs(86_400_000),
    };
    const request = settleOf(byStore.key, byStore.token, RESULT);
    await store.settle({ ...request, settlement, settleDigest: settleDigest(settlement) });
    const [a, b] = [await recordOf(bySql.key), await recordOf(byStore.key)];
    const shape = (record: typeof a) => ({
      ...record,
      key: 0,
      attemptId: 0,
      leaseToken: 0,
      fencingToken: 0,
      revision: 0,
      ...Object.fromEntries(
        (['createMs', 'updateMs', 'holdStartMs', 'leaseExpireMs'] as const).map((name) => [name, 0]),
      ),
      settleMs: 0,
      expireMs: (record?.expireMs ?? 0) - (record?.settleMs ?? 0),
      resultExpireMs: (record?.resultExpireMs ?? 0) - (record?.settleMs ?? 0),
      purgeMs: (record?.purgeMs ?? 0) - (record?.settleMs ?? 0),
    });
    expect(shape(a)).toEqual(shape(b));
  });

  test('a repeat is refused, so that the business rows are not committed twice, and says that it is a repeat', async () => {
    const { key, token } = await begin();
    await complete(key, token);
    expect(await refusal(complete(key, token))).toBe('ON002 same content');
    expect(await refusal(complete(key, token, Buffer.from('other')))).toBe('ON002 other content');
    expect(await refusal(fail(key, token, 'FINAL'))).toBe('ON002 other content');
  });

  test('a superseded holder is refused', async () => {
    const { key, token } = await begin();
    const { record } = await store.read({ ...idOf(key), includeResult: false });
    await store.claim({ ...claimOf(key), expected: record?.revision ?? 0 });
    expect(await refusal(complete(key, token))).toBe('ON001 attempt 2, IN_PROGRESS');
    expect(await refusal(fail(key, token, 'RETRYABLE'))).toBe('ON001 attempt 2, IN_PROGRESS');
    expect(await refusal(checkFence(key, token))).toBe('ON001 attempt 2, IN_PROGRESS');
  });

  test('an unknown key is refused', async () => {
    expect(await refusal(complete(randomUUID(), newToken()))).toBe('ON003');
    expect(await refusal(checkFence(randomUUID(), newToken()))).toBe('ON003');
  });

  test('a lease that ran out but was not taken over still completes', async () => {
    const [key, token] = [randomUUID(), newToken()];
    await store.claim({ ...claimOf(key, token), leaseMs: durationMs(1) });
    await complete(key, token);
    expect(await recordOf(key)).toMatchObject({ state: 'COMPLETED' });
  });

  test('failures are kept as said, of each kind', async () => {
    for (const [kind, state] of [
      ['RETRYABLE', 'RELEASED'],
      ['FINAL', 'FAILED'],
      ['UNKNOWN', 'UNKNOWN'],
    ] as const) {
      const { key, token } = await begin();
      await fail(key, token, kind, '5 s');
      const record = await recordOf(key);
      expect(record).toMatchObject({ state, error: { code: 'DECLINED', message: 'card declined' } });
      expect(Buffer.from(record?.error?.detail ?? [])).toEqual(Buffer.from([0, 255]));
      const retryMs = state === 'RELEASED' ? (record?.settleMs ?? 0) + 5_000 : 0;
      expect(record?.retryMs).toBe(retryMs);
    }
  });

  test('the digest is the one that the server makes, so that a repeat over gRPC is known for one', async () => {
    const error = {
      code: 'DECLINED',
      message: 'card declined',
      detail: Buffer.from([0, 255]),
      contentType: 'text/plain',
    };
    const settlements: [string, Settlement][] = [
      ['RETRYABLE', { kind: 'released', error, retryAfterMs: durationMs(1_500) }],
      ['FINAL', { kind: 'failed', error }],
      ['UNKNOWN', { kind: 'unknown', error }],
    ];
    for (const [kind, settlement] of settlements) {
      const { key, token } = await begin();
      await fail(key, token, kind, '1.5 s');
      expect((await recordOf(key))?.settleDigest).toBe(settleDigest(settlement));
    }
  });

  test('what is out of bounds is refused by name', async () => {
    const { key, token } = await begin();
    await expect(complete(key, token, Buffer.alloc(1_048_577))).rejects.toThrow(
      'result must be at most 1048576 bytes, found 1048577',
    );
    await expect(fail(key, token, 'MAYBE')).rejects.toThrow('kind must be RETRYABLE, FINAL or UNKNOWN, found MAYBE');
    await expect(fail(key, token, 'RETRYABLE', '2 days')).rejects.toThrow('retry_after must be from 0 to 86400000 ms');
    expect(await recordOf(key)).toMatchObject({ state: 'IN_PROGRESS' });
  });

  test('nobody takes over while a transaction that checked its fence is open', async () => {
    const [key, token] = [randomUUID(), newToken()];
    const { record } = await store.claim({ ...claimOf(key, token), leaseMs: durationMs(1) });
    const takeOver = () => store.claim({ ...claimOf(key), expected: record?.revision ?? 0 });
    await inTransaction(async () => {
      expect(Number((await checkFence(key, token))?.fence)).toBe(record?.fencingToken);
      const other = store.claim(claimOf(randomUUID()));
      await expect(takeOver()).rejects.toMatchObject({ kind: 'unavailable' });
      // The batch was not held up by the one row.
      expect((await other).applied).toBe(true);
    });
    expect(await takeOver()).toMatchObject({ applied: true, record: { attempt: 2 } });
    expect(await refusal(checkFence(key, token))).toBe('ON001 attempt 2, IN_PROGRESS');
  });

  test('it commits as durably as the store, whatever the role was set to', async () => {
    await execute(
      url,
      `create table commits (level text);
      create function note_commit() returns trigger language plpgsql security definer as
        $$ begin insert into public.commits values (current_setting('synchronous_commit')); return null; end $$;
      create constraint trigger note after update on onced_store.records
        deferrable initially deferred for each row execute function note_commit();`,
    );
    const { key, token } = await begin();
    await inTransaction(async () => {
      await service.query('set local synchronous_commit = off');
      await complete(key, token);
    });
    const { rows } = await execute(url, 'select level from commits');
    await execute(url, 'drop trigger note on onced_store.records');
    expect(rows).toEqual([{ level: 'on' }]);
  });

  test('a service sees nothing of the records', async () => {
    await expect(service.query('select from onced_store.records')).rejects.toThrow('permission denied');
    await expect(service.query('select onced_store.clock_ms()')).rejects.toThrow('permission denied');
  });

  test('settling within savepoints works, and what is rolled back to is undone', async () => {
    const { key, token } = await begin();
    await inTransaction(async () => {
      await service.query('savepoint a');
      await complete(key, token, Buffer.from('first try'));
      await service.query('rollback to a');
      await service.query('savepoint b');
      await complete(key, token);
      await service.query('release b');
    });
    expect(Buffer.from((await recordOf(key))?.result ?? [])).toEqual(RESULT);
  });
});
