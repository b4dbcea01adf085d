// Below a list that comes in pages: how far it is, and the way to stop a search that finds little.

import { Button } from '@mantine/core';
import { showDuration } from '../format/durations.ts';
import { plural } from '../format/numbers.ts';
import type { Pages } from '../hooks/use-pages.ts';

interface ListStatusProps<Row> {
  readonly pages: Pages<Row>;
  /** What a row is, such as record. */
  readonly one: string;
}

export function ListStatus<Row>({ pages, one }: ListStatusProps<Row>) {
  const { rows, pagesRead, isLoading, isComplete, isFull, firstPageMs } = pages;
  return (
    <div className="list-status">
      <p role="status">
        {isLoading ? `Reading: ${plural(rows.length, one)} in ${plural(pagesRead, 'page')}` : plural(rows.length, one)}
        {!isLoading && isComplete && ', all there are'}
        {!isLoading && !isComplete && !isFull && ' so far, more below'}
        {isFull && ', no more are shown: narrow the filter'}
        {rows.length > 0 && <span className="dim"> · first page in {showDuration(firstPageMs)}</span>}
      </p>
      {isLoading && (
        <Button size="compact-xs" variant="default" onClick={pages.stop}>
          Stop
        </Button>
      )}
      {!isLoading && !isComplete && !isFull && (
        <Button size="compact-xs" variant="default" onClick={pages.more}>
          Read on
        </Button>
      )}
    </div>
  );
}
