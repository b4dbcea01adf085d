// Rows of docs/threats.md that have no better place.

import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:http2';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer } from '../support/server.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

test('a message that would unpack to 64 MiB is refused, and the server goes on', async () => {
  await using server = await startTestServer({ store: createMemoryStore() });
  const session = connect(`http://${server.address}`);
  try {
    const request = session.request({
      ':method': 'POST',
      ':path': '/onced.v1.IdempotencyService/BeginIntent',
      'content-type': 'application/grpc',
      'grpc-encoding': 'gzip',
      te: 'trailers',
    });
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024));
    const head = Buffer.alloc(5);
    head.writeUInt8(1);
    head.writeUInt32BE(bomb.length, 1);
    request.end(Buffer.concat([head, bomb]));
    const status = new Promise((resolve) => {
      request.on('response', (headers) => headers['grpc-status'] !== undefined && resolve(headers['grpc-status']));
      request.on('trailers', (trailers) => resolve(trailers['grpc-status']));
    });
    expect(Number(await status)).toBe(8);
    request.resume();
    const before = process.memoryUsage().rss;
    const { outcome } = await server.client.beginIntent({ namespace: 'a', key: 'k', attemptId: randomUUID() });
    expect(outcome.case).toBe('acquired');
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  } finally {
    session.close();
    await once(session, 'close');
  }
});

test('dependencies are pinned, locked by hash, and run no scripts when installed but those that are named', () => {
  const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const ranges = Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] });
  expect(ranges.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
  expect(Object.keys(manifest['allowScripts'] ?? {}).length).toBeGreaterThan(0);
  interface Locked {
    readonly link?: boolean;
    readonly integrity?: string;
  }
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> };
  const fetched = Object.entries(lock.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && link !== true,
  );
  expect(fetched.length).toBeGreaterThan(50);
  expect(fetched.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path)).toEqual([]);
});

test('each row of docs/threats.md names tests that are there', () => {
  const rows = read('docs/threats.md')
    .split('\n')
    .filter((line) => /^\| \d+/.test(line));
  expect(rows).toHaveLength(25);
  const there = new Set(
    readdirSync(new URL('test', ROOT), { recursive: true, encoding: 'utf8' }).flatMap((path) => [
      path,
      path.replace(/(\.test)?\.ts$/, ''),
    ]),
  );
  for (const row of rows) {
    const named = [...(row.split('|')[4] ?? '').matchAll(/`([\w/-]+)`/g)].map(([, name]) => name ?? '');
    expect([row, named.length > 0]).toEqual([row, true]);
    expect(named.filter((name) => !there.has(name))).toEqual([]);
  }
});
