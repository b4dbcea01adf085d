// What becomes of calls when the way to Postgres, or Postgres itself, is in trouble.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { durationMs, type RecordId, type Store } from '../../storage/contract/index.ts';
import { limits } from '../../storage/postgres/limits.ts';
import { openPostgresStore } from '../../storage/postgres/index.ts';
import { expectSame } from '../conformance/scene.ts';
import { execute, startPostgres, type PostgresServer } from '../support/postgres.ts';
import { newToken, requestsIn } from '../support/requests.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

const { namespace, idOf, claimOf, settleOf } = requestsIn('tests/connections');
const CANCEL_REQUEST = Buffer.from([0, 0, 0, 16, 4, 210, 22, 46]);

describe('a Postgres store in trouble', () => {
  let server: PostgresServer;
  let url: string;
  let proxy: TcpProxy;
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.dispose());
  beforeEach(async () => {
    url = await server.createDatabase();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: server.port });
    const through = new URL(url);
    through.port = String(proxy.port);
    store = await openPostgresStore({ url: through.href });
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
  });

  const stateOf = async (key: string): Promise<string | undefined> =>
    (await store.read({ ...idOf(key), includeResult: false })).record?.state;
  const waitingBackend = async (event: string): Promise<number> =>
    vi.waitFor(
      async () => {
        const { rows } = await execute(
          url,
          `select pid from pg_stat_activity where wait_event = $1 and datname = current_database()`,
          [event],
        );
        expect(rows).toHaveLength(1);
        return (rows[0] as { pid: number }).pid;
      },
      { timeout: 30_000, interval: 20 },
    );

  test('no answer in time is unknown, the connection is dropped without a cancel, and the next call works', async () => {
    await store.claim(claimOf('first'));
    const cancels: Buffer[] = [];
    void proxy.swallowNextReply((request) => {
      if (request.subarray(0, 8).equals(CANCEL_REQUEST)) cancels.push(request);
      return false;
    });
    proxy.blackHole({ replies: true });
    const startMs = performance.now();
    await expect(store.claim(claimOf('lost'))).rejects.toMatchObject({ kind: 'unknown' });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(limits.hotCallMs - 1);
    proxy.heal();
    expect(await stateOf('lost')).toBe('IN_PROGRESS');
    expect((await store.claim(claimOf('next'))).applied).toBe(true);
    expect(cancels).toEqual([]);
  });

  test('a read without an answer is unavailable: it has written nothing', async () => {
    await stateOf('warm');
    proxy.blackHole({ replies: true });
    await expect(stateOf('lost')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('what cannot be sent is unavailable, soon', async () => {
    proxy.refuse();
    const startMs = performance.now();
    await expect(store.claim(claimOf('refused'))).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - startMs).toBeLessThan(limits.connectMs);
    proxy.heal();
    expect(await stateOf('refused')).toBeUndefined();
  });

  test('a peer that accepts and never answers is unavailable within the time to connect', async () => {
    proxy.cut();
    proxy.blackHole({ requests: true, replies: true });
    const startMs = performance.now();
    await expect(store.claim(claimOf('silence'))).rejects.toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - startMs).toBeLessThan(limits.connectMs + 1_000);
    proxy.heal();
    expect((await store.claim(claimOf('after'))).applied).toBe(true);
  });

  test('connections that died while idle are replaced before anybody notices', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => store.claim(claimOf(`before ${index}`))));
    await execute(
      url,
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`,
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const claims = await Promise.all(Array.from({ length: 100 }, (_, index) => store.claim(claimOf(`after ${index}`))));
    expect(claims.every(({ applied }) => applied)).toBe(true);
  });

  test('one bad operation does not fail the others in its batch', async () => {
    const bad = { ...claimOf('bad'), leaseToken: 'no \0 in a text' as ReturnType<typeof newToken> };
    const results = await Promise.allSettled([claimOf('a'), bad, claimOf('b')].map((request) => store.claim(request)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { kind: 'unavailable' } });
  });

  test('a row that a transaction holds is waited for, and nothing else waits', async () => {
    const token = newToken();
    await store.claim(claimOf('held', token));
    const holding = execute(
      url,
      `select 1 from onced_store.records where key = 'held' for update; select pg_sleep(0.7)`,
    );
    await waitingBackend('PgSleep');
    const startMs = performance.now();
    const held = store.settle(settleOf('held', token, Buffer.from('late')));
    expect((await store.claim(claimOf('free'))).applied).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(400);
    expect((await held).applied).toBe(true);
    expect(performance.now() - startMs).toBeGreaterThan(300);
    await holding;
  });

  test('a begin on a row that a transaction holds is answered by what is committed', async () => {
    await store.claim(claimOf('held'));
    const holding = execute(
      url,
      `select 1 from onced_store.records where key = 'held' for update; select pg_sleep(0.7)`,
    );
    await waitingBackend('PgSleep');
    const startMs = performance.now();
    expect(await store.claim(claimOf('held'))).toMatchObject({ applied: false, record: { state: 'IN_PROGRESS' } });
    expect(performance.now() - startMs).toBeLessThan(400);
    await holding;
  });

  test('a call that takes long holds up the others for a moment only', async () => {
    await execute(
      url,
      `create function be_slow() returns trigger language plpgsql as
         $$ begin perform pg_sleep(case when new.key = 'slow' then 1.5 else 0 end); return null; end $$;
       create trigger be_slow after insert on onced_store.records for each row execute function be_slow()`,
    );
    const slow = store.claim(claimOf('slow'));
    await waitingBackend('PgSleep');
    const startMs = performance.now();
    expect((await store.claim(claimOf('free'))).applied).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    expect((await slow).applied).toBe(true);
  });

  test('two transactions that Postgres stops for a deadlock are repeated by themselves', async () => {
    // The store itself cannot get there: it never waits for rows. A trigger stands for what might.
    await execute(
      url,
      `create table locks (id int primary key); insert into locks values (1), (2);
       create function take_lock() returns trigger language plpgsql as $$ begin
         perform from public.locks where id = case when new.key < 'b' then 1 else 2 end for update;
         perform pg_sleep(0.1);
         perform from public.locks where id = case when new.key < 'b' then 2 else 1 end for update;
         return null; end $$;
       create trigger take_lock after insert on onced_store.records for each row execute function take_lock()`,
    );
    const peer = await openPostgresStore({ url });
    const claims = await Promise.all([store.claim(claimOf('a')), peer.claim(claimOf('b'))]);
    expect(claims.map(({ applied }) => applied)).toEqual([true, true]);
    await peer.close();
  });

  test.each([
    [
      'was purged',
      async (peer: Store, id: RecordId, revision: number) => peer.remove({ ...id, revision, force: true }),
    ],
    ['expired', async (peer: Store) => (await peer.compact({ limit: 1 })).recordsRemoved === 1],
  ])('a claim that took long has a greater fencing token than one that came and %s meanwhile', async (_, remove) => {
    await execute(
      url,
      `create table go ();
       create function wait_to_go() returns trigger language plpgsql as $$ begin
         while new.key = 'a' and not exists (select from public.go) loop perform pg_sleep(0.001); end loop;
         return new; end $$;
       create trigger wait_to_go before insert on onced_store.records for each row execute function wait_to_go()`,
    );
    const peer = await openPostgresStore({ url });
    const briefly = durationMs(1);
    const brief = { leaseMs: briefly, orphanTtlMs: briefly, retention: { ttlMs: briefly, graceMs: durationMs(0) } };
    await peer.claim(claimOf('before'));
    const claims = ['a', 'b'].map((key) => store.claim(claimOf(key)));
    await waitingBackend('PgSleep');
    const { record: former } = await peer.claim({ ...claimOf('b'), ...brief });
    await expect.poll(() => remove(peer, idOf('b'), former?.revision ?? 0), { interval: 5 }).toBe(true);
    await execute(url, 'insert into go default values');
    const [, later] = await Promise.all(claims);
    expect(later).toMatchObject({ applied: true, record: { attemptOrigin: 'FRESH' } });
    expect(later?.record?.fencingToken).toBeGreaterThan(former?.fencingToken ?? Infinity);
    expectSame((await store.read({ ...idOf('b'), includeResult: true })).record, later?.record);
    await peer.close();
  });

  test('no default of a role or a session changes what is stored or how durably', async () => {
    const database = new URL(url).pathname.slice(1);
    await execute(
      url,
      `alter database ${database} set synchronous_commit = off; alter database ${database} set timezone = 'Asia/Tokyo';
       alter database ${database} set datestyle = 'German'; alter database ${database} set search_path = 'nowhere';
       alter database ${database} set bytea_output = 'escape'; alter database ${database} set extra_float_digits = -15;
       create table public.commits (level text);
       create function public.note_commit() returns trigger language plpgsql as
         $$ begin insert into public.commits values (current_setting('synchronous_commit')); return null; end $$;
       create constraint trigger note after insert or update on onced_store.records
         deferrable initially deferred for each row execute function public.note_commit()`,
    );
    proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const token = newToken();
    const { nowMs } = await store.claim(claimOf('k', token));
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
    await store.settle(settleOf('k', token, Buffer.from('paid')));
    const { record } = await store.read({ ...idOf('k'), includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe('paid');
    expect(record?.owner).toBe('faults');
    expect((await execute(url, 'select distinct level from public.commits')).rows).toEqual([{ level: 'on' }]);
    expect((await store.list({ namespace, limit: 10 })).records).toHaveLength(1);
  });

  describe('while a commit waits for a standby that is not there', () => {
    const setStandbys = async (names: string): Promise<void> => {
      await execute(server.url, `alter system set synchronous_standby_names = '${names}'`);
      await execute(server.url, 'select pg_reload_conf()');
    };
    /** Resolves once commits do wait: one process of Postgres passes the setting on to the others when it gets to it. */
    const commitsWait = async (): Promise<void> => {
      await execute(url, 'set synchronous_commit = local; create table probe (n int)');
      for (;;) {
        const probe = execute(url, 'insert into probe values (1)').catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, 100));
        const waiting = `pg_stat_activity where wait_event = 'SyncRep' and datname = current_database()`;
        const end = `set synchronous_commit = local; select pg_terminate_backend(pid) from ${waiting}`;
        const [, ended] = (await execute(url, end)) as unknown as { readonly rowCount: number }[];
        await probe;
        if (ended?.rowCount === 1) return;
      }
    };
    beforeEach(async () => {
      await store.claim(claimOf('warm'));
      await setStandbys('nobody');
      await commitsWait();
    });
    afterEach(() => setStandbys(''));

    for (const [what, statement] of [
      ['cancels', 'select pg_cancel_backend($1)'],
      ['terminates', 'select pg_terminate_backend($1)'],
    ] as const) {
      test(`a claim that an operator ${what} is unknown, though Postgres calls it a success`, async () => {
        const claim = store.claim(claimOf('waiting'));
        const outcome = expect(claim).rejects.toMatchObject({ kind: 'unknown' });
        const backend = await waitingBackend('SyncRep');
        await execute(url, `set synchronous_commit = local; ${statement.replace('$1', String(backend))}`);
        await outcome;
      });
    }
  });
});
