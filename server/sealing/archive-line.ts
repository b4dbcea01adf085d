// One record of the archive, sealed, with its wrapped data key beside it: the archive outlives the store, so that a
// wrapping key alone must be enough to read it.

import type { Namespace } from '../../storage/contract/index.ts';
import { belongsTo as keyBelongsTo, type DataKeys, type StoredDataKey } from './data-keys.ts';
import { open, seal } from './seal.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

export interface SealedLine {
  readonly sealed: {
    readonly namespace: string;
    readonly key: Omit<StoredDataKey, 'createMs'>;
    /** Base64. */
    readonly record: string;
  };
}

export async function sealLine(keys: DataKeys, namespace: Namespace, text: string): Promise<string> {
  const { version, by, wrapped } = await keys.stored(namespace);
  const key = await keys.ofVersion(namespace, version);
  const record = seal(Buffer.from(text, 'utf8'), key, belongsTo(namespace)).toString('base64');
  return JSON.stringify({ sealed: { namespace, key: { version, by, wrapped }, record } } satisfies SealedLine);
}

/** Undefined when none of these keys opens it. */
export function openLine({ sealed }: SealedLine, wrapping: WrappingKeys): string | undefined {
  const { namespace, key, record } = sealed;
  const bytes = wrapping.unwrap(key, keyBelongsTo(namespace, key.version));
  if (bytes === undefined) return undefined;
  const found = open(Buffer.from(record, 'base64'), { version: key.version, bytes }, belongsTo(namespace));
  return found?.toString('utf8');
}

const belongsTo = (namespace: string): string => `archive\0${namespace}`;
