// AdminService: who the caller is, and what this server is being asked.

import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import {
  GetCallerResponseSchema,
  TailEventsResponseSchema,
  type GetCallerRequest,
  type GetCallerResponse,
  type TailEventsRequest,
  type TailEventsResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import type { CallContext, Engine } from '../context.ts';
import { Rejection } from '../errors.ts';
import { fractional } from '../messages.ts';
import { VERBS } from '../principal.ts';
import { readNamespace, Violations } from '../validate.ts';
import { grantMessage } from './api-keys.ts';

export async function getCaller(
  _engine: Engine,
  request: GetCallerRequest,
  { principal }: CallContext,
): Promise<GetCallerResponse> {
  const namespace = readOptional(request.namespace);
  return create(GetCallerResponseSchema, {
    name: principal.name,
    permissions: VERBS.filter((verb) => principal.may(verb, namespace)),
    grants: (principal.grants ?? []).map(grantMessage),
  });
}

export async function* tailEvents(
  engine: Engine,
  request: TailEventsRequest,
  { principal, signal }: CallContext,
): AsyncGenerator<TailEventsResponse, void> {
  const namespace = readOptional(request.namespace);
  if (namespace !== undefined && !principal.may('list', namespace)) {
    throw new Rejection('PERMISSION_DENIED', 'these credentials may not list in this namespace');
  }
  const filter = { namespace: namespace ?? '', keyPrefix: request.keyPrefix, principal };
  let isFirst = true;
  for await (const { calls, dropped } of engine.tail.follow(filter, signal)) {
    if (calls.length === 0 && dropped === 0 && !isFirst) continue;
    isFirst = false;
    const events = calls.map(({ timeMs, tookMs, ...texts }) => ({
      ...texts,
      time: timestampFromMs(timeMs),
      took: fractional(tookMs),
    }));
    yield create(TailEventsResponseSchema, { events, dropped: BigInt(dropped) });
  }
}

function readOptional(namespace: string): string | undefined {
  if (namespace === '') return undefined;
  const violations = new Violations();
  const read = readNamespace(namespace, violations);
  violations.check();
  return read;
}
