// A purge as it goes: first only counting, then removing, in the server's batches; can be stopped at any time.

import { useCallback, useEffect, useRef, useState } from 'react';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { useSession } from '../../session/session.tsx';
import { filterMessage, type Filter } from '../find/filter.ts';

export interface Purge {
  readonly phase: 'idle' | 'counting' | 'counted' | 'removing' | 'ended' | 'stopped';
  readonly matched: bigint;
  readonly removed: bigint;
  readonly kept: bigint;
  readonly trouble: Trouble | undefined;
}

export interface Removal {
  readonly reason: string;
  readonly isForced: boolean;
  /** What was counted: more than that is refused. */
  readonly expectedCount: bigint;
}

const IDLE: Purge = { phase: 'idle', matched: 0n, removed: 0n, kept: 0n, trouble: undefined };

export function usePurge(filter: Filter) {
  const { api } = useSession();
  const question = JSON.stringify(filter);
  const [purge, setPurge] = useState<Purge>(IDLE);
  const ending = useRef<AbortController>(undefined);

  // Another selection is another purge.
  useEffect(() => {
    setPurge(IDLE);
    return () => ending.current?.abort();
  }, [question]);

  const run = useCallback(
    async (removal: Removal | undefined): Promise<void> => {
      ending.current?.abort();
      const controller = new AbortController();
      ending.current = controller;
      const { signal } = controller;
      setPurge({ ...IDLE, phase: removal === undefined ? 'counting' : 'removing' });
      const request = {
        filter: filterMessage(filter),
        dryRun: removal === undefined,
        reason: removal?.reason ?? '',
        force: removal?.isForced ?? false,
        expectedCount: removal?.expectedCount ?? 0n,
      };
      try {
        for await (const { matched, removed, kept } of api.admin.purgeRecords(request, { signal })) {
          setPurge((before) => ({ ...before, matched, removed, kept }));
        }
        setPurge((before) => ({ ...before, phase: removal === undefined ? 'counted' : 'ended' }));
      } catch (error) {
        const trouble = troubleOf(error);
        // A count that was stopped has removed nothing: there is nothing to tell of.
        const isStopped = trouble === undefined && removal !== undefined;
        setPurge((before) => ({ ...before, phase: isStopped ? 'stopped' : 'idle', trouble }));
      }
    },
    // The filter by its content.
    [api, question],
  );
  const stop = useCallback(() => ending.current?.abort(), []);
  return { purge, count: async () => run(undefined), remove: async (removal: Removal) => run(removal), stop };
}
