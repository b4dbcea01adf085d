// Namespaces and their policies, kept in the store's registry and answered from memory. A change made through any
// server is seen by all within REFRESH_MS.

import { clone, create, fromJsonString, toJsonString } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { Logger } from 'pino';
import {
  NamespaceInfoSchema,
  NamespacePolicySchema,
  type NamespaceInfo,
  type NamespacePolicy,
} from '../proto/gen/onced/v1/admin_pb.js';
import type { Namespace, Registry, RegistryEntry } from '../storage/contract/index.ts';
import { Rejection } from './errors.ts';
import { overtakenReads } from './overtaken-reads.ts';
import { policyOfMessage, type Policy, type PolicyLookup } from './policy.ts';
import { checkBounds, checkSense, inherit, lineOf, type EffectivePolicy, type PolicyLayer } from './policy-rules.ts';
import { Violations } from './validate.ts';

/** DESIGN promises that a change reaches every server within 5 s; two refreshes fit into that. */
const REFRESH_MS = 2000;
/** Namespaces whose resolved policy is kept; beyond it the memory starts over, since names come from callers. */
const RESOLVED_MAX = 10_000;
/** Pages of the registry are read whole: namespaces with policies of their own are few. */
const PAGE = 1000;

const COLLECTION = 'namespace';

export interface NamespaceChange {
  readonly namespace: Namespace;
  readonly policy: NamespacePolicy;
  /** Undefined: whatever stands. */
  readonly expectedRevision: number | undefined;
}

export interface Namespaces {
  readonly policyOf: PolicyLookup;
  readonly standingPolicyOf: PolicyLookup;
  /** Has a policy of its own, in the store or in the configuration. */
  isRegistered(namespace: string): boolean;
  describe(namespace: Namespace): NamespaceInfo;
  list(): readonly NamespaceInfo[];
  /** Throws INVALID_FIELD when it makes no sense, EXPECTATION_FAILED when the revision has moved. */
  put(change: NamespaceChange): Promise<NamespaceInfo>;
  /** As `put`; those below must make sense without it. */
  remove(namespace: Namespace, expectedRevision: number | undefined): Promise<void>;
  /** Reads the store again now. */
  refresh(): Promise<void>;
  stop(): void;
}

export interface NamespacesOptions {
  readonly registry: Registry;
  readonly log: Logger;
  /** From the configuration file: by namespace, and what holds for all as "server". */
  readonly configured?: Readonly<Record<string, NamespacePolicy>>;
  readonly serverPolicy?: NamespacePolicy;
}

/** A policy as it would be; undefined: none. */
interface Replaced {
  readonly namespace: Namespace;
  readonly policy: NamespacePolicy | undefined;
}

interface Own {
  readonly policy: NamespacePolicy;
  readonly revision: number;
  readonly updateMs: number;
}

/** What the registry keeps as JSON. */
interface Stored {
  readonly policy: string;
  readonly updateMs: number;
}

