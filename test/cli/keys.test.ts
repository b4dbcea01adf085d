// onced keys: from nothing to a rotated sealing key, on a server that goes on serving.

import { randomUUID } from 'node:crypto';
import { appendFile, writeFile } from 'node:fs/promises';
import { expect, test, vi } from 'vitest';
import { makeFolder, runOnced, serveOnced, type Served } from '../support/onced.ts';
import { connect } from '../support/server.ts';

vi.setConfig({ testTimeout: 120_000 });

interface Rotated {
  readonly namespaces: number;
  readonly wrappedBy: string;
}

/** Completes a key with a result; the result that a begin of it then gets. */
async function roundTrip(server: Served, key: string): Promise<string> {
  const client = connect(server.grpc);
  const id = { namespace: 'payments', key };
  const begin = async () => (await client.beginIntent({ ...id, attemptId: randomUUID() })).outcome;
  try {
    const first = await begin();
    if (first.case === 'acquired') {
      await client.complete({ ...id, leaseToken: first.value.leaseToken, result: Buffer.from(`result of ${key}`) });
    }
    const again = await begin();
    return again.case === 'completed' ? Buffer.from(again.value.result).toString() : String(again.case);
  } finally {
    client.raw.close();
  }
}

test('a sealing key is made, used, replaced while the server runs, and then needed to start', async () => {
  await using folder = await makeFolder();
  const file = `${folder.path}/sealing.keys`;
  await writeFile(file, (await runOnced(['keys', 'make'])).stdout);
  const store = ['--store', `sqlite:${folder.path}/onced.db`, '--log-level', 'error'];
  {
    await using server = await serveOnced([...store, '--sealing-keys', file]);
    const environment = { ONCED_SERVER: server.grpc };
    expect((await runOnced(['keys', 'list'], { environment })).stdout).toMatch(/nothing is encrypted at rest/);
    expect(await roundTrip(server, 'first')).toBe('result of first');
    const before = await runOnced(['keys', 'list'], { environment });
    const [, oldId = ''] = /payments +1 +\S+ +([0-9a-f]{12})/.exec(before.stdout) ?? [];
    expect(oldId).not.toBe('');
    await appendFile(file, (await runOnced(['keys', 'make'])).stdout);
    const rotate = async (): Promise<Rotated> => {
      const { stdout } = await runOnced(['keys', 'rotate', '--reason', 'test', '--yes', '--json'], { environment });
      return JSON.parse(stdout) as Rotated;
    };
    // The file is looked at every few seconds.
    await expect.poll(async () => (await rotate()).wrappedBy, { timeout: 30_000 }).not.toBe(oldId);
    expect((await runOnced(['keys', 'list'], { environment })).stdout).not.toContain(oldId);
    expect(await roundTrip(server, 'first')).toBe('result of first');
    expect(await roundTrip(server, 'second')).toBe('result of second');
    server.kill('SIGTERM');
    await server.ended;
  }
  const { code, stderr } = await runOnced(['serve', '--grpc', '127.0.0.1:0', '--http', '127.0.0.1:0', ...store]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /holds sealed values, and no sealing keys are given: give the key [0-9a-f]{12} with --sealing-keys/,
  );
});
