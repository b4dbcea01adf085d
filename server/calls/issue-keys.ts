// IssueKeys, and the check of a key where a namespace accepts no others.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  IssueKeysResponseSchema,
  type IssueKeysRequest,
  type IssueKeysResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { isExpired, type RecordId, type VerbOptions } from '../../storage/contract/index.ts';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { readDuration, readNamespace, Violations } from '../validate.ts';

const COUNT_MAX = 1000;
const TTL_MS = 86_400_000;

export async function issueKeys(
  engine: Engine,
  request: IssueKeysRequest,
  _call: CallContext,
): Promise<IssueKeysResponse> {
  const violations = new Violations();
  const namespace = readNamespace(request.namespace, violations);
  if (request.count > COUNT_MAX) violations.add('count', `must be 1 to ${COUNT_MAX}, found ${request.count}`);
  const bounds = { field: 'ttl', value: request.ttl, msMin: limits.ttlMsMin, msMax: limits.ttlMsMax };
  const ttlMs = readDuration(bounds, violations) ?? TTL_MS;
  violations.check();
  engine.policyOf(namespace);
  const expireMs = Date.now() + ttlMs;
  const keys = await engine.issuedKeys.issue(namespace, request.count === 0 ? 1 : request.count, expireMs);
  return create(IssueKeysResponseSchema, { keys: [...keys], expireTime: timestampFromMs(expireMs) });
}

/** Throws KEY_NOT_ISSUED. A key past its time is good as long as it has a record: that is a retry, not a first begin. */
export async function checkIssued(engine: Engine, { namespace, key }: RecordId, options: VerbOptions): Promise<void> {
  const standing = await engine.issuedKeys.check(namespace, key, Date.now());
  if (standing === 'good') return;
  if (standing === 'expired') {
    const { record, nowMs } = await engine.store.read({ namespace, key, includeResult: false }, options);
    if (record !== undefined && !isExpired(record, nowMs)) return;
  }
  throw new Rejection('KEY_NOT_ISSUED', MESSAGES[standing], { metadata: { cause: standing } });
}

const MESSAGES = {
  forged: 'this namespace accepts only keys made by IssueKeys, and this is not one',
  expired: 'the key was not begun before it expired; get a new one by IssueKeys',
  namespace: 'the key was issued for another namespace',
};
