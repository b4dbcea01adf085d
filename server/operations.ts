// Every operation that this server has, by service and method: what it needs to be allowed, and what it does. gRPC,
// Session and HTTP all serve these tables. What stands in no table is answered UNIMPLEMENTED.

import type {
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageShape,
} from '@bufbuild/protobuf';
import type { AdminService } from '../proto/gen/onced/v1/admin_pb.js';
import type { IdempotencyService } from '../proto/gen/onced/v1/idempotency_pb.js';
import type { LoadClass } from './admission/load-class.ts';
import { createApiKey, listApiKeys, revokeApiKey, rotateApiKey } from './admin/api-keys.ts';
import { listAuditEvents } from './admin/audit.ts';
import { listDataKeys, rotateDataKeys } from './admin/data-keys.ts';
import { getCaller, tailEvents } from './admin/caller.ts';
import { listDegradedConflicts, resolveDegradedConflict } from './admin/conflicts.ts';
import { rotateIssuedKeySecret } from './admin/issued-keys.ts';
import { deleteNamespace, getNamespace, listNamespaces, putNamespace } from './admin/namespaces.ts';
import { exportRecords, purgeRecords } from './admin/purge.ts';
import { getRecord, listRecords } from './admin/records.ts';
import { resolveIntent } from './admin/resolve.ts';
import { getStats, runCompaction } from './admin/upkeep.ts';
import { beginIntent, refusalWhileAway } from './calls/begin.ts';
import { issueKeys } from './calls/issue-keys.ts';
import { checkpoint, renew } from './calls/keep.ts';
import { getServerInfo, lookup } from './calls/look.ts';
import { claimOrphans } from './calls/orphans.ts';
import { complete, fail } from './calls/settle.ts';
import { watchIntent } from './calls/watch.ts';
import type { CallContext, Engine } from './context.ts';
import type { Rejection } from './errors.ts';
import type { Verb } from './principal.ts';

/** A call with one answer. */
export interface UnaryOperation<Method extends DescMethod = DescMethod> {
  /** Undefined: needs no permission as a whole; the call itself shows only what the caller may see. */
  readonly verb: Verb | undefined;
  /** Default: admin. `none`: touches no store, and is never refused for load. */
  readonly load?: LoadClass | 'none';
  /** What it is refused with whatever else it asks for, so that it need not wait for its turn to be. */
  refusal?(engine: Engine, namespace: string): Rejection | undefined;
  run(
    engine: Engine,
    request: MessageShape<Method['input']>,
    call: CallContext,
  ): Promise<MessageShape<Method['output']>>;
}

/** A call with many answers. The caller's hang-up fires `call.signal`; the iteration must then end. */
export interface StreamOperation<Method extends DescMethod = DescMethod> {
  readonly verb: Verb | undefined;
  /** It is admitted as this (default: admin), and then holds no place among the calls in flight. */
  readonly load?: LoadClass;
  run(
    engine: Engine,
    request: MessageShape<Method['input']>,
    call: CallContext,
  ): AsyncIterable<MessageShape<Method['output']>>;
}

type MethodsOf<Service extends DescService, Kind extends DescMethod> = {
  [Name in keyof Service['method'] as Service['method'][Name] extends Kind ? Name : never]: Service['method'][Name];
};
type UnaryTable<Service extends DescService> = {
  readonly [Name in keyof MethodsOf<Service, DescMethodUnary>]?: UnaryOperation<
    MethodsOf<Service, DescMethodUnary>[Name] & DescMethod
  >;
};
type StreamTable<Service extends DescService> = {
  readonly [Name in keyof MethodsOf<Service, DescMethodServerStreaming>]?: StreamOperation<
    MethodsOf<Service, DescMethodServerStreaming>[Name] & DescMethod
  >;
};

/** The operations that Session packs are the first six. */
export const idempotencyOperations = {
  beginIntent: { verb: 'begin', load: 'begin', refusal: refusalWhileAway, run: beginIntent },
  complete: { verb: 'complete', load: 'settle', run: complete },
  fail: { verb: 'complete', load: 'settle', run: fail },
  renew: { verb: 'complete', load: 'settle', run: renew },
  checkpoint: { verb: 'complete', load: 'settle', run: checkpoint },
  lookup: { verb: 'lookup', load: 'look', run: lookup },
  issueKeys: { verb: 'issue-keys', load: 'begin', run: issueKeys },
  claimOrphans: { verb: 'claim-orphans', run: claimOrphans },
  getServerInfo: { verb: undefined, load: 'none', run: getServerInfo },
} satisfies UnaryTable<typeof IdempotencyService>;

export const idempotencyStreams = {
  watchIntent: { verb: 'watch', load: 'look', run: watchIntent },
} satisfies StreamTable<typeof IdempotencyService>;

export const adminOperations = {
  getRecord: { verb: 'payloads', run: getRecord },
  listRecords: { verb: 'list', run: listRecords },
  resolveIntent: { verb: 'resolve', run: resolveIntent },
  listNamespaces: { verb: undefined, run: listNamespaces },
  getNamespace: { verb: 'list', run: getNamespace },
  putNamespace: { verb: 'policy', run: putNamespace },
  deleteNamespace: { verb: 'policy', run: deleteNamespace },
  createApiKey: { verb: 'credentials', run: createApiKey },
  listApiKeys: { verb: 'credentials', run: listApiKeys },
  rotateApiKey: { verb: 'credentials', run: rotateApiKey },
  revokeApiKey: { verb: 'credentials', run: revokeApiKey },
  listDataKeys: { verb: 'credentials', run: listDataKeys },
  rotateDataKeys: { verb: 'credentials', run: rotateDataKeys },
  rotateIssuedKeySecret: { verb: 'credentials', run: rotateIssuedKeySecret },
  getStats: { verb: 'stats', run: getStats },
  runCompaction: { verb: 'compact', run: runCompaction },
  listAuditEvents: { verb: undefined, run: listAuditEvents },
  getCaller: { verb: undefined, load: 'none', run: getCaller },
  listDegradedConflicts: { verb: 'list', run: listDegradedConflicts },
  resolveDegradedConflict: { verb: 'resolve', run: resolveDegradedConflict },
} satisfies UnaryTable<typeof AdminService>;

export const adminStreams = {
  purgeRecords: { verb: 'purge', run: purgeRecords },
  exportRecords: { verb: 'payloads', run: exportRecords },
  tailEvents: { verb: undefined, load: 'look', run: tailEvents },
} satisfies StreamTable<typeof AdminService>;
