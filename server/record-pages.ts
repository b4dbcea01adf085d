// All records that match, a page at a time. A store's page may be short, even empty, long before the last one: whoever
// reads a single page and takes it for all has missed some.

import type { ListFilter, ListPage, Store } from '../storage/contract/index.ts';

export async function* recordPages(
  store: Pick<Store, 'list'>,
  filter: ListFilter,
  limit: number,
): AsyncGenerator<ListPage, void> {
  let after: string | undefined;
  do {
    const page: ListPage = await store.list({ ...filter, limit, ...(after === undefined ? {} : { after }) });
    if (page.records.length > 0) yield page;
    after = page.next;
  } while (after !== undefined);
}
