// Every concern of the suite, in the order in which a new store is best built.

import type { Cases } from '../scene.ts';
import type { StoreSubject } from '../subject.ts';
import { boundaryCases } from './boundaries.ts';
import { byteCases } from './bytes.ts';
import { cancelCases } from './cancel.ts';
import { chainCases } from './chains.ts';
import { claimCases } from './claim.ts';
import { clockCases } from './clock.ts';
import { compactCases } from './compact.ts';
import { extendCases } from './extend.ts';
import { fieldCases } from './fields.ts';
import { holderCases } from './holders.ts';
import { listCases } from './list.ts';
import { peerCases, pushCases } from './peers.ts';
import { raceCases } from './races.ts';
import { readCases } from './read.ts';
import { registryCases } from './registry.ts';
import { removeCases } from './remove.ts';
import { reopenCases } from './reopen.ts';
import { settleCases } from './settle.ts';
import { statsCases } from './stats.ts';
import { tokenCases } from './tokens.ts';

/** What this subject must hold: all of it, but for what its place cannot do at all. */
export function concernsOf(subject: StoreSubject): Readonly<Record<string, Cases>> {
  return {
    claiming: claimCases,
    tokens: tokenCases,
    extending: extendCases,
    settling: settleCases,
    holders: holderCases,
    reading: readCases,
    fields: fieldCases,
    bytes: byteCases,
    racing: raceCases,
    chains: chainCases,
    boundaries: boundaryCases,
    clock: clockCases,
    cancelling: cancelCases,
    removing: removeCases,
    listing: listCases,
    compacting: compactCases,
    counting: statsCases,
    registry: registryCases,
    ...(subject.survivesClose === true && { reopening: reopenCases }),
    ...(subject.allowsPeers === true && { 'several servers': peerCases }),
    ...(subject.pushesChanges === true && { pushing: pushCases }),
  };
}
