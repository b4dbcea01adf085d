// A store whose results, checkpoints and error details are sealed before it sees them: a wrapper, so that it works on every
// store and costs nothing where it is not used. What was written before it was turned on is still read as it is.

import type { Logger } from 'pino';
import type {
  Found,
  IntentError,
  Namespace,
  RecordId,
  Settlement,
  Store,
  StoredRecord,
} from '../../storage/contract/index.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { keyHash } from '../log.ts';
import type { DataKeys } from './data-keys.ts';
import { isSealed, open, seal, SEAL_BYTES, versionOf, type DataKey } from './seal.ts';

/**
 * In front of the content encoding of a sealed result, and of a sealed digest. A list has the length of a result but not
 * its bytes; the digest is sealed because it would tell which of a few likely results it is.
 */
const SEALED = 'onced.sealed:';

type Part = 'result' | 'checkpoint' | 'error' | 'digest';

export interface SealedStoreOptions {
  readonly inner: Store;
  readonly keys: DataKeys;
  readonly log: Logger;
}

export function sealedStore({ inner, keys, log }: SealedStoreOptions): Store {
  const keyOf = async (namespace: Namespace, bytes: Uint8Array): Promise<DataKey> =>
    keys.ofVersion(namespace, versionOf(bytes));

  const openPart = async (id: RecordId, part: Part, bytes: Uint8Array): Promise<Uint8Array> => {
    if (!isSealed(bytes)) return bytes;
    const content = open(bytes, await keyOf(id.namespace, bytes), belongsTo(id, part));
    if (content !== undefined) return content;
    log.error({ namespace: id.namespace, keyHash: keyHash(id.key), part }, 'a sealed value cannot be opened');
    throw changed(part);
  };

  const openError = async (id: RecordId, error: IntentError): Promise<IntentError> =>
    isSealed(error.detail) ? { ...error, detail: await openPart(id, 'error', error.detail) } : error;

  /** The record as its callers know it. */
  const opened = async (record: StoredRecord): Promise<StoredRecord> => {
    const { checkpoint, error, settleDigest } = record;
    const isResultSealed = record.contentEncoding.startsWith(SEALED);
    const isDigestSealed = settleDigest.startsWith(SEALED);
    const hasSealedError = error !== undefined && isSealed(error.detail);
    const hasSealedCheckpoint = checkpoint !== undefined && isSealed(checkpoint);
    if (!isResultSealed && !isDigestSealed && !hasSealedError && !hasSealedCheckpoint) return record;
    return {
      ...record,
      ...(isResultSealed ? await openedResult(record) : {}),
      ...(hasSealedCheckpoint ? { checkpoint: await openPart(record, 'checkpoint', checkpoint) } : {}),
      ...(hasSealedError ? { error: await openError(record, error) } : {}),
      ...(isDigestSealed ? { settleDigest: await openDigest(record) } : {}),
    };
  };

  const openedResult = async (record: StoredRecord): Promise<Partial<StoredRecord>> => ({
    ...withoutMarks(record),
    result: record.result === undefined ? undefined : await openPart(record, 'result', record.result),
  });

  const openDigest = async (record: StoredRecord): Promise<string> => {
    const bytes = Buffer.from(record.settleDigest.slice(SEALED.length), 'base64');
    return Buffer.from(await openPart(record, 'digest', bytes)).toString('utf8');
  };

  const shown = async <T extends Pick<Found, 'record'>>(found: T): Promise<T> =>
    found.record === undefined ? found : { ...found, record: await opened(found.record) };

  /** One value that cannot be opened must not hide the rest of a page, nor keep an operator from removing it. */
  const listed = async (record: StoredRecord): Promise<StoredRecord> => {
    try {
      return await opened(record);
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      const { error: failure } = record;
      const emptied = failure === undefined ? undefined : { ...failure, detail: new Uint8Array(0) };
      return { ...record, ...withoutMarks(record), checkpoint: undefined, error: emptied, settleDigest: '' };
    }
  };

  return {
    ...inner,
    claim: async (request, options) => shown(await inner.claim(request, options)),
    read: async (request, options) => shown(await inner.read(request, options)),

    async extend(request, options) {
      const { checkpoint } = request;
      if (checkpoint === undefined) return shown(await inner.extend(request, options));
      const key = await keys.current(request.namespace);
      const sealed = seal(checkpoint, key, belongsTo(request, 'checkpoint'));
      return shown(await inner.extend({ ...request, checkpoint: sealed }, options));
    },

    async settle(request, options) {
      const key = await keys.current(request.namespace);
      const settlement = sealedSettlement(request, request.settlement, key);
      const digest = seal(Buffer.from(request.settleDigest, 'utf8'), key, belongsTo(request, 'digest'));
      const settleDigest = SEALED + digest.toString('base64');
      return shown(await inner.settle({ ...request, settlement, settleDigest }, options));
    },

    async list(request, options) {
      const page = await inner.list(request, options);
      return { ...page, records: await Promise.all(page.records.map(listed)) };
    },
  };
}

function sealedSettlement(id: RecordId, settlement: Settlement, key: DataKey): Settlement {
  if (settlement.kind === 'completed') {
    const result = seal(settlement.result, key, belongsTo(id, 'result'));
    return { ...settlement, result, contentEncoding: SEALED + settlement.contentEncoding };
  }
  const { error } = settlement;
  if (error === undefined || error.detail.length === 0) return settlement;
  return { ...settlement, error: { ...error, detail: seal(error.detail, key, belongsTo(id, 'error')) } };
}

/** Length and encoding as the caller gave them. */
const withoutMarks = ({ contentEncoding, resultBytes }: StoredRecord): Partial<StoredRecord> =>
  contentEncoding.startsWith(SEALED)
    ? {
        contentEncoding: contentEncoding.slice(SEALED.length),
        resultBytes: Math.max(0, resultBytes - SEAL_BYTES),
      }
    : {};

/** A value that is copied to another record, or to another place in its own, does not open there. */
const belongsTo = ({ namespace, key }: RecordId, part: Part): string => `${part}\0${namespace}\0${key}`;

const changed = (part: Part): Rejection =>
  new Rejection(
    'STORE_UNAVAILABLE',
    `the ${part} stored for this key was changed, or belongs to another, and cannot be opened`,
    {
      metadata: { outcome: 'unknown', cause: 'sealed' },
      retryAfterMs: limits.retryAfterMsHintMax,
    },
  );
