// The composition root, and the only file that names a concrete store. A store's driver is loaded when it is used.

import { existsSync } from 'node:fs';
import type { Logger } from 'pino';
import type { Store, StoreCheck, StoreDescription } from '../storage/contract/index.ts';
import type { Config } from './config/load.ts';
import { showAddress, withoutSecrets } from './config/values.ts';
import { openIdentify, readPepper } from './auth/open.ts';
import { openConsole } from './console.ts';
import { createConnect } from './connect.ts';
import { openEngine } from './engine.ts';
import { startGrpc } from './grpc.ts';
import { startHttp, text, type Page } from './http.ts';
import { limits } from './limits.ts';
import { createMetrics, type MetricsOwner } from './metrics.ts';
import { OTHER } from './namespace-labels.ts';
import type { JournalPlace } from './outage.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { sealedAlone } from './sealing/sealing.ts';
import { openWrappingKeys, type WrappingKeys } from './sealing/wrapping-keys.ts';
import { makeNothingOld } from './short-lives.ts';
import { grpcCredentials, tlsFilesOf } from './tls.ts';
import { journalPath, leftJournals } from './workers/journals.ts';
import type { Worker } from './workers/worker.ts';
import { VERSION } from './version.ts';

interface StoreKind {
  readonly open: (url: string, log: Logger) => Promise<Store>;
  /** The start-up checks, changing nothing. Rejects when there is nobody to ask. */
  readonly inspect: (url: string) => Promise<readonly StoreCheck[]>;
}

const memory: StoreKind = {
  open: async () => (await import('../storage/memory/store.ts')).createMemoryStore(),
  inspect: () => Promise.resolve([]),
};

const sqlite: StoreKind = {
  async open(url, log) {
    const { openSqliteStore } = await import('../storage/sqlite/index.ts');
    return openSqliteStore({
      path: sqlitePath(url),
      logger: { info: (message) => log.info(message), warn: (message) => log.warn(message) },
      onFatal(reason) {
        log.fatal({ reason }, 'the store cannot be believed any more: the process ends');
        process.exit(1);
      },
    });
  },
  async inspect(url) {
    const { inspectSqlite } = await import('../storage/sqlite/index.ts');
    return inspectSqlite({ path: sqlitePath(url) });
  },
};

const sqlitePath = (url: string): string => url.slice('sqlite:'.length);

const postgres: StoreKind = {
  async open(url) {
    const { openPostgresStore } = await import('../storage/postgres/index.ts');
    return openPostgresStore({ url });
  },
  async inspect(url) {
    const { inspectPostgres } = await import('../storage/postgres/index.ts');
    return inspectPostgres({ url });
  },
};

const redis: StoreKind = {
  async open(url) {
    const { openRedisStore } = await import('../storage/redis/index.ts');
    return openRedisStore({ url });
  },
  async inspect(url) {
    const { inspectRedis } = await import('../storage/redis/index.ts');
    return inspectRedis({ url });
  },
};

/** What is kept while the store is down: an SQLite file, whatever the store is. Made when it is first needed. */
const journalAt = (path: string, wrapping: WrappingKeys | undefined, log: Logger): JournalPlace => ({
  exists: () => existsSync(path),
  async open() {
    const store = await sqlite.open(`sqlite:${path}`, log);
    return sealedAlone(store, wrapping, log).catch(async (error: unknown) => {
      await store.close();
      throw error;
    });
  },
});

/** By scheme of the store's URL; settings.ts admits no other. */
const STORES: Readonly<Record<string, StoreKind>> = {
  memory,
  sqlite,
  postgres,
  postgresql: postgres,
  redis,
  rediss: redis,
  'redis-cluster': redis,
  'rediss-cluster': redis,
  'redis-sentinel': redis,
  'rediss-sentinel': redis,
};

function storeKind(url: string): StoreKind {
  const scheme = url.slice(0, url.indexOf(':'));
  const kind = STORES[scheme];
  if (kind === undefined) throw new Error(`${withoutSecrets(url)}: this release has no ${scheme} store`);
  return kind;
}

/** What `onced doctor` shows of a store. */
export const inspectStore = async (url: string): Promise<readonly StoreCheck[]> => storeKind(url).inspect(url);

export interface RunningServer {
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly store: StoreDescription;
  /**
   * Not ready, GOAWAY, calls in flight finish (or are cut off after limits.drainMsMax), listeners and store close. Calling it
   * again waits for the same end.
   */
  close(reason: string): Promise<void>;
}

