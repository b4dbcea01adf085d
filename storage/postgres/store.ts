// The Store over three pools: what callers wait for, what operators ask, and compaction do not share connections.

import type { RecordId, Store, VerbOptions, Written } from '../contract/index.ts';
import type { Batcher } from './batch.ts';
import { openChanges } from './changes.ts';
import { demand, inspectPostgres, startError } from './checks.ts';
import { openConnections } from './connections.ts';
import { readError, storeError, writeError } from './errors.ts';
import { limits } from './limits.ts';
import { listParameters, pageOf } from './list.ts';
import { readLocation } from './location.ts';
import { migrate } from './migrations.ts';
import type { Asked } from './parameters.ts';
import { createRegistry } from './registry.ts';
import type { Answer } from './rows.ts';
import { statements } from './sql.ts';
import { compactResultOf, statsOf } from './upkeep.ts';
import { createHotVerbs, HOT_VERBS } from './verbs.ts';

export interface PostgresStoreOptions {
  /** See location.ts: a primary, directly or through a pooler. */
  readonly url: string;
}

/** Rejects with StoreRefusedError, which says what to change, when the database must not be used as it stands. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, commitLevel, listenUrl, shown } = readLocation(options.url);
  demand(shown, await inspectPostgres(options));
  await migrate(url).catch((error: unknown) => {
    throw startError(error, shown);
  });
  const hot = openConnections({ url, connectionsMax: HOT_VERBS * limits.lanesPerVerb, callMs: limits.hotCallMs });
  const admin = openConnections({ url, connectionsMax: limits.adminConnections, callMs: limits.adminCallMs });
  const compaction = openConnections({ url, connectionsMax: 1, callMs: limits.compactionCallMs });
  const verbs = createHotVerbs(hot, commitLevel);
  const telling = openConnections({ url, connectionsMax: 1, callMs: limits.hotCallMs });
  const changes = openChanges({ url: listenUrl, connections: telling });
  await changes.ready;

  return {
    description: {
      kind: 'postgres',
      acknowledged: `committed on the primary with synchronous_commit=${commitLevel}: flushed to its disk, and to its synchronous standbys where it has any`,
      tier: 'disk',
      location: shown,
    },
    registry: createRegistry(admin, commitLevel),

    async claim(request, verb) {
      const { applied, nowMs, record, replacedExpired } = await ask(verbs.claim, request, verb);
      return { applied, nowMs, record, replacedExpired };
    },

    extend: async (request, verb) => writtenOf(await ask(verbs.extend, request, verb)),

    async settle(request, verb) {
      const written = writtenOf(await ask(verbs.settle, request, verb));
      // A release lets one of those who wait go on; after anything else all of them have an answer.
      if (written.applied) changes.tell({ ...idOf(request), settled: request.settlement.kind !== 'released' });
      return written;
    },

    async read(request, verb) {
      const { nowMs, record } = await ask(verbs.read, request, verb);
      return { nowMs, record };
    },

    async remove(request, verb) {
      const isRemoved = await ask(verbs.remove, request, verb);
      if (isRemoved) changes.tell({ ...idOf(request), settled: false });
      return isRemoved;
    },

    async list(request, verb) {
      refuseCancelled(verb);
      const rows = await admin.call(statements.list, listParameters(request, verb?.nowMs)).catch(throwReadError);
      return pageOf(rows, request.limit);
    },

    async compact({ limit, exceptNamespaces = [] }, verb) {
      refuseCancelled(verb);
      const values = [verb?.nowMs, limit, exceptNamespaces];
      const [row] = await compaction.call(statements.compact, values).catch(throwWriteError);
      return compactResultOf(row);
    },

    async stats(verb) {
      refuseCancelled(verb);
      return statsOf(await admin.call(statements.stats, [verb?.nowMs]).catch(throwReadError));
    },

    async ping(verb) {
      refuseCancelled(verb);
      await admin.call(statements.ping, [commitLevel]).catch(throwWriteError);
    },

    onRemoteChange: (listener) => changes.listen(listener),

    async close() {
      await Promise.all(Object.values(verbs).map((batcher) => batcher.close()));
      await changes.close();
      await Promise.all([hot, telling, admin, compaction].map((connections) => connections.close()));
    },
  };
}

const ask = <Request, Answer>(batcher: Batcher<Asked<Request>, Answer>, request: Request, verb?: VerbOptions) =>
  batcher.submit({ request, nowMs: verb?.nowMs }, verb?.signal);

const idOf = ({ namespace, key }: RecordId): RecordId => ({ namespace, key });

const writtenOf = ({ applied, nowMs, record }: Answer): Written => ({ applied, nowMs, record });

function refuseCancelled(verb: VerbOptions | undefined): void {
  if (verb?.signal?.aborted === true) throw storeError('cancelled');
}

function throwReadError(error: unknown): never {
  throw readError(error);
}

function throwWriteError(error: unknown): never {
  throw writeError(error);
}
