import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execute, startPostgres, type PostgresServer } from './postgres.ts';

describe('Postgres for tests', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres({ settings: { max_connections: '23' } });
  });
  afterAll(() => server.dispose());

  test('runs with full durability and the settings asked for', async () => {
    const { rows } = await execute(
      server.url,
      `select current_setting('fsync') as fsync, current_setting('max_connections') as connections`,
    );
    expect(rows).toEqual([{ fsync: 'on', connections: '23' }]);
  });

  test('keeps what was committed when it is killed, stopped and started again on the same port', async () => {
    const url = await server.createDatabase();
    await execute(url, 'create table kept (id int)');
    const { pid } = server;
    for (const end of [() => server.kill(), () => server.stop()]) {
      await execute(url, 'insert into kept values (1)');
      await end();
      await expect(execute(url, 'select 1')).rejects.toThrow('ECONNREFUSED');
      await server.start();
    }
    expect(server.pid).not.toBe(pid);
    expect((await execute(url, 'select * from kept')).rowCount).toBe(2);
  });
});
