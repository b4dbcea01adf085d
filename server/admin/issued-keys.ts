// AdminService: the secret that signs the keys of IssueKeys.

import { create } from '@bufbuild/protobuf';
import {
  RotateIssuedKeySecretResponseSchema,
  type RotateIssuedKeySecretRequest,
  type RotateIssuedKeySecretResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { CallContext, Engine } from '../context.ts';
import { readReason, Violations } from '../validate.ts';

export async function rotateIssuedKeySecret(
  engine: Engine,
  request: RotateIssuedKeySecretRequest,
  call: CallContext,
): Promise<RotateIssuedKeySecretResponse> {
  const violations = new Violations();
  const reason = readReason(request.reason, violations);
  violations.check();
  const change = { action: 'RotateIssuedKeySecret', target: '', namespace: '', reason, before: {} };
  await engine.audit.around(call, change, async () => {
    await engine.issuedKeys.rotate();
    return { value: undefined, after: {} };
  });
  return create(RotateIssuedKeySecretResponseSchema);
}
