// AdminService: API keys.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  ApiKeySchema,
  CreateApiKeyResponseSchema,
  GrantSchema,
  ListApiKeysResponseSchema,
  RevokeApiKeyResponseSchema,
  Role,
  RotateApiKeyResponseSchema,
  type ApiKey,
  type CreateApiKeyRequest,
  type CreateApiKeyResponse,
  type Grant as WireGrant,
  type ListApiKeysRequest,
  type ListApiKeysResponse,
  type RevokeApiKeyRequest,
  type RevokeApiKeyResponse,
  type RotateApiKeyRequest,
  type RotateApiKeyResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { ApiKeyRecord } from '../auth/api-keys.ts';
import { isPattern, ROLES, type Grant } from '../auth/grants.ts';
import type { CallContext, Engine } from '../context.ts';
import { limits } from '../limits.ts';
import { readDuration, readReason, readText, Violations } from '../validate.ts';
import { pageOf, readPage } from './pages.ts';

const NAME_BYTES_MAX = 128;
const GRANTS_MAX = 16;

export async function createApiKey(
  engine: Engine,
  request: CreateApiKeyRequest,
  call: CallContext,
): Promise<CreateApiKeyResponse> {
  const violations = new Violations();
  if (request.name === '') violations.add('name', 'is required');
  const name = readText({ field: 'name', value: request.name, bytesMax: NAME_BYTES_MAX }, violations);
  const grants = readGrants(request.grants, violations);
  const bounds = { field: 'ttl', value: request.ttl, msMin: limits.ttlMsMin, msMax: limits.ttlMsMax };
  const ttlMs = readDuration(bounds, violations);
  const reason = readReason(request.reason, violations);
  violations.check();
  const expireMs = ttlMs === undefined ? 0 : Date.now() + ttlMs;
  const change = { action: 'CreateApiKey', target: name, namespace: '', reason, before: {} };
  const { record, secret } = await engine.audit.around(call, change, async () => {
    const made = await engine.apiKeys.create({ name, grants, expireMs });
    return { value: made, after: shown(made.record) };
  });
  return create(CreateApiKeyResponseSchema, { apiKey: keyMessage(record), secret });
}

export async function listApiKeys(engine: Engine, request: ListApiKeysRequest): Promise<ListApiKeysResponse> {
  const page = readPage('api-keys', request);
  const keys = engine.apiKeys
    .list()
    .filter(({ id }) => id > page.after)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const { items, nextPageToken } = pageOf('api-keys', page, keys, ({ id }) => id);
  return create(ListApiKeysResponseSchema, { apiKeys: items.map(keyMessage), nextPageToken });
}

export async function rotateApiKey(
  engine: Engine,
  request: RotateApiKeyRequest,
  call: CallContext,
): Promise<RotateApiKeyResponse> {
  const { id, reason } = readId(request);
  const change = { action: 'RotateApiKey', target: id, namespace: '', reason, before: {} };
  const { record, secret } = await engine.audit.around(call, change, async () => {
    const rotated = await engine.apiKeys.rotate(id);
    return { value: rotated, after: shown(rotated.record) };
  });
  return create(RotateApiKeyResponseSchema, { apiKey: keyMessage(record), secret });
}

export async function revokeApiKey(
  engine: Engine,
  request: RevokeApiKeyRequest,
  call: CallContext,
): Promise<RevokeApiKeyResponse> {
  const { id, reason } = readId(request);
  const { olderSecretOnly } = request;
  const change = { action: 'RevokeApiKey', target: id, namespace: '', reason, before: { olderSecretOnly } };
  await engine.audit.around(call, change, async () => {
    await engine.apiKeys.revoke(id, olderSecretOnly);
    return { value: undefined, after: {} };
  });
  return create(RevokeApiKeyResponseSchema);
}

function readId(request: RotateApiKeyRequest | RevokeApiKeyRequest): { id: string; reason: string } {
  const violations = new Violations();
  if (request.id === '') violations.add('id', 'is required');
  const reason = readReason(request.reason, violations);
  violations.check();
  return { id: request.id, reason };
}

function readGrants(wire: readonly WireGrant[], violations: Violations): readonly Grant[] {
  if (wire.length === 0 || wire.length > GRANTS_MAX) {
    violations.add('grants', `must be 1 to ${GRANTS_MAX}, found ${wire.length}`);
  }
  return wire.slice(0, GRANTS_MAX).map(({ role, namespacePattern }, index) => {
    const known = ROLES[role - 1];
    if (known === undefined) violations.add(`grants[${index}].role`, 'must be READER, WRITER, OPERATOR or ADMIN');
    if (!isPattern(namespacePattern)) {
      violations.add(`grants[${index}].namespace_pattern`, 'must be a namespace, NAMESPACE/* or *');
    }
    return { role: known ?? 'reader', pattern: namespacePattern };
  });
}

const ROLE_VALUES: Readonly<Record<Grant['role'], Role>> = {
  reader: Role.READER,
  writer: Role.WRITER,
  operator: Role.OPERATOR,
  admin: Role.ADMIN,
};

export const grantMessage = ({ role, pattern }: Grant): WireGrant =>
  create(GrantSchema, { role: ROLE_VALUES[role], namespacePattern: pattern });

function keyMessage({ id, name, grants, createMs, expireMs, digests }: ApiKeyRecord): ApiKey {
  return create(ApiKeySchema, {
    id,
    name,
    grants: grants.map(grantMessage),
    createTime: timestampFromMs(createMs),
    secrets: digests.length,
    ...(expireMs === 0 ? {} : { expireTime: timestampFromMs(expireMs) }),
  });
}

/** What the audit keeps: no digests. */
const shown = ({ id, name, grants, expireMs, digests }: ApiKeyRecord): object => ({
  id,
  name,
  grants,
  expireMs,
  secrets: digests.length,
});