/** Loads what is stored before it resolves. */
export async function openNamespaces(options: NamespacesOptions): Promise<Namespaces> {
  const { registry, log } = options;
  const configured = new Map(Object.entries(options.configured ?? {}));
  const serverLayers: readonly PolicyLayer[] =
    options.serverPolicy === undefined ? [] : [{ source: 'server', policy: options.serverPolicy }];
  let own = new Map<string, Own>();
  let resolved = new Map<string, Policy>();
  const beginRead = overtakenReads();

  const layerOf = (name: string): PolicyLayer | undefined =>
    asLayer(name, own.get(name)?.policy ?? configured.get(name));
  const effectiveOf = (namespace: string, replaced?: Replaced): EffectivePolicy => {
    const line = lineOf(namespace).map((name) =>
      name === replaced?.namespace ? asLayer(name, replaced.policy) : layerOf(name),
    );
    return inherit([...line.filter((layer) => layer !== undefined), ...serverLayers]);
  };
  const isRegistered = (namespace: string): boolean => own.has(namespace) || configured.has(namespace);
  const registered = (): readonly string[] => [...new Set([...own.keys(), ...configured.keys()])].toSorted();
  const namesBelow = (namespace: string): readonly string[] =>
    registered().filter((name) => name.startsWith(`${namespace}/`));

  /** What is set for a namespace must make sense for those below too, with what they set themselves. */
  const checkSenseBelow = (change: Replaced, violations: Violations): void => {
    for (const below of namesBelow(change.namespace)) {
      const found = new Violations();
      checkSense(effectiveOf(below, change), found);
      for (const { field, description } of found.list()) violations.add(field, `of ${below} ${description}`);
    }
  };

  const standingPolicyOf = (namespace: Namespace): Policy => {
    let policy = resolved.get(namespace);
    if (policy === undefined) {
      policy = policyOfMessage(effectiveOf(namespace).policy);
      if (resolved.size >= RESOLVED_MAX) resolved = new Map();
      resolved.set(namespace, policy);
    }
    return policy;
  };

  const refresh = async (): Promise<void> => {
    const isOvertaken = beginRead();
    const next = new Map<string, Own>();
    let after: string | undefined;
    for (;;) {
      const page = await registry.list({
        collection: COLLECTION,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const entry of page) next.set(entry.name, readEntry(entry));
      after = page.at(-1)?.name;
      if (page.length < PAGE) break;
    }
    // The later one has a policy that was put meanwhile.
    if (isOvertaken()) return;
    own = next;
    resolved = new Map();
  };

  const describe = (namespace: Namespace): NamespaceInfo => {
    const mine = own.get(namespace);
    const policy = mine?.policy ?? configured.get(namespace);
    const effective = effectiveOf(namespace);
    return create(NamespaceInfoSchema, {
      namespace,
      effective: effective.policy,
      sources: [...effective.sources].map(([field, source]) => ({ field, source })),
      revision: BigInt(mine?.revision ?? 0),
      ...(policy === undefined ? {} : { policy: clone(NamespacePolicySchema, policy) }),
      ...(mine === undefined ? {} : { updateTime: timestampFromMs(mine.updateMs) }),
    });
  };

  await refresh();
  const timer = setInterval(() => {
    refresh().catch((error: unknown) =>
      log.warn({ err: error }, 'policies could not be read again; the last known hold'),
    );
  }, REFRESH_MS);
  timer.unref();

  return {
    policyOf(namespace) {
      const policy = standingPolicyOf(namespace);
      if (!policy.createOnFirstUse && !isRegistered(namespace)) throw namespaceNotFound(namespace);
      return policy;
    },
    standingPolicyOf,
    isRegistered,
    describe,
    list: () => registered().map((name) => describe(name as Namespace)),

    async put({ namespace, policy, expectedRevision }) {
      const violations = new Violations();
      checkBounds(policy, violations);
      checkSense(effectiveOf(namespace, { namespace, policy }), violations);
      checkSenseBelow({ namespace, policy }, violations);
      violations.check();
      const stored: Stored = { policy: toJsonString(NamespacePolicySchema, policy), updateMs: Date.now() };
      const entry = await registry.put({
        collection: COLLECTION,
        name: namespace,
        value: JSON.stringify(stored),
        ...(expectedRevision === undefined ? {} : { expectedRevision }),
      });
      if (entry === undefined) throw revisionMoved(expectedRevision, own.get(namespace)?.revision);
      await refresh();
      return describe(namespace);
    },

    async remove(namespace, expectedRevision) {
      const found = await registry.get({ collection: COLLECTION, name: namespace });
      if (found === undefined) throw namespaceNotFound(namespace);
      const violations = new Violations();
      checkSenseBelow({ namespace, policy: configured.get(namespace) }, violations);
      violations.check();
      const isRemoved = await registry.remove({
        collection: COLLECTION,
        name: namespace,
        expectedRevision: expectedRevision ?? found.revision,
      });
      if (!isRemoved) throw revisionMoved(expectedRevision, found.revision);
      await refresh();
    },
    refresh,
    stop: () => clearInterval(timer),
  };
}

const asLayer = (source: string, policy: NamespacePolicy | undefined): PolicyLayer | undefined =>
  policy === undefined ? undefined : { source, policy };

function readEntry(entry: RegistryEntry): Own {
  const stored = JSON.parse(entry.value) as Stored;
  const policy = fromJsonString(NamespacePolicySchema, stored.policy, { ignoreUnknownFields: true });
  return { policy, revision: entry.revision, updateMs: stored.updateMs };
}

const namespaceNotFound = (namespace: string): Rejection =>
  new Rejection('NAMESPACE_NOT_FOUND', `there is no namespace ${namespace}, and it is not made on first use`);

const revisionMoved = (expected: number | undefined, found: number | undefined): Rejection =>
  new Rejection('EXPECTATION_FAILED', 'the policy was changed meanwhile; look at it again', {
    metadata: { expected: String(expected ?? 'any'), found: String(found ?? 0) },
  });
