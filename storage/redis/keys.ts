// Names of the keys in Redis. Nothing of a caller stands in one: a record is named by a hash, its shard by the hash's
// first byte, and the shard by a tag that puts all of it into one slot.

import { hash } from 'node:crypto';
import type { Namespace, RecordId } from '../contract/index.ts';

export const SLOTS = 16_384;

export interface Shard {
  readonly index: number;
  readonly slot: number;
  /** Sorted set of all its records, see lua/record.lua. */
  readonly indexKey: string;
  readonly countsKey: string;
  /** The key name of a record, by its id. */
  keyOf(id: string): string;
}

export interface RecordName {
  readonly shard: Shard;
  /** What the record is called in its shard; the first characters tell the namespace. */
  readonly id: string;
  readonly key: string;
}

export interface Keys {
  readonly prefix: string;
  readonly shards: readonly Shard[];
  nameOf(id: RecordId): RecordName;
  /** The registry lies in one slot of its own. */
  readonly registrySlot: number;
  registrySets(collection: string): readonly [names: string, values: string];
  readonly channel: string;
}

const REGISTRY_TAG = 'registry';

/**
 * All names under one prefix, for a store of so many shards (a power of two). Their form is kept on disk: changing any of it
 * orphans every record.
 */
export function createKeys(prefix: string, shardCount: number): Keys {
  const shards = shardTags(shardCount).map((tag, index): Shard => {
    const start = `${prefix}:{${tag}}:`;
    return {
      index,
      slot: slotOf(tag),
      indexKey: `${start}index`,
      countsKey: `${start}counts`,
      keyOf: (id) => start + id.slice(NAMESPACE_TAG_LENGTH),
    };
  });
  return {
    prefix,
    shards,
    nameOf({ namespace, key }) {
      // NUL cannot stand in a namespace, so no two ids are hashed alike.
      const digest = hash('sha256', `${namespace}\0${key}`, 'base64url');
      const shard = shards[firstByteOf(digest) % shardCount];
      if (shard === undefined) throw new Error('a shard for every first byte');
      const id = namespaceTag(namespace) + digest;
      return { shard, id, key: shard.keyOf(id) };
    },
    registrySlot: slotOf(REGISTRY_TAG),
    registrySets: (collection) => {
      const start = `${prefix}:{${REGISTRY_TAG}}:${collection}:`;
      return [`${start}names`, `${start}values`];
    },
    channel: `${prefix}:changes`,
  };
}

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

// Not by way of a Buffer: that tripled the cost of a name.
const firstByteOf = (base64url: string): number =>
  (BASE64URL.indexOf(base64url.charAt(0)) << 2) | (BASE64URL.indexOf(base64url.charAt(1)) >> 4);

const NAMESPACE_TAG_LENGTH = 8;
const NAMESPACE_TAGS_MAX = 10_000;
const namespaceTags = new Map<Namespace, string>();

/** 48 bits of a hash: names of one namespace lie side by side. Two that share a tag are told apart by the records. */
export function namespaceTag(namespace: Namespace): string {
  const known = namespaceTags.get(namespace);
  if (known !== undefined) return known;
  if (namespaceTags.size >= NAMESPACE_TAGS_MAX) namespaceTags.clear();
  const tag = hash('sha256', namespace, 'base64url').slice(0, NAMESPACE_TAG_LENGTH);
  namespaceTags.set(namespace, tag);
  return tag;
}

export const namespaceTagOf = (id: string): string => id.slice(0, NAMESPACE_TAG_LENGTH);

/**
 * A tag for each shard, such that the slots lie evenly spread: of 256, shard n is in slot n * 64. Slots are dealt to primaries
 * in ranges, so each primary gets its even share of the shards; tags 0 to 255 would leave some with a tenth more.
 */
function shardTags(count: number): readonly string[] {
  const spread = SLOTS / count;
  const tags: string[] = [];
  for (let number = 0, found = 0; found < count; number += 1) {
    const tag = number.toString(36);
    const index = slotOf(tag) / spread;
    if (!Number.isInteger(index) || tags[index] !== undefined) continue;
    tags[index] = tag;
    found += 1;
  }
  return tags;
}

/** The slot of a hash tag: CRC-16/XMODEM, as the specification of Redis Cluster has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}
