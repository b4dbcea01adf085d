// All records that match, a page at a time. A store's page may be short, even empty, long before the last one: whoever
// reads a single page and takes it for all has missed some.

import { setImmediate as turnOfOthers } from 'node:timers/promises';
import type { ListFilter, ListPage, Store } from '../storage/contract/index.ts';
import { rest } from './pause.ts';

export interface Reading {
  readonly limit: number;
  /** The cursor of the page before. */
  readonly after?: string | undefined;
  /** For who reads very many: so many times as long as a page took there is a rest, and callers hardly notice. */
  readonly restTimes?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Empty pages too, so that whoever reads can stop between any two. */
export async function* recordPages(
  store: Pick<Store, 'list'>,
  filter: ListFilter,
  { limit, after: before, restTimes, signal }: Reading,
): AsyncGenerator<ListPage, void> {
  let after = before;
  do {
    const startMs = performance.now();
    const page: ListPage = await store.list({ ...filter, limit, ...(after === undefined ? {} : { after }) });
    // A store in memory answers without letting anything else happen, such as a hang-up.
    await (restTimes === undefined ? turnOfOthers() : rest({ startMs, times: restTimes, signal }));
    yield page;
    after = page.next;
  } while (after !== undefined);
}