/** Opens the store (which checks itself), listens, and says where. What it opened is closed again when a step fails. */
export async function startServer(config: Config, log: Logger, worker?: Worker): Promise<RunningServer> {
  const startMs = performance.now();
  makeNothingOld();
  const pepper = readPepper(config);
  const tls = tlsFilesOf(config);
  const wrapping = config.sealingKeys === undefined ? undefined : openWrappingKeys(config.sealingKeys, log);
  const store = await storeKind(config.store).open(config.store, log);
  const metrics = createMetrics(worker && { worker: worker.number, gather: () => worker.ask('figures') });
  const readiness = createReadiness(store, {
    troubles: worker && (() => worker.ask('trouble')),
    onStore: (why) =>
      why === undefined ? log.info('ready again: the store is well') : log.warn({ why }, 'not ready: the store is not'),
  });
  worker?.answerWith({
    figures: () => metrics.registry.getMetricsAsJSON(),
    trouble: async () => (await readiness.trouble()) ?? null,
  });
  const opened: (() => unknown)[] = [() => wrapping?.stop(), () => metrics.close(), () => store.close()];
  try {
    const { server: serverPolicy, namespaces: configuredPolicies } = config.policies;
    const { engine, stop } = await openEngine({
      store,
      metrics,
      log,
      serverPolicy,
      configuredPolicies,
      journal: journalAt(journalPath(config.journal, worker?.number), wrapping, log),
      leftJournals: leftJournals(config.journal, worker).map((path) => journalAt(path, wrapping, log)),
      wrapping,
      archiveFolder: config.archiveFolder,
      ...(pepper === undefined ? {} : { pepper }),
    });
    opened.push(stop);
    metrics.setNamespaceLabel((namespace) => (engine.namespaces.isRegistered(namespace) ? namespace : OTHER));
    const identify = await openIdentify(config, engine.apiKeys);
    const rpc = createConnect({ engine, log, identify, corsOrigins: config.corsOrigins });
    const browsing = openConsole();
    if (browsing === undefined) log.warn('no console: it has not been built (npm run build makes it)');
    const pages = pagesOf(metrics, readiness, store);
    const http = await startHttp({ address: config.http, pages, browsing, rpc, tls, log });
    opened.push(() => http.close());
    const grpc = await startGrpc({
      engine,
      log,
      identify,
      address: showAddress(config.grpc),
      credentials: grpcCredentials(tls),
    });
    const where = { grpc: grpc.address, http: showAddress(http.address) };
    const { kind, location, tier, acknowledged } = store.description;
    const startedMs = Math.round(performance.now() - startMs);
    log.info({ version: VERSION, ...where, store: kind, location, tier, acknowledged, startedMs }, 'serving');

    const end = async (reason: string): Promise<void> => {
      log.info({ reason }, 'ending: not ready any more');
      readiness.stop();
      grpc.stopServing();
      await pause(config.lameDuckMs);
      const drained = grpc.drain(limits.drainMsMax);
      // Who waits for a key is answered now instead of holding up the end.
      await stop();
      await drained;
      await closeAll([() => http.close(), () => wrapping?.stop(), () => metrics.close(), () => store.close()]);
      log.info('ended: calls answered, store closed');
    };
    let ended: Promise<void> | undefined;
    return {
      grpcAddress: where.grpc,
      httpAddress: where.http,
      store: store.description,
      close: (reason) => (ended ??= end(reason)),
    };
  } catch (error) {
    await closeAll(opened.toReversed());
    throw error;
  }
}

function pagesOf(metrics: MetricsOwner, readiness: Readiness, store: Store): ReadonlyMap<string, Page> {
  const { kind, acknowledged } = store.description;
  const front = `Onced ${VERSION}: idempotency as a service. Speak gRPC to the other port.

/metrics   figures for Prometheus
/healthz   the process lives
/readyz    it should be sent work

Store: ${kind}. Acknowledged means ${acknowledged}.`;
  return new Map<string, Page>([
    ['/', () => text(200, front)],
    ['/healthz', () => text(200, 'ok')],
    ['/readyz', () => readiness.page()],
    [
      '/metrics',
      async () => ({ status: 200, contentType: metrics.registry.contentType, body: await metrics.render() }),
    ],
  ]);
}

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One that fails to close does not keep the next from closing; the first failure is told. */
async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
