// The operator's commands as somebody on call would use them: real children against a real server.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { listConflict } from '../../server/journal/conflicts.ts';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { beginOf, beginOn, NAMESPACE } from '../faults/scene.ts';
import { makeFolder, runOnced, serveOnced, type Ended, type Folder, type Served } from '../support/onced.ts';
import { connect, type TestClient } from '../support/server.ts';

// Each command is a process of its own, which takes a second on a busy machine.
vi.setConfig({ testTimeout: 90_000 });

let folder: Folder;
let server: Served;
let client: TestClient;
beforeAll(async () => {
  folder = await makeFolder();
  await listOneConflict(`${folder.path}/onced.db`);
  server = await serveOnced(['--store', `sqlite:${folder.path}/onced.db`, '--log-level', 'error']);
  client = connect(server.grpc);
});
afterAll(async () => {
  client.raw.close();
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** What a replay lists, before the server has the file. */
async function listOneConflict(path: string): Promise<void> {
  const store = await openSqliteStore({ path });
  const call = beginOf('order-9');
  await beginOn(store, call);
  const { record } = await store.read({ namespace: NAMESPACE, key: call.key, includeResult: false });
  if (record === undefined) throw new Error('not begun');
  await listConflict(store.registry, record, { key: call.key, cause: 'OTHER_OUTCOME' });
  await store.close();
}

const onced = async (...args: string[]): Promise<Ended> =>
  runOnced(args, { environment: { ONCED_SERVER: server.grpc } });

/** A key whose holder does not know whether it happened. */
async function stuck(namespace: string, key: string): Promise<void> {
  const begun = await client.beginIntent({ namespace, key, attemptId: randomUUID(), owner: 'worker-7' });
  if (begun.outcome.case !== 'acquired') throw new Error('not acquired');
  const holder = { namespace, key, leaseToken: begun.outcome.value.leaseToken };
  await client.checkpoint({ ...holder, data: Buffer.from('tx-42') });
  await client.fail({ ...holder, kind: FailKind.UNKNOWN, error: { code: 'reply_lost' } });
}

const begin = async (namespace: string, key: string): Promise<string | undefined> =>
  (await client.beginIntent({ namespace, key, attemptId: randomUUID() })).outcome.case;

test('a stuck key is found by orphans and freed by resolve, with a reason that the audit keeps', async () => {
  await stuck('op/free', 'order-17');
  const orphans = await onced('orphans', 'op/free');
  expect(orphans.stdout).toMatch(/order-17 .*holder does not know +1 +worker-7 +tx-42 +reply_lost/);
  const withoutReason = await onced('resolve', 'op/free', 'order-17', '--released');
  expect(withoutReason).toMatchObject({ code: 2 });
  const freed = await onced('resolve', 'op/free', 'order-17', '--released', '--reason', 'provider has no charge');
  expect(freed).toMatchObject({ code: 0, stdout: 'op/free order-17 is RELEASED now\n' });
  expect(await begin('op/free', 'order-17')).toBe('acquired');
  expect((await onced('orphans', 'op/free')).stdout).toBe('no orphans\n');
  const audit = await onced('audit', 'list', '--namespace', 'op/free');
  expect(audit.stdout).toMatch(/anonymous +ResolveIntent.done +order-17 +provider has no charge/);
  expect(await onced('audit', 'verify')).toMatchObject({ code: 0, stdout: expect.stringContaining('unbroken') });
});

test('a conflict of an outage is listed until it is ticked off with a reason', async () => {
  const { stdout } = await onced('conflicts', 'list', NAMESPACE);
  const [, id = ''] = /([0-9a-f]{16}) .*order-9 +OTHER_OUTCOME +IN_PROGRESS/u.exec(stdout) ?? [];
  expect((await onced('stats')).stdout).toMatch(/may be duplicates.*\n.*\n.*order-9/u);
  const resolved = await onced('conflicts', 'resolve', NAMESPACE, id, '--reason', 'refunded');
  expect(resolved).toMatchObject({ code: 0, stdout: `${NAMESPACE} order-9 OTHER_OUTCOME is resolved\n` });
  expect((await onced('conflicts', 'list')).stdout).toBe('no conflicts\n');
  const audit = await onced('audit', 'list', '--namespace', NAMESPACE);
  expect(audit.stdout).toMatch(/ResolveDegradedConflict.done +order-9 +refunded/);
});

test('resolve records a result from a file, and a final error', async () => {
  await stuck('op/settle', 'a');
  await stuck('op/settle', 'b');
  const file = join(folder.path, 'receipt.json');
  await writeFile(file, '{"charge":17}');
  const done = ['--completed', file, '--content-type', 'application/json', '--reason', 'found'];
  expect(await onced('resolve', 'op/settle', 'a', ...done)).toMatchObject({ code: 0 });
  expect((await onced('lookup', 'op/settle', 'a', '--result')).stdout).toBe('{"charge":17}');
  const failed = await onced('resolve', 'op/settle', 'b', '--failed', 'cancelled', '--reason', 'ticket', '--json');
  expect(JSON.parse(failed.stdout)).toMatchObject({
    summary: { state: 'INTENT_STATE_FAILED' },
    error: { code: 'cancelled' },
  });
  const again = await onced('resolve', 'op/settle', 'a', '--released', '--reason', 'no');
  expect(again).toMatchObject({ code: 4, stderr: expect.stringContaining('the outcome is final') });
});

test('list filters, prints tables for people and JSON for programs', async () => {
  for (const key of ['x-1', 'x-2', 'y-1']) await begin('op/list', key);
  expect((await onced('list', 'op/list', '--prefix', 'x-')).stdout.match(/x-\d/g)).toHaveLength(2);
  const json = await onced('list', 'op/list', '--state', 'in_progress', '--json');
  expect(JSON.parse(json.stdout)).toHaveLength(3);
  expect((await onced('list', 'op/list', '--state', 'completed')).stdout).toBe('no record matches\n');
  expect(await onced('list', '--state', 'sleeping')).toMatchObject({ code: 2 });
});

test('purge counts first, wants a reason and a yes, and leaves live leases', async () => {
  const { namespace, short } = { namespace: 'op/purge', short: durationFromMs(100) };
  for (const key of ['a', 'b', 'c']) await client.beginIntent({ namespace, key, attemptId: key, lease: short });
  await begin(namespace, 'live');
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect((await onced('purge', namespace, '--dry-run')).stdout).toBe('4 records match\n');
  expect(await onced('purge', namespace)).toMatchObject({ code: 2, stderr: expect.stringContaining('--reason') });
  const unasked = await onced('purge', namespace, '--reason', 'test');
  expect(unasked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  const purged = await onced('purge', namespace, '--reason', 'test', '--yes', '--json');
  expect(JSON.parse(purged.stdout)).toEqual({ matched: 4, removed: 3, kept: 1 });
  const forced = await onced('purge', namespace, '--reason', 'test', '--yes', '--force');
  expect(forced.stdout).toBe('1 removed, 0 kept (a live lease, or changed meanwhile)\n');
});

test('at a terminal purge asks with the number that it would remove, takes no for an answer, and shows how far it is', async () => {
  const namespace = 'op/asked';
  for (const key of ['a', 'b', 'c']) {
    const { outcome } = await client.beginIntent({ namespace, key, attemptId: randomUUID() });
    if (outcome.case !== 'acquired') return expect.fail('not acquired');
    await client.complete({ namespace, key, leaseToken: outcome.value.leaseToken });
  }
  const environment = { ONCED_SERVER: server.grpc };
  const purge = async (typed: string) =>
    runOnced(['purge', namespace, '--reason', "it's a test"], { environment, typed });
  const refused = await purge('n\n');
  expect(refused.stdout).toContain('Remove 3 records for good? [y/N]');
  expect(refused.stdout).toContain('nothing was changed');
  expect(refused.code).toBe(1);
  const done = await purge('y\n');
  expect(done.stdout).toContain(`[${'#'.repeat(30)}] 100 %  3 of 3 removed`);
  expect(done.stdout).toContain('3 removed, 0 kept');
  expect(done.code).toBe(0);
});

test('namespaces are set by name and value, inherited, and refused when they make no sense', async () => {
  const set = await onced('namespaces', 'set', 'op/ns', 'lease=5s', 'on_lease_expiry=hold', '--reason', 'test');
  expect(set.stdout).toMatch(/lease +5s +op\/ns/);
  const below = await onced('namespaces', 'get', 'op/ns/deep', '--json');
  expect(JSON.parse(below.stdout)).toMatchObject({
    effective: { lease: '5s', on_lease_expiry: 'ON_LEASE_EXPIRY_HOLD' },
  });
  const wrong = await onced('namespaces', 'set', 'op/ns', 'lease=500d', '--reason', 'test');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('lease') });
  expect(await onced('namespaces', 'set', 'op/ns', 'leese=5s', '--reason', 'x')).toMatchObject({ code: 2 });
  expect((await onced('namespaces', 'list')).stdout).toContain('lease=5s on_lease_expiry=HOLD');
  expect(await onced('namespaces', 'delete', 'op/ns', '--reason', 'test', '--yes')).toMatchObject({ code: 0 });
});

test('stats, compact and export answer', async () => {
  await begin('op/stats', 'k');
  expect((await onced('stats', 'op/stats')).stdout).toMatch(/op\/stats +IN_PROGRESS +1/);
  expect((await onced('compact')).stdout).toBe('0 results dropped, 0 records removed\n');
  const lines = (await onced('export', 'op/stats')).stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ summary: { key: 'k' } }]);
});

test('token makes a key that is shown once, lists, rotates and revokes it', async () => {
  const made = await onced('token', 'create', 'checkout', '--grant', 'writer:payments/*', '--json');
  const { apiKey, secret } = JSON.parse(made.stdout) as { apiKey: { id: string }; secret: string };
  const listed = await onced('token', 'list');
  expect(listed.stdout).toMatch(new RegExp(`${apiKey.id} +checkout +writer:payments/\\*`));
  expect(listed.stdout).not.toContain(secret.split('_').slice(2).join('_'));
  expect((await onced('token', 'rotate', apiKey.id)).stdout).toMatch(/^onced_/);
  expect(await onced('token', 'revoke', apiKey.id, '--yes')).toMatchObject({ code: 0 });
  expect(await onced('token', 'create', 'x', '--grant', 'king:*')).toMatchObject({ code: 2 });
});

test('a server that is not there is told so, with a code of its own', async () => {
  const { code, stderr } = await runOnced(['stats', '--server', '127.0.0.1:1', '--timeout', '1']);
  expect(code).toBe(3);
  expect(stderr).toContain('127.0.0.1:1');
});
