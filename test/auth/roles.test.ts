// Every call of the API against every role: the whole table of who may.

import { create, type DescMethod } from '@bufbuild/protobuf';
import type { ClientReadableStream, ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AdminService } from '../../proto/gen/onced/v1/admin_pb.js';
import { FailKind, IdempotencyService } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { ROLES, type Role } from '../../server/auth/grants.ts';
import { OTHER } from '../../server/namespace-labels.ts';
import { refusalOf } from '../rpc/scene.ts';
import { metadataOf } from '../support/server.ts';
import { openAuthScene, type AuthScene } from './scene.ts';

const ALL: readonly Role[] = ROLES;
const WRITERS: readonly Role[] = ['writer', 'admin'];
const OPERATORS: readonly Role[] = ['operator', 'admin'];

/** By method: the roles that may call it. What is not here nobody may add without saying so. */
const MAY: Readonly<Record<string, readonly Role[]>> = {
  BeginIntent: WRITERS,
  Complete: WRITERS,
  Fail: WRITERS,
  Renew: WRITERS,
  Checkpoint: WRITERS,
  Lookup: ALL,
  WatchIntent: ALL,
  IssueKeys: WRITERS,
  ClaimOrphans: ['writer', 'operator', 'admin'],
  GetServerInfo: ALL,
  GetRecord: OPERATORS,
  ListRecords: ALL,
  PurgeRecords: OPERATORS,
  ResolveIntent: OPERATORS,
  // These show each caller what it may see.
  ListNamespaces: ALL,
  ListAuditEvents: ALL,
  GetCaller: ALL,
  TailEvents: ALL,
  GetNamespace: ALL,
  PutNamespace: ['admin'],
  DeleteNamespace: ['admin'],
  GetStats: ALL,
  RunCompaction: OPERATORS,
  ListDegradedConflicts: ALL,
  ResolveDegradedConflict: OPERATORS,
  ExportRecords: OPERATORS,
  CreateApiKey: ['admin'],
  ListApiKeys: ['admin'],
  RotateApiKey: ['admin'],
  RevokeApiKey: ['admin'],
  ListDataKeys: ['admin'],
  RotateDataKeys: ['admin'],
  RotateIssuedKeySecret: ['admin'],
};

let scene: AuthScene;
const tokens = new Map<Role, string>();
beforeAll(async () => {
  scene = await openAuthScene();
  for (const role of ROLES) tokens.set(role, await scene.keyOf({ role, pattern: '*' }));
});
afterAll(async () => scene[Symbol.asyncDispose]());

const methods: readonly DescMethod[] = [...IdempotencyService.methods, ...AdminService.methods].filter(
  // A session is let in by its credentials; each of its operations is judged as its unary twin.
  ({ name }) => name !== 'Session',
);

type RawCall = (
  request: object,
  metadata: object,
  callback?: (error: ServiceError | null) => void,
) => NodeJS.EventEmitter;

/** The reason of the answer to an empty request: a caller who may is told that the request is wrong, or gets an answer. */
async function reasonOf(
  method: DescMethod,
  token: string | undefined,
  namespace: string | undefined = 'payments',
): Promise<string> {
  const service = method.parent.typeName === AdminService.typeName ? scene.server.admin : scene.server.client;
  const call = (service.raw as unknown as Record<string, RawCall>)[method.localName]?.bind(service.raw);
  if (call === undefined) throw new Error(`no ${method.name}`);
  const init: Record<string, unknown> = { namespace, filter: { namespace } };
  const request = create(method.input, init);
  const error = await new Promise<ServiceError | null>((resolve) => {
    if (method.methodKind === 'unary') {
      call(request, metadataOf({ token }), resolve);
    } else {
      const stream = call(request, metadataOf({ token })) as ClientReadableStream<object>;
      stream
        // One message tells; a tail has no end of its own.
        .on('data', () => {
          resolve(null);
          stream.cancel();
        })
        .on('error', resolve)
        .on('end', () => resolve(null));
    }
  });
  return error === null ? 'OK' : refusalOf(error).reason;
}

test('every call stands in the table', () => {
  expect(methods.map(({ name }) => name).toSorted()).toEqual(Object.keys(MAY).toSorted());
});

test.each(methods.map((method) => [method.name, method] as const))('%s', async (name, method) => {
  for (const role of ROLES) {
    const reason = await reasonOf(method, tokens.get(role));
    const isDenied = reason === 'PERMISSION_DENIED';
    expect({ name, role, isDenied }).toEqual({ name, role, isDenied: MAY[name]?.includes(role) !== true });
  }
});

