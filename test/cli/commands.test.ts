// config, doctor, lookup and the frame around them: what they print and which code they end with.

import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect } from '../support/server.ts';
import { makeFolder, runOnced, serveOnced } from '../support/onced.ts';

test('config shows each value and where it comes from: flag before environment before file before default', async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'onced.yaml');
  await writeFile(
    file,
    'store: memory\ngrpc: 127.0.0.1:1\nhttp: 127.0.0.1:2\nnamespaces:\n  payments:\n    lease: 10s\n',
  );
  const { code, stdout } = await runOnced(['config', '--json', '--grpc', '127.0.0.1:5'], {
    environment: { ONCED_CONFIG: file, ONCED_GRPC: '127.0.0.1:4', ONCED_HTTP: '127.0.0.1:3' },
  });
  const { settings } = JSON.parse(stdout) as { settings: unknown[] };
  expect(code).toBe(0);
  expect(settings).toEqual(
    expect.arrayContaining([
      { name: 'config', value: file, source: 'environment', where: 'ONCED_CONFIG' },
      { name: 'grpc', value: '127.0.0.1:5', source: 'flag', where: '--grpc' },
      { name: 'http', value: '127.0.0.1:3', source: 'environment', where: 'ONCED_HTTP' },
      { name: 'store', value: 'memory:', source: 'file', where: `${file}:1` },
      { name: 'log_level', value: 'info', source: 'default', where: '' },
      { name: 'policy.lease', value: '30s', source: 'default', where: '' },
      { name: 'namespaces.payments.lease', value: '10s', source: 'file', where: `${file}:6` },
    ]),
  );
});

test('config prints a table for people, without the secrets of a store', async () => {
  const { code, stdout } = await runOnced(['config', '--store', 'postgres://app:hunter2@db/onced?sslpassword=hunter3']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/store +postgres:\/\/app:\*\*\*@db\/onced\?sslpassword=\*\*\* +flag --store/);
  expect(stdout).not.toContain('hunter');
});

test('a variable that is no setting is warned of, unless Kubernetes made it', async () => {
  const { code, stderr } = await runOnced(['config'], {
    environment: {
      ONCED_STOER: 'memory:',
      ONCED_PORT_50051_TCP: 'tcp://10.0.0.1:50051',
      ONCED_SERVICE_HOST: '10.0.0.1',
    },
  });
  expect(code).toBe(0);
  expect(stderr).toBe('warning: ONCED_STOER is set, but is no setting of Onced\n');
});

test('doctor finds all well on a fresh folder, and makes nothing there', async () => {
  await using folder = await makeFolder();
  const store = join(folder.path, 'data', 'onced.db');
  const { code, stdout } = await runOnced([
    'doctor',
    '--json',
    '--store',
    `sqlite:${store}`,
    '--grpc',
    '127.0.0.1:0',
    '--http',
    '127.0.0.1:0',
  ]);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { name: string; ok: boolean }[] };
  expect({ code, ok }).toEqual({ code: 0, ok: true });
  expect(checks.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'Node',
      'gRPC port',
      'HTTP port',
      'store: folder',
      'store: filesystem',
      'store: free space',
    ]),
  );
  await expect(stat(join(folder.path, 'data'))).rejects.toThrow('ENOENT');
});

test('doctor says what a running server holds: its ports and its file, with what to do, and ends with 1', async () => {
  await using folder = await makeFolder();
  const store = `sqlite:${join(folder.path, 'onced.db')}`;
  await using server = await serveOnced(['--store', store]);
  const http = server.http.slice('http://'.length);
  const { code, stdout } = await runOnced(['doctor', '--store', store, '--grpc', server.grpc, '--http', http]);
  expect(code).toBe(1);
  expect(stdout).toContain(`${server.grpc} is taken`);
  expect(stdout).toContain(`${http} is taken`);
  expect(stdout).toMatch(/FAILED +store: one server +another Onced server has this file open/);
  expect(stdout).toContain('3 of 7 checks failed.');
});

test('doctor tells a file of another program from a store', async () => {
  await using folder = await makeFolder();
  const file = join(folder.path, 'notes.db');
  await writeFile(file, 'not a database at all, but long enough to be looked at'.repeat(100));
  const { code, stdout } = await runOnced([
    'doctor',
    '--store',
    `sqlite:${file}`,
    '--grpc',
    '127.0.0.1:0',
    '--http',
    '127.0.0.1:0',
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/FAILED +store: schema +a file that SQLite cannot read \(SQLITE_NOTADB\)/);
});

test('lookup shows a record, its result on demand, and its exit code says what was found', async () => {
  await using server = await serveOnced(['--store', 'memory:']);
  const client = connect(server.grpc);
  const id = { namespace: 'payments', key: '-17' };
  const begun = await client.beginIntent({ ...id, attemptId: 'a', owner: 'worker\u001b[31m', labels: { shop: '9' } });
  const leaseToken = begun.outcome.case === 'acquired' ? begun.outcome.value.leaseToken : new Uint8Array();
  const result = Buffer.from('{"paid":true}\n');
  await client.complete({ ...id, leaseToken, result, contentType: 'application/json' });
  client.raw.close();
  const lookup = async (...args: string[]) => runOnced(['lookup', '--server', server.grpc, ...args]);

  const shown = await lookup('payments', '--', '-17');
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toMatch(/state +COMPLETED/);
  expect(shown.stdout).toMatch(/result +14 bytes of application\/json; --result prints them/);
  expect(shown.stdout).toMatch(/owner +worker\\u001b\[31m/);

  expect(await lookup('payments', '--result', '--', '-17')).toMatchObject({ code: 0, stdout: '{"paid":true}\n' });
  const json = JSON.parse((await lookup('payments', '--json', '--result', '--', '-17')).stdout) as object;
  expect(json).toMatchObject({
    summary: { key: '-17', state: 'INTENT_STATE_COMPLETED' },
    result: result.toString('base64'),
  });

  expect(await lookup('payments', 'order-18')).toMatchObject({ code: 1, stdout: '' });
  expect(await lookup('PAYMENTS', 'order-18')).toMatchObject({ code: 2, stdout: '' });
  expect(await lookup('payments')).toMatchObject({ code: 2, stdout: '' });
  expect(await lookup('payments', 'order-18', '--timeout', 'soon')).toMatchObject({ code: 2, stdout: '' });
});

test('lookup ends with 3 when nobody answers, and names the server', async () => {
  const { code, stderr } = await runOnced(['lookup', 'payments', 'order-17', '--server', '127.0.0.1:1']);
  expect(code).toBe(3);
  expect(stderr).toContain('no answer from a server on 127.0.0.1:1');
});

test('help and version are printed on standard output with 0, a mistake on standard error with 2', async () => {
  const version = await runOnced(['--version']);
  expect(version).toMatchObject({ code: 0, stderr: '' });
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const help = await runOnced(['serve', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const flag of ['--store', '--grpc', '--http', '--config', '--insecure']) expect(help.stdout).toContain(flag);
  const mistake = await runOnced(['serve', '--prot', '1']);
  expect(mistake).toMatchObject({ code: 2, stdout: '' });
  expect(mistake.stderr).toContain("unknown option '--prot'");
});
