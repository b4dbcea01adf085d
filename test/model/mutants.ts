// Stores that are wrong on purpose, each in one way that has bitten somebody. They are memory stores behind a wrapper, and
// exist to prove that the suite and the histories notice.

import {
  applySettle,
  durationMs,
  epochMs,
  isLive,
  type Key,
  type Namespace,
  type RecordId,
  type Store,
  type StoredRecord,
  type VerbOptions,
} from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';

export interface Mutant {
  /** What is wrong with it. */
  readonly fault: string;
  /** The concern of the suite that must notice. */
  readonly concern: string;
  /**
   * What callers meet with it in a history: nothing, an answer that is not the table's, or a promise broken, which the
   * invariants must notice without the spec.
   */
  readonly harm: 'nothing' | 'wrong answers' | { readonly broken: string };
  readonly open: () => Store;
}

const HOUR_MS = durationMs(3_600_000);

export const mutants: readonly Mutant[] = [
  mutant('any token settles', 'holders', { broken: 'a superseded holder is told so' }, (store) => ({
    async settle(request, options) {
      const record = await standing(store, request, options);
      return store.settle({ ...request, guard: { kind: 'revision', revision: record?.revision ?? 0 } }, options);
    },
  })),

  mutant('any token renews', 'holders', { broken: 'a superseded holder is told so' }, (store) => ({
    async extend(request, options) {
      const record = await standing(store, request, options);
      return store.extend({ ...request, guard: { kind: 'revision', revision: record?.revision ?? 0 } }, options);
    },
  })),

  mutant(
    'a takeover does not ask whether the record is as it was seen',
    'claiming',
    { broken: 'one holder' },
    (store) => ({
      async claim(request, options) {
        const record = await standing(store, request, options);
        const expected = request.expected === 'absent' ? 'absent' : (record?.revision ?? request.expected);
        return store.claim({ ...request, expected }, options);
      },
    }),
  ),

  mutant('a claim looks first and writes later', 'racing', 'nothing', (store) => ({
    async claim(request, options) {
      const record = await standing(store, request, options);
      const answer = await store.claim(request, options);
      const isUnaware = record === undefined && !answer.applied && answer.record !== undefined;
      if (!isUnaware || answer.record === undefined) return answer;
      await removeAtOnce(store, answer.record);
      return store.claim(request, options);
    },
  })),

  mutant('a settle judges its token by an older read', 'chains', 'nothing', (store) => ({
    async settle(request, options) {
      const { guard } = request;
      const seen = await standing(store, request, options);
      const answer = await store.settle(request, options);
      const didFit = guard.kind === 'token' && guard.leaseToken === seen?.leaseToken && seen.state === 'IN_PROGRESS';
      if (answer.applied || !didFit || answer.record === undefined) return answer;
      return store.settle({ ...request, guard: { kind: 'revision', revision: answer.record.revision } }, options);
    },
  })),

  mutant('a takeover keeps the token', 'holders', { broken: 'a lease has one fencing token' }, (store) => ({
    async claim(request, options) {
      const record = request.expected === 'absent' ? undefined : await standing(store, request, options);
      return store.claim({ ...request, leaseToken: record?.leaseToken ?? request.leaseToken }, options);
    },
  })),

  showing(
    'the fencing token stands still through a takeover',
    'tokens',
    { broken: 'fencing tokens rise' },
    (record) => ({
      ...record,
      fencingToken: record.createMs,
    }),
  ),

  showing(
    'the fencing token counts attempts, and starts over after expiry',
    'tokens',
    { broken: 'fencing tokens rise' },
    (record) => ({
      ...record,
      fencingToken: record.attempt,
    }),
  ),

  mutant('records expire one millisecond early', 'boundaries', { broken: 'an outcome is final' }, (store) => {
    const early = async (id: RecordId, options: VerbOptions | undefined): Promise<VerbOptions | undefined> => {
      const record = await standing(store, id, options);
      const nowMs = options?.nowMs;
      return nowMs !== undefined && record?.expireMs === nowMs + 1 ? { nowMs: epochMs(nowMs + 1) } : options;
    };
    return {
      async claim(request, options) {
        const answer = await store.claim(request, await early(request, options));
        return { ...answer, nowMs: options?.nowMs ?? answer.nowMs };
      },
    };
  }),

  mutant('a late holder is refused though nobody replaced it', 'holders', 'wrong answers', (store) => ({
    async settle(request, options) {
      const record = await standing(store, request, options);
      const nowMs = options?.nowMs ?? epochMs(0);
      if (record?.state !== 'IN_PROGRESS' || nowMs < record.leaseExpireMs) return store.settle(request, options);
      return store.settle({ ...request, guard: { kind: 'revision', revision: 0 } }, options);
    },
  })),

  mutant('an outcome can be told twice', 'settling', 'wrong answers', (store) => ({
    async settle(request, options) {
      const record = await standing(store, request, options);
      const isMine = request.guard.kind === 'token' && request.guard.leaseToken === record?.leaseToken;
      if (record?.state === 'COMPLETED' && isMine) await claimAgain(store, record, options);
      return store.settle(request, options);
    },
  })),

  mutant('an unknown outcome is final', 'settling', 'wrong answers', (store) => ({
    async settle(request, options) {
      const record = await standing(store, request, options);
      if (record?.state !== 'UNKNOWN') return store.settle(request, options);
      return store.settle({ ...request, guard: { kind: 'revision', revision: 0 } }, options);
    },
  })),

  mutant(
    'every tenth settle is acknowledged and not written',
    'settling',
    { broken: 'an outcome is final' },
    (store) => {
      let settles = 0;
      return {
        async settle(request, options) {
          const record = await standing(store, request, options);
          settles += 1;
          if (settles % 10 !== 0 || record?.state !== 'IN_PROGRESS') return store.settle(request, options);
          const nowMs = options?.nowMs ?? record.updateMs;
          const unwritten = applySettle(request, record, nowMs);
          return { applied: unwritten !== undefined, nowMs, record: unwritten ?? record };
        },
      };
    },
  ),

  showing('the checkpoint is lost at a takeover', 'claiming', 'wrong answers', (record) => ({
    ...record,
    checkpoint: record.attempt > 1 && record.updateMs === record.holdStartMs ? undefined : record.checkpoint,
  })),

  showing('a completion drops the fingerprints', 'settling', { broken: 'no false replay' }, (record) => ({
    ...record,
    fingerprints: record.state === 'COMPLETED' ? [] : record.fingerprints,
  })),

  showing('a release forgets when to retry', 'settling', 'wrong answers', (record) => ({
    ...record,
    retryMs: epochMs(0),
  })),

  showing('results pass through text', 'bytes', 'nothing', (record) => ({
    ...record,
    result: record.result === undefined ? undefined : Buffer.from(Buffer.from(record.result).toString()),
  })),

  showing('an empty result reads as none', 'bytes', 'nothing', (record) => ({
    ...record,
    result: record.result?.length === 0 ? undefined : record.result,
  })),

  mutant('keys are normalised', 'bytes', 'nothing', (store) =>
    addressed(store, ({ namespace, key }) => ({ namespace, key: key.normalize('NFC') as Key })),
  ),

  mutant('namespaces share their keys', 'claiming', { broken: 'two keys never meet' }, (store) =>
    addressed(store, ({ key }) => ({ namespace: 'all' as Namespace, key })),
  ),

  mutant('the hold limit is not applied', 'extending', 'wrong answers', (store) => ({
    extend: (request, options) => store.extend({ ...request, holdMsMax: durationMs(400 * 24 * HOUR_MS) }, options),
  })),

  mutant('a renewal counts from the end of the lease', 'extending', 'wrong answers', (store) => ({
    async extend(request, options) {
      const record = await standing(store, request, options);
      const restMs = Math.max(0, (record?.leaseExpireMs ?? 0) - (options?.nowMs ?? 0));
      const leaseMs = request.leaseMs === undefined ? undefined : durationMs(request.leaseMs + restMs);
      return store.extend({ ...request, leaseMs }, options);
    },
  })),

  mutant('compaction drops a millisecond early', 'boundaries', 'wrong answers', (store) => ({
    async compact(request, options) {
      const nowMs = options?.nowMs === undefined ? undefined : epochMs(options.nowMs + 1);
      return store.compact(request, { ...options, ...(nowMs !== undefined && { nowMs }) });
    },
  })),

  mutant('compaction takes what is in progress for old', 'compacting', { broken: 'one holder' }, (store) => ({
    async compact(request, options) {
      const { records } = await store.list({ states: ['IN_PROGRESS'], limit: 1_000 }, options);
      for (const record of records) await removeAtOnce(store, record);
      return store.compact(request, options);
    },
  })),

  mutant('compaction forgets its limit', 'compacting', 'nothing', (store) => ({
    compact: (request, options) => store.compact({ ...request, limit: 1_000_000 }, options),
  })),

  mutant('a live lease can be removed', 'removing', 'nothing', (store) => ({
    remove: (request, options) => store.remove({ ...request, force: true }, options),
  })),

  mutant('a record is removed while its numbers are ahead of the clock', 'tokens', 'nothing', (store) => ({
    async remove(request, options) {
      const record = await standing(store, request, options);
      const isFree = record !== undefined && (request.force || !isLive(record, options?.nowMs ?? record.updateMs));
      return isFree && record.revision === request.revision && removeAtOnce(store, record);
    },
  })),

  mutant('paging skips a record at each edge', 'listing', 'nothing', (store) => ({
    async list(request, options) {
      const page = await store.list({ ...request, limit: request.limit + 1 }, options);
      return { ...page, records: page.records.slice(0, request.limit) };
    },
  })),

  mutant('a prefix matches any case', 'listing', 'nothing', (store) => ({
    async list({ keyPrefix = '', ...request }, options) {
      const page = await store.list(request, options);
      const lower = keyPrefix.toLowerCase();
      return { ...page, records: page.records.filter(({ key }) => key.toLowerCase().startsWith(lower)) };
    },
  })),

  mutant('a signal is not looked at', 'cancelling', 'nothing', (store) => ({
    claim: (request, options) => store.claim(request, withoutSignal(options)),
  })),

  mutant('the registry does not compare before it sets', 'registry', 'nothing', ({ registry }) => ({
    registry: { ...registry, put: ({ collection, name, value }) => registry.put({ collection, name, value }) },
  })),
];