/** Of a caller who may nothing here: these answer by what they leave out, and are looked at one by one below. */
const SHOWS_LESS = ['GetServerInfo', 'GetCaller', 'ListNamespaces', 'ListAuditEvents', 'TailEvents'];

test.each(methods.map((method) => [method.name, method] as const))(
  '%s is denied to the admin of another namespace, and for all namespaces at once, before the store is asked',
  async (name, method) => {
    const token = await scene.keyOf({ role: 'admin', pattern: 'refunds/*' });
    const before = scene.touches();
    for (const namespace of ['payments', 'refund', 'refunds.x', '']) {
      const reason = await reasonOf(method, token, namespace);
      const isListed = SHOWS_LESS.includes(name) && reason !== 'PERMISSION_DENIED';
      expect({ name, namespace, isDenied: reason === 'PERMISSION_DENIED' }).toEqual({
        name,
        namespace,
        isDenied: !isListed,
      });
    }
    expect(scene.touches()).toBe(before);
  },
);

test('what is listed for all shows an admin of another namespace nothing of this one', async () => {
  const [admin, stranger] = [tokens.get('admin'), await scene.keyOf({ role: 'admin', pattern: 'refunds/*' })];
  const { admin: service } = scene.server;
  await service.putNamespace({ namespace: 'payments', policy: { maxAttempts: 3 }, reason: 'test' }, { token: admin });
  await service.putNamespace({ namespace: 'refunds', policy: { maxAttempts: 3 }, reason: 'test' }, { token: stranger });
  const { namespaces } = await service.listNamespaces({}, { token: stranger });
  expect(namespaces.map(({ namespace }) => namespace)).toEqual(['refunds']);
  const { events, newestSequence } = await service.listAuditEvents({}, { token: stranger });
  expect([...new Set(events.map(({ namespace }) => namespace))]).toEqual(['refunds']);
  expect(newestSequence).toBe(0n);
  expect((await service.listAuditEvents({ namespace: 'payments' }, { token: stranger })).events).toEqual([]);
  expect((await service.getCaller({ namespace: 'payments' }, { token: stranger })).permissions).toEqual([]);
});

test('without credentials nobody may anything', async () => {
  const strangers = await openAuthScene();
  const before = scene;
  scene = strangers;
  // Ten failures make the address wait: both answers keep the stranger out.
  for (const method of methods) expect(['UNAUTHENTICATED', 'OVERLOADED']).toContain(await reasonOf(method, undefined));
  expect(strangers.touches()).toBe(0);
  scene = before;
  await strangers[Symbol.asyncDispose]();
});

test('figures of foreign namespaces are not told to who may see one only', async () => {
  const token = await scene.keyOf({ role: 'reader', pattern: 'payments' });
  const writer = tokens.get('writer');
  for (const namespace of ['payments', 'foreign']) {
    const request = { namespace, key: 'k', attemptId: 'figures' };
    const { outcome } = await scene.server.client.beginIntent(request, { token: writer });
    if (outcome.case !== 'acquired') throw new Error(`not acquired but ${String(outcome.case)}`);
    const { leaseToken } = outcome.value;
    await scene.server.client.fail({ namespace, key: 'k', leaseToken, kind: FailKind.UNKNOWN }, { token: writer });
  }
  const { counters, records, orphans } = await scene.server.admin.getStats({ namespace: 'payments' }, { token });
  const seen = new Set([
    ...counters.map(({ labels }) => labels['namespace']),
    ...records.map(({ namespace }) => namespace),
  ]);
  expect([...seen].filter((name) => name !== undefined)).toEqual(['payments']);
  expect(orphans).toBe(1n);
  const { counters: ofAll } = await scene.server.admin.getStats({}, { token: tokens.get('reader') });
  const names = (list: typeof counters) => list.map(({ name }) => name);
  expect(names(ofAll)).toContain('onced_orphans');
  expect(names(counters)).not.toContain('onced_orphans');
  expect(names(counters)).not.toContain('onced_oldest_orphan_seconds');
});

test('a namespace called other shows nothing of those that are counted together under that name', async () => {
  const { client, admin, metrics } = scene.server;
  metrics.setNamespaceLabel(() => OTHER);
  await client.beginIntent({ namespace: 'foreign', key: 'other', attemptId: 'o' }, { token: tokens.get('writer') });
  const token = await scene.keyOf({ role: 'reader', pattern: OTHER });
  const { counters } = await admin.getStats({ namespace: OTHER }, { token });
  expect(counters.filter(({ labels }) => labels['namespace'] === OTHER)).toEqual([]);
  const all = await admin.getStats({}, { token: tokens.get('reader') });
  expect(all.counters.filter(({ labels }) => labels['namespace'] === OTHER)).not.toEqual([]);
});
