// The calls that the server answers, as they come. The newest are kept; what came while the page was paused or hidden
// is not shown.

import { useCallback, useEffect, useState } from 'react';
import type { TailEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { useVisible } from '../../hooks/use-visible.ts';
import { useSession } from '../../session/session.tsx';

export interface Tailed {
  readonly event: TailEvent;
  /** Counts the events of this page. */
  readonly id: number;
}

export interface Tail {
  /** Newest first. */
  readonly events: readonly Tailed[];
  readonly seen: number;
  readonly dropped: bigint;
  readonly isFollowing: boolean;
  readonly trouble: Trouble | undefined;
}

const KEPT_MAX = 2000;
const RETRY_MS = 2000;
const NOTHING: Tail = { events: [], seen: 0, dropped: 0n, isFollowing: false, trouble: undefined };

export function useTail(namespace: string, isPaused: boolean) {
  const { api } = useSession();
  const isVisible = useVisible();
  const [tail, setTail] = useState<Tail>(NOTHING);
  useEffect(() => setTail(NOTHING), [namespace]);

  useEffect(() => {
    if (isPaused || !isVisible) return;
    const ending = new AbortController();
    const { signal } = ending;
    const show = (change: (before: Tail) => Tail): void => {
      if (!signal.aborted) setTail(change);
    };
    const follow = async (): Promise<void> => {
      while (!signal.aborted) {
        try {
          for await (const { events, dropped } of api.admin.tailEvents({ namespace }, { signal })) {
            show((before) => taken(before, events, dropped));
          }
        } catch (error) {
          const trouble = troubleOf(error);
          show((before) => ({ ...before, isFollowing: false, trouble }));
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    };
    void follow();
    return () => {
      ending.abort();
      setTail((before) => ({ ...before, isFollowing: false }));
    };
  }, [api, namespace, isPaused, isVisible]);

  const clear = useCallback(() => setTail((before) => ({ ...NOTHING, isFollowing: before.isFollowing })), []);
  return { tail, clear };
}

function taken(before: Tail, events: readonly TailEvent[], dropped: bigint): Tail {
  const fresh = events.map((event, index) => ({ event, id: before.seen + index })).toReversed();
  return {
    events: [...fresh, ...before.events].slice(0, KEPT_MAX),
    seen: before.seen + events.length,
    dropped: before.dropped + dropped,
    isFollowing: true,
    trouble: undefined,
  };
}