type Change = (store: Store) => Partial<Store>;

function mutant(fault: string, concern: string, harm: Mutant['harm'], change: Change): Mutant {
  const open = (): Store => {
    const store = createMemoryStore();
    return { ...store, ...change(store) };
  };
  return { fault, concern, harm, open };
}

/** A store that keeps records as it should and shows them wrongly, in every answer. */
function showing(
  fault: string,
  concern: string,
  harm: Mutant['harm'],
  show: (record: StoredRecord) => StoredRecord,
): Mutant {
  const shown = <Answer extends { readonly record: StoredRecord | undefined }>(answer: Answer): Answer => ({
    ...answer,
    record: answer.record === undefined ? undefined : show(answer.record),
  });
  return mutant(fault, concern, harm, (store) => ({
    claim: async (request, options) => shown(await store.claim(request, options)),
    extend: async (request, options) => shown(await store.extend(request, options)),
    settle: async (request, options) => shown(await store.settle(request, options)),
    read: async (request, options) => shown(await store.read(request, options)),
  }));
}

/** A store that finds records under another name than it was asked for. */
function addressed(store: Store, address: (id: RecordId) => RecordId): Partial<Store> {
  return {
    claim: (request, options) => store.claim({ ...request, ...address(request) }, options),
    extend: (request, options) => store.extend({ ...request, ...address(request) }, options),
    settle: (request, options) => store.settle({ ...request, ...address(request) }, options),
    read: (request, options) => store.read({ ...request, ...address(request) }, options),
    remove: (request, options) => store.remove({ ...request, ...address(request) }, options),
  };
}

async function standing(store: Store, id: RecordId, options: VerbOptions | undefined) {
  return (await store.read({ ...id, includeResult: true }, options)).record;
}

/** Whatever the clock says. */
const removeAtOnce = (store: Store, record: StoredRecord): Promise<boolean> =>
  store.remove({ ...record, force: true }, { nowMs: epochMs(record.revision + 1) });

/** Opens the record again under the token that settled it. */
async function claimAgain(store: Store, record: StoredRecord, options: VerbOptions | undefined): Promise<void> {
  const retention = { ttlMs: record.ttlMs, graceMs: HOUR_MS };
  const request = { ...record, expected: record.revision, leaseMs: HOUR_MS, orphanTtlMs: HOUR_MS, retention };
  await store.claim(request, options);
}

const withoutSignal = (options: VerbOptions | undefined): VerbOptions =>
  options?.nowMs === undefined ? {} : { nowMs: options.nowMs };
