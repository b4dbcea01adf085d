// AdminService: namespaces and their policies.

import { create, toJson } from '@bufbuild/protobuf';
import {
  DeleteNamespaceResponseSchema,
  GetNamespaceResponseSchema,
  ListNamespacesResponseSchema,
  NamespacePolicySchema,
  PutNamespaceResponseSchema,
  type DeleteNamespaceRequest,
  type DeleteNamespaceResponse,
  type GetNamespaceRequest,
  type GetNamespaceResponse,
  type ListNamespacesRequest,
  type ListNamespacesResponse,
  type NamespaceInfo,
  type PutNamespaceRequest,
  type PutNamespaceResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { CallContext, Engine } from '../context.ts';
import { readNamespace, readReason, Violations } from '../validate.ts';
import { pageOf, readPage } from './pages.ts';

export async function listNamespaces(
  engine: Engine,
  request: ListNamespacesRequest,
  call: CallContext,
): Promise<ListNamespacesResponse> {
  const page = readPage('namespaces', request);
  const visible = engine.namespaces
    .list()
    .filter(({ namespace }) => call.principal.may('list', namespace) && namespace > page.after);
  const { items, nextPageToken } = pageOf('namespaces', page, visible, ({ namespace }) => namespace);
  return create(ListNamespacesResponseSchema, { namespaces: [...items], nextPageToken });
}

export async function getNamespace(engine: Engine, request: GetNamespaceRequest): Promise<GetNamespaceResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  violations.check();
  return create(GetNamespaceResponseSchema, { namespace: engine.namespaces.describe(namespace) });
}

export async function putNamespace(
  engine: Engine,
  request: PutNamespaceRequest,
  call: CallContext,
): Promise<PutNamespaceResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const reason = readReason(request.reason, violations);
  if (request.policy === undefined) violations.add('policy', 'is required');
  violations.check();
  const { policy } = request;
  if (policy === undefined) throw new Error('checked above');
  const before = engine.namespaces.describe(namespace);
  const expectedRevision = request.revision === undefined ? undefined : Number(request.revision);
  const event = { action: 'PutNamespace', target: namespace, namespace, reason, before: shown(before) };
  const after = await engine.audit.around(call, event, async () => {
    const info = await engine.namespaces.put({ namespace, policy, expectedRevision });
    return { value: info, after: shown(info) };
  });
  return create(PutNamespaceResponseSchema, { namespace: after });
}

export async function deleteNamespace(
  engine: Engine,
  request: DeleteNamespaceRequest,
  call: CallContext,
): Promise<DeleteNamespaceResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  const reason = readReason(request.reason, violations);
  violations.check();
  const expectedRevision = request.revision === undefined ? undefined : Number(request.revision);
  const before = shown(engine.namespaces.describe(namespace));
  const event = { action: 'DeleteNamespace', target: namespace, namespace, reason, before };
  await engine.audit.around(call, event, async () => {
    await engine.namespaces.remove(namespace, expectedRevision);
    return { value: undefined, after: {} };
  });
  return create(DeleteNamespaceResponseSchema);
}

/** What the audit keeps of a namespace: its own policy and revision. */
const shown = ({ policy, revision }: NamespaceInfo): object => ({
  policy: policy === undefined ? null : toJson(NamespacePolicySchema, policy),
  revision: Number(revision),
});
