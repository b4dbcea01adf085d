// Keys of records that were there before, so that a load process can name them without being told: random to look at,
// the same in every process.

import { hash } from 'node:crypto';

export const KNOWN_NAMESPACE = 'bench/orders';

export const knownKey = (index: number): string => hash('sha1', `known ${index}`);

export const anyKnownKey = (records: number): string => knownKey(Math.floor(Math.random() * records));
