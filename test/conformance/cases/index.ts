// Every concern of the suite, in the order in which a new store is best built.

import type { Cases } from '../scene.ts';
import type { StoreSubject } from '../subject.ts';
import { boundaryCases } from './boundaries.ts';
import { claimCases } from './claim.ts';
import { extendCases } from './extend.ts';
import { holderCases } from './holders.ts';
import { listCases } from './list.ts';
import { raceCases } from './races.ts';
import { removeCases } from './remove.ts';
import { settleCases } from './settle.ts';
import { tokenCases } from './tokens.ts';

export function concernsOf(_subject: StoreSubject): Readonly<Record<string, Cases>> {
  return {
    claiming: claimCases,
    tokens: tokenCases,
    extending: extendCases,
    settling: settleCases,
    holders: holderCases,
    racing: raceCases,
    removing: removeCases,
    listing: listCases,
    boundaries: boundaryCases,
  };
}
