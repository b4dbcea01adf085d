// Puts together what operations use: a measured store, the policies, the waiters, the figures.

import type { Namespace, RecordId, Store } from '../storage/contract/index.ts';
import type { Logger } from 'pino';
import type { NamespaceInfo, NamespacePolicy } from '../proto/gen/onced/v1/admin_pb.js';
import { startAdmission } from './admission/start.ts';
import { createBreaker } from './breaker.ts';
import { createArchive } from './archive.ts';
import { openApiKeys } from './auth/api-keys.ts';
import { createAudit } from './audit.ts';
import { createCompaction } from './compaction.ts';
import type { Engine } from './context.ts';
import { createIssuedKeys } from './issued-keys.ts';
import { limits } from './limits.ts';
import { measuredStore } from './measured-store.ts';
import type { Metrics } from './metrics.ts';
import { openNamespaces, type Namespaces } from './namespaces.ts';
import { createOutage, type JournalPlace } from './outage.ts';
import type { PolicyLookup } from './policy.ts';
import { createPageSecret } from './page-secret.ts';
import { createQuotas } from './quotas.ts';
import { openSealing } from './sealing/sealing.ts';
import type { WrappingKeys } from './sealing/wrapping-keys.ts';
import { createTail } from './tail.ts';
import { createWaiters, wakeWith } from './waiters.ts';
import { createWatchers } from './watchers.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Policies from the configuration file, by namespace. */
  readonly configuredPolicies?: Readonly<Record<string, NamespacePolicy>>;
  /** What the configuration says for all namespaces. */
  readonly serverPolicy?: NamespacePolicy;
  /** Secret that API keys are hashed with; undefined: one kept in the store. */
  readonly pepper?: Buffer;
  /** Turn encryption at rest on. Whoever opened them stops them. */
  readonly wrapping?: WrappingKeys | undefined;
  /** Where records of namespaces with `archive` on are written before they go. Undefined: they stay. */
  readonly archiveFolder?: string | undefined;
  /** Where to go on while the store is down, for namespaces that choose so. */
  readonly journal?: JournalPlace;
  /** Of processes that are no more: nothing new is kept there. */
  readonly leftJournals?: readonly JournalPlace[];
  /** For tests: replaces the stored policies. */
  readonly policyOf?: PolicyLookup;
}

/** Several servers may share these stores, so that an outcome may come from elsewhere. */
const SHARED_KINDS: readonly Store['description']['kind'][] = ['postgres', 'redis', 'redis-cluster'];

export interface OpenEngine {
  readonly engine: Engine;
  /** Answers all who wait, ends what runs by itself. */
  readonly stop: () => Promise<void>;
}

/** The engine, and the way to let go of what it listens to. The store stays open: whoever opened it closes it. */
export async function openEngine(options: EngineOptions): Promise<OpenEngine> {
  const { store, metrics, log } = options;
  const isShared = SHARED_KINDS.includes(store.description.kind);
  const waiters = createWaiters({
    pollMs: isShared ? limits.waiterPollMs : undefined,
    onCount: (change) => metrics.waiters(change),
  });
  const breaker = createBreaker(store);
  const { admission, stop: stopAdmission } = startAdmission(metrics, log);
  const measured = measuredStore(breaker.store, metrics, (durationMs) => admission.sample(durationMs));
  // Outermost, so that neither breaker nor figures take a value that cannot be opened for trouble of the store.
  const sealing = await openSealing(measured, options.wrapping, log);
  const records = sealing?.store ?? measured;
  breaker.onSilent(() => admission.recheck());
  const outage = createOutage({ breaker, place: options.journal, log });
  const watchers = createWatchers({ store: records, pollMs: limits.waiterPollMs });
  const stopListening = store.onRemoteChange((change) => {
    if (!change.settled) waiters.wakeOne(change);
    else if (waiters.has(change)) void lookForAll({ store: records, waiters }, change);
    watchers.changed(change);
  });
  const namespaces = await openNamespaces({
    registry: store.registry,
    log,
    ...(options.configuredPolicies === undefined ? {} : { configured: options.configuredPolicies }),
    ...(options.serverPolicy === undefined ? {} : { serverPolicy: options.serverPolicy }),
  });
  const { archiveFolder } = options;
  const compaction = createCompaction({
    store: records,
    log,
    archive:
      archiveFolder === undefined
        ? undefined
        : createArchive({ store: records, folder: archiveFolder, seal: sealing?.line }),
    archived: async () => archivedNamespaces({ namespaces, store: records, serverPolicy: options.serverPolicy }),
  });
  const apiKeys = await openApiKeys({ registry: store.registry, log, pepper: options.pepper });
  const issuedKeys = createIssuedKeys({ registry: breaker.hastyRegistry });
  await issuedKeys.load();
  const engine: Engine = {
    store: records,
    sealing,
    admission,
    policyOf: options.policyOf ?? namespaces.policyOf,
    standingPolicyOf: options.policyOf ?? namespaces.standingPolicyOf,
    namespaces,
    audit: createAudit(store.registry, log),
    apiKeys,
    compaction,
    issuedKeys,
    outage,
    pageSecret: createPageSecret(store.registry),
    quotas: createQuotas({ store: measured }),
    tail: createTail({ everyMs: limits.tailEveryMs, keptMax: limits.tailKeptMax }),
    waiters,
    watchers,
    metrics,
  };
  metrics.readStore({
    stats: async () => store.stats(),
    compaction: () => compaction.progress(),
    journalRows: () => outage.kept(),
  });
  const left = (options.leftJournals ?? []).map((place) => createOutage({ breaker, place, log }));
  for (const each of [outage, ...left]) await each.start(engine);
  compaction.start();
  return {
    engine,
    stop: async () => {
      await compaction.stop();
      for (const each of [outage, ...left]) await each.stop();
      namespaces.stop();
      apiKeys.stop();
      stopListening();
      stopAdmission();
      waiters.wakeEverybody({ kind: 'timeout' });
    },
  };
}

/** Another server's outcome: nobody here has its bytes yet. One look serves all who wait, however many they are. */
async function lookForAll({ store, waiters }: Pick<Engine, 'store' | 'waiters'>, id: RecordId): Promise<void> {
  const found = await store.read({ ...id, includeResult: true }).catch(() => undefined);
  waiters.wakeAll(id, wakeWith(found));
}

interface ArchivedIn {
  readonly namespaces: Namespaces;
  readonly store: Pick<Store, 'stats'>;
  readonly serverPolicy: NamespacePolicy | undefined;
}

/** All that it is set for, and those that have records and inherit it. What is counted may be of a moment ago. */
async function archivedNamespaces({ namespaces, store, serverPolicy }: ArchivedIn): Promise<readonly Namespace[]> {
  const registered = namespaces.list().filter(isArchived);
  if (serverPolicy?.archive !== true && registered.length === 0) return [];
  const { groups } = await store.stats();
  const counted = groups.map(({ namespace }) => namespace).filter((name) => isArchived(namespaces.describe(name)));
  return [...new Set([...registered.map(({ namespace }) => namespace as Namespace), ...counted])];
}

const isArchived = ({ effective }: NamespaceInfo): boolean => effective?.archive === true;
