// Settings: precedence, sources, and what is refused with which words.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { ConfigError, flagName, loadConfig } from '../../server/config/load.ts';
import { settings } from '../../server/config/settings.ts';
import { isLoopback, withoutSecrets } from '../../server/config/values.ts';

const folder = mkdtempSync(join(tmpdir(), 'onced-'));
const file = join(folder, 'onced.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function problemsOf(flags: Record<string, string | true>, yaml = ''): readonly string[] {
  writeFileSync(file, yaml);
  try {
    loadConfig({ flags: { ...flags, config: file }, environment: {} });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map((problem) => problem.replaceAll(file, 'onced.yaml'));
    throw error;
  }
  return [];
}

test('defaults are those of the documentation', () => {
  const { config } = loadConfig({ flags: {}, environment: {} });
  expect(config).toMatchObject({
    store: 'sqlite:./data/onced.db',
    grpc: { host: '127.0.0.1', port: 50_051 },
    http: { host: '127.0.0.1', port: 8080 },
    insecure: false,
    logLevel: 'info',
    lameDuckMs: 0,
  });
});

test('the README has a row for each setting', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = new Set(readme.split('\n').map((line) => line.replaceAll(/\s+/g, ' ')));
  for (const { flag, environment, field, fallback } of Object.values(settings)) {
    expect(rows).toContain(
      `| \`${flagName(flag)}\` | \`${environment}\` | \`${field}\` | ${fallback === '' ? 'none' : `\`${fallback}\``} |`,
    );
  }
});

test('an empty variable counts as not set', () => {
  expect(loadConfig({ flags: {}, environment: { ONCED_STORE: '' } }).config.store).toBe('sqlite:./data/onced.db');
});

test.each([
  ['sqlite:', 'is "sqlite:", which is not a store'],
  ['postgress://app:hunter2@db/onced', 'is "postgress://app:***@db/onced", which is not a store'],
  ['', 'is "", which is not a store'],
  ['redis:', 'is "redis:", which is not a store'],
  ['memory:x', 'is "memory:x", which is not a store'],
])('a store of %s is refused', (store, words) => {
  expect(problemsOf({ store })[0]).toContain(`--store ${words}`);
});

test.each(['50051', ':50051', '127.0.0.1', '127.0.0.1:65536', '::1:50051', '[127.0.0.1]:1', 'a b:1', '127.0.0.1:-1'])(
  'an address of %s is refused',
  (grpc) => {
    expect(problemsOf({ grpc })).toEqual([
      `--grpc is "${grpc}", which is not host:port, such as 127.0.0.1:50051 or [::1]:50051`,
    ]);
  },
);

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['localhost', true],
  ['::ffff:127.0.0.1', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['localhost.example.com', false],
])('%s is loopback: %s', (host, expected) => {
  expect(isLoopback({ host, port: 1 })).toBe(expected);
});

test('gRPC and HTTP cannot share an address', () => {
  expect(problemsOf({ grpc: '127.0.0.1:9', http: '127.0.0.1:9' })[0]).toContain('cannot share 127.0.0.1:9');
});

test.each([
  ['postgres://app:p@ss/w:rd@db:5432/onced', 'postgres://app:***@db:5432/onced'],
  ['postgres://db/onced?user=app&password=hunter2', 'postgres://db/onced?user=app&password=***'],
  [
    'postgres://a:b@db/o?listen=postgres%3A%2F%2Fa%3Ahunter2%40db2%2Fo',
    'postgres://a:***@db/o?listen=postgres://a:***@db2/o',
  ],
  ['postgres://db/o?listen=postgres://a:hunter2@db2/o', 'postgres://db/o?listen=postgres://a:***@db2/o'],
  ['postgres://db/o?listen=postgres://a:100%@db2/o', 'postgres://db/o?listen=***'],
  ['redis://:hunter2@cache:6379', 'redis://:***@cache:6379'],
  ['redis-cluster://app:hunter2@a:1,b:2', 'redis-cluster://app:***@a:1,b:2'],
  ['sqlite:./data/onced.db', 'sqlite:./data/onced.db'],
])('%s is shown as %s', (url, shown) => {
  expect(withoutSecrets(url)).toBe(shown);
});

test.each([
  ['lame_duck: 5', 'onced.yaml:1: lame_duck is "5", which is not a duration with a unit, such as 30s or 24h'],
  ['lame_duck: 11s', 'onced.yaml:1: lame_duck is 11s, which is not within 0s to 10s'],
  ['insecure: maybe', 'onced.yaml:1: insecure is "maybe", which is neither true nor false'],
  ['store: [a, b]', 'onced.yaml:1: store is a list or a group, where a single value belongs'],
  ['store:', 'onced.yaml:1: store is empty'],
  ['# only\nstroe: memory', 'onced.yaml:2: stroe is no setting; there is store, grpc'],
  ['policy:\n  leese: 1s', 'onced.yaml:2: policy.leese is no setting; there is lease, lease_max'],
  ['policy: strict', 'onced.yaml:1: policy is no setting'],
  ['policy:\n  lease: 99ms', 'onced.yaml:2: policy.lease is 99ms, which is not within 100ms to 24h'],
  [
    'policy:\n  max_attempts: 0',
    'onced.yaml:2: policy.max_attempts is "0", which is not a whole number from 1 to 1000',
  ],
  [
    'policy:\n  on_lease_expiry: KEEP',
    'onced.yaml:2: policy.on_lease_expiry is "KEEP", which is none of TAKE_OVER, HOLD',
  ],
  ['policy:\n  archive: 3', 'onced.yaml:2: policy.archive is "3", which is neither true nor false'],
  ['namespaces:\n  Payments:\n    ttl: 1h', 'onced.yaml:3: namespaces.Payments: namespace must be of a-z'],
  [
    'namespaces:\n  a:\n    lease: 2h\n  a/b:\n    lease_max: 1h',
    'namespaces.a/b: lease must not be longer than lease_max',
  ],
  ['policy:\n  client_retry_window: 25h', 'policy: ttl must not be shorter than client_retry_window'],
  [
    'namespaces:\n  a:\n    client_retry_window: 2h\n  a/b:\n    ttl: 1h',
    'namespaces.a/b: ttl must not be shorter than client_retry_window',
  ],
  ['a: 1\na: 2', 'onced.yaml:2: is not YAML: Map keys must be unique'],
  ['- memory', 'onced.yaml: is not a list of settings'],
  ['a: &a [*a]', 'onced.yaml:1: a is no setting'],
])('the file %j is refused with its line', (yaml, words) => {
  expect(problemsOf({}, yaml).join('\n')).toContain(words);
});

test('rules of namespaces come out of the file as the API would have them', () => {
  writeFileSync(
    file,
    'policy:\n  ttl: 7d\nnamespaces:\n  payments:\n    on_lease_expiry: HOLD\n    records_max: 1000\n',
  );
  const { server, namespaces } = loadConfig({ flags: { config: file }, environment: {} }).config.policies;
  expect(server.ttl?.seconds).toBe(604_800n);
  expect(namespaces['payments']).toMatchObject({ onLeaseExpiry: 2, recordsMax: 1000n });
});

test('a namespace called __proto__ is refused and changes no object', () => {
  expect(problemsOf({}, 'namespaces:\n  __proto__:\n    ttl: 1h').join()).toContain('namespaces.__proto__');
  expect(({} as { ttl?: unknown }).ttl).toBeUndefined();
});
