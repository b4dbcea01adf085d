// Every concern of the suite, in the order in which a new store is best built.

import type { Cases } from '../scene.ts';
import { claimCases } from './claim.ts';
import { extendCases } from './extend.ts';
import { holderCases } from './holders.ts';
import { raceCases } from './races.ts';
import { settleCases } from './settle.ts';
import { tokenCases } from './tokens.ts';

export const concerns: Readonly<Record<string, Cases>> = {
  claiming: claimCases,
  tokens: tokenCases,
  extending: extendCases,
  settling: settleCases,
  holders: holderCases,
  racing: raceCases,
};
