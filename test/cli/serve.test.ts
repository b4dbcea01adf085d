// onced serve as operators see it: where it says it is, what it refuses, how it ends.

import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../support/server.ts';
import { makeFolder, runOnced, serveOnced } from '../support/onced.ts';

const ON_FREE_PORTS = ['--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0'];

test('with nothing but ports it serves SQLite in ./data, says where and what acknowledged means, and ends with 0 on SIGTERM', async () => {
  await using folder = await makeFolder();
  await using server = await serveOnced([], { folder: folder.path });
  expect(await (await fetch(`${server.http}/healthz`)).text()).toBe('ok\n');
  const client = connect(server.grpc);
  const { outcome } = await client.beginIntent({ namespace: 'payments', key: 'order-1', attemptId: 'a' });
  expect(outcome.case).toBe('acquired');
  client.raw.close();
  server.kill('SIGTERM');
  const { code, stdout, stderr } = await server.ended;
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(stdout).toContain('store sqlite:./data/onced.db, acknowledged means on this disk');
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { msg: string; grpc?: string });
  expect(lines[0]).toMatchObject({ msg: 'serving', grpc: server.grpc, store: 'sqlite', tier: 'disk' });
  expect(lines.at(-1)?.msg).toBe('ended: calls answered, store closed');
});

test('SIGTERM lets calls in flight finish: a begin that waits gets an answer, not a broken connection', async () => {
  await using server = await serveOnced(['--store', 'memory:']);
  const client = connect(server.grpc);
  await client.beginIntent({ namespace: 'n', key: 'k', attemptId: 'holder' });
  const waiting = client.beginIntent({ namespace: 'n', key: 'k', attemptId: 'other', wait: { seconds: 30n } });
  await expect
    .poll(async () => (await fetch(`${server.http}/metrics`)).text(), { timeout: 5000, interval: 200 })
    .toContain('onced_waiters 1');
  server.kill('SIGTERM');
  expect((await waiting).outcome.case).toBe('inProgress');
  client.raw.close();
  expect(await server.ended).toMatchObject({ code: 0 });
});

test('during the lame duck time it is not ready but still serves; Ctrl-C ends in order too', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--lame-duck', '2s']);
  expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
  server.kill('SIGINT');
  await expect
    .poll(async () => (await fetch(`${server.http}/readyz`)).status, { timeout: 1900, interval: 50 })
    .toBe(503);
  const client = connect(server.grpc);
  expect((await client.getServerInfo({})).store).toBe('memory');
  client.raw.close();
  expect(await server.ended).toMatchObject({ code: 0 });
});

test.each([
  ['npm start', ['npm', 'start', '--']],
  ['bin/onced.js', [process.execPath, 'bin/onced.js', 'serve']],
] as const)('%s serves, and hands on the signal that ends it', async (_name, program) => {
  await using server = await serveOnced(['--store', 'memory:'], { program });
  server.kill('SIGTERM');
  await server.ended;
  expect(server.stderr()).toContain('ended: calls answered, store closed');
});

test('a second signal ends at once', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--lame-duck', '10s']);
  server.kill('SIGTERM');
  await expect.poll(() => server.stderr(), { timeout: 5000 }).toContain('not ready any more');
  server.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 143 });
});

test('a second server on the same file is refused by name, and the first goes on', async () => {
  await using folder = await makeFolder();
  const store = `sqlite:${join(folder.path, 'onced.db')}`;
  await using server = await serveOnced(['--store', store]);
  const { code, stderr } = await runOnced(['serve', '--store', store, ...ON_FREE_PORTS]);
  expect(code).toBe(1);
  expect(stderr).toContain(`${join(folder.path, 'onced.db')}: another Onced server has this file open`);
  expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
});

test.each(['--grpc', '--http'])('a taken port is told with the address (%s)', async (flag) => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) =>
    holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port)),
  );
  const other = flag === '--grpc' ? ['--http', '127.0.0.1:0'] : ['--grpc', '127.0.0.1:0'];
  const { code, stderr } = await runOnced(['serve', '--store', 'memory:', flag, `127.0.0.1:${port}`, ...other]);
  holder.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`on 127.0.0.1:${port}: somebody listens there already`);
});

test('without credentials it refuses any address that others reach, unless told --insecure', async () => {
  const open = ['--store', 'memory:', '--grpc', '0.0.0.0:0', '--http', '127.0.0.1:0'];
  const { code, stderr } = await runOnced(['serve', ...open]);
  expect(code).toBe(2);
  expect(stderr).toContain('gRPC would listen on 0.0.0.0:0 without credentials');
  await using server = await serveOnced([...open, '--insecure']);
  expect(server.grpc).toMatch(/^0\.0\.0\.0:\d+$/);
});

test.each(['postgres://app:hunter2@db:99999/onced', 'postgres://app:hunter2#@db/onced', 'redis://app:hunter2@:::/0'])(
  'a store URL that cannot be read is refused without its password (%s)',
  async (store) => {
    const { code, stdout, stderr } = await runOnced([
      'serve',
      '--store',
      store,
      '--log-level',
      'trace',
      ...ON_FREE_PORTS,
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('error: ');
    expect(stderr).not.toContain('hunter2');
  },
);

test('every mistake in the settings is told at once, with where it stands', async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'onced.yaml');
  await writeFile(file, 'store: memory\nhtttp: 1\n');
  const { code, stdout, stderr } = await runOnced(['serve', '--grpc', 'nowhere', '--config', file], {
    environment: { ONCED_LOG_LEVEL: 'loud' },
  });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(`error: ${file}:2: htttp is no setting`);
  expect(stderr).toContain('error: --grpc is "nowhere", which is not host:port');
  expect(stderr).toContain('error: ONCED_LOG_LEVEL is "loud", which is none of trace, debug');
});

test('the log carries neither key nor payload nor lease token', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'trace']);
  const client = connect(server.grpc);
  const secret = 'planted-secret';
  const begun = await client.beginIntent({ namespace: 'n', key: secret, attemptId: 'a' });
  const leaseToken = begun.outcome.case === 'acquired' ? begun.outcome.value.leaseToken : new Uint8Array();
  const result = new TextEncoder().encode(secret);
  await client.complete({ namespace: 'n', key: secret, leaseToken, result });
  await expect(
    client.complete({ namespace: 'n', key: secret, leaseToken, result: new Uint8Array([1]) }),
  ).rejects.toThrow('');
  await expect(client.complete({ namespace: 'n', key: `${secret}\n`, leaseToken, result })).rejects.toThrow('');
  client.raw.close();
  server.kill('SIGTERM');
  const { stderr } = await server.ended;
  expect(stderr).toContain('ALREADY_SETTLED');
  expect(stderr).not.toContain(secret);
  expect(stderr).not.toContain(Buffer.from(leaseToken).toString('hex'));
  expect(stderr).not.toContain(Buffer.from(leaseToken).toString('base64'));
});
