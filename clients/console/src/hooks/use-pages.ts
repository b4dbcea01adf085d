// A list that comes in pages. Pages are asked for while somebody scrolls; a filter that matches seldom gives empty pages,
// which are read on until something is found or somebody stops it.

import { useCallback, useEffect, useRef, useState } from 'react';
import { troubleOf, type Trouble } from '../api/trouble.ts';

export interface PageOf<Row> {
  readonly rows: readonly Row[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

export interface PagesOptions<Row> {
  /** Changes when something else is asked for: the list begins anew then. Undefined: nothing is asked yet. */
  readonly question: string | undefined;
  readonly ask: (pageToken: string, signal: AbortSignal) => Promise<PageOf<Row>>;
  /** Read on until so many more are there; Infinity reads all. */
  readonly batch?: number;
}

interface Listed<Row> {
  readonly rows: readonly Row[];
  readonly pagesRead: number;
  readonly nextPageToken: string | undefined;
  /** What it took until there were rows, or so far, empty pages and all. */
  readonly firstPageMs: number;
  readonly trouble: Trouble | undefined;
  readonly isLoading: boolean;
}

export interface Pages<Row> extends Listed<Row> {
  /** Nothing comes after the rows that are there. */
  readonly isComplete: boolean;
  /** More than this is not held in one page's memory. */
  readonly isFull: boolean;
  readonly more: () => void;
  readonly stop: () => void;
  readonly restart: () => void;
}

const BATCH = 100;
/** About a kilobyte each. */
export const ROWS_MAX = 100_000;

const NOTHING: Listed<never> = {
  rows: [],
  pagesRead: 0,
  nextPageToken: undefined,
  firstPageMs: 0,
  trouble: undefined,
  isLoading: false,
};

export function usePages<Row>(options: PagesOptions<Row>): Pages<Row> {
  const { question } = options;
  const latest = useRef(options);
  latest.current = options;
  const [listed, setListed] = useState<Listed<Row>>(NOTHING);
  const now = useRef(listed);
  const ending = useRef<AbortController>(undefined);

  const show = useCallback((next: Listed<Row>) => {
    now.current = next;
    setListed(next);
  }, []);

  const read = useCallback(async () => {
    const controller = new AbortController();
    ending.current = controller;
    const wanted = now.current.rows.length + (latest.current.batch ?? BATCH);
    show({ ...now.current, isLoading: true, trouble: undefined });
    try {
      while (now.current.rows.length < Math.min(wanted, ROWS_MAX) && now.current.nextPageToken !== '') {
        const startMs = performance.now();
        const page = await latest.current.ask(now.current.nextPageToken ?? '', controller.signal);
        if (controller.signal.aborted) return;
        const { rows, pagesRead, firstPageMs } = now.current;
        show({
          ...now.current,
          rows: page.rows.length === 0 ? rows : [...rows, ...page.rows],
          pagesRead: pagesRead + 1,
          nextPageToken: page.nextPageToken,
          firstPageMs: rows.length > 0 ? firstPageMs : firstPageMs + performance.now() - startMs,
        });
      }
      show({ ...now.current, isLoading: false });
    } catch (error) {
      if (!controller.signal.aborted) show({ ...now.current, isLoading: false, trouble: troubleOf(error) });
    }
  }, [show]);

  const restart = useCallback(() => {
    ending.current?.abort();
    show(NOTHING);
    if (latest.current.question !== undefined) void read();
  }, [read, show]);

  useEffect(() => {
    restart();
    return () => ending.current?.abort();
  }, [question, restart]);

  const more = useCallback(() => {
    const { isLoading, nextPageToken, trouble } = now.current;
    if (!isLoading && nextPageToken !== '' && nextPageToken !== undefined && trouble === undefined) void read();
  }, [read]);
  const stop = useCallback(() => {
    ending.current?.abort();
    show({ ...now.current, isLoading: false });
  }, [show]);
  return {
    ...listed,
    isComplete: listed.nextPageToken === '',
    isFull: listed.rows.length >= ROWS_MAX,
    more,
    stop,
    restart,
  };
}
