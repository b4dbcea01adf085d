// What becomes of a call that the store failed, where its namespace goes on without the store.

import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError } from '../../storage/contract/index.ts';
import { StoreIsBack } from '../journal/store-is-back.ts';
import { limits } from '../limits.ts';
import type { Place } from '../outage.ts';

/**
 * Runs it at the place that there is for it after such a failure. A cluster that comes back answers a ping as soon as one of its
 * nodes does: whoever asks another one asks again for a while, as does who was at the journal when the store came back.
 */
export async function goOn<T>(
  placeFor: (failure: unknown) => Promise<Place>,
  failure: unknown,
  run: (place: Place) => Promise<T>,
): Promise<T> {
  let untilMs = performance.now() + limits.outageRevivalMs;
  for (let latest = failure; ;) {
    const place = await placeFor(latest);
    try {
      return await run(place);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      // Whatever came later: what one of its tries may have written is there.
      if (!isUnknown(latest)) latest = error;
      if (error instanceof StoreIsBack) untilMs = performance.now() + limits.outageRevivalMs;
      else if (place.isLocal || performance.now() > untilMs) throw latest;
    }
    await sleep(limits.outageRevivalPauseMs);
  }
}

const isUnknown = (error: unknown): boolean => error instanceof StoreError && error.kind === 'unknown';
