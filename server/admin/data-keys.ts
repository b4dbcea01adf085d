// AdminService: the keys that seal payloads at rest.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  DataKeysSchema,
  ListDataKeysResponseSchema,
  RotateDataKeysResponseSchema,
  type DataKeys as WireDataKeys,
  type ListDataKeysRequest,
  type ListDataKeysResponse,
  type RotateDataKeysRequest,
  type RotateDataKeysResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import type { DataKeys, NamespaceKeys } from '../sealing/data-keys.ts';
import { readNamespace, readReason, Violations } from '../validate.ts';
import { pageOf, readPage } from './pages.ts';

/** Namespaces that are looked at in one go. */
const BATCH = 500;

export async function listDataKeys(engine: Engine, request: ListDataKeysRequest): Promise<ListDataKeysResponse> {
  const page = readPage('data-keys', request);
  // One more than the page, to know whether there is a next.
  const found = (await engine.sealing?.keys.list(page.after, page.size + 1)) ?? [];
  const { items, nextPageToken } = pageOf('data-keys', page, found, ({ namespace }) => namespace);
  return create(ListDataKeysResponseSchema, { dataKeys: items.map(keysMessage), nextPageToken });
}

export async function rotateDataKeys(
  engine: Engine,
  request: RotateDataKeysRequest,
  call: CallContext,
): Promise<RotateDataKeysResponse> {
  const violations = new Violations();
  const namespace = request.namespace === '' ? undefined : readNamespace(request.namespace, violations);
  const reason = readReason(request.reason, violations);
  violations.check();
  const { sealing } = engine;
  if (sealing === undefined) {
    throw new Rejection('EXPECTATION_FAILED', 'nothing is encrypted at rest here: this server has no sealing keys');
  }
  const { keys } = sealing;
  const change = {
    action: 'RotateDataKeys',
    target: request.namespace,
    namespace: request.namespace,
    reason,
    before: {},
  };
  return engine.audit.around(call, change, async () => {
    const rotated = namespace === undefined ? await rotateAll(keys) : [await keys.rotate(namespace)];
    const wrappedBy = rotated.at(-1)?.versions.at(-1)?.by ?? '';
    const after = { namespaces: rotated.length, wrappedBy };
    return { value: create(RotateDataKeysResponseSchema, after), after };
  });
}

async function rotateAll(keys: DataKeys): Promise<readonly NamespaceKeys[]> {
  const rotated: NamespaceKeys[] = [];
  let page = await keys.list('', BATCH);
  while (page.length > 0) {
    for (const { namespace } of page) rotated.push(await keys.rotate(namespace));
    page = await keys.list(page.at(-1)?.namespace ?? '', BATCH);
  }
  return rotated;
}

function keysMessage({ namespace, versions }: NamespaceKeys): WireDataKeys {
  return create(DataKeysSchema, {
    namespace,
    versions: versions.length,
    createTime: timestampFromMs(versions.at(-1)?.createMs ?? 0),
    wrappedBy: [...new Set(versions.map(({ by }) => by))],
  });
}
