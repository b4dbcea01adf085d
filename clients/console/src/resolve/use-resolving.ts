// Sends one decision on many records, a few at a time; can be stopped, and says which were not taken and why.

import { useCallback, useRef, useState } from 'react';
import type { IntentRecord } from '../../../../proto/gen/onced/v1/record_pb.js';
import { troubleOf, type Trouble } from '../api/trouble.ts';
import { useSession } from '../session/session.tsx';
import { requestOf, type Draft } from './draft.ts';

export interface Resolving {
  readonly phase: 'writing' | 'sending' | 'ended';
  readonly done: number;
  readonly refused: readonly { readonly record: IntentRecord; readonly trouble: Trouble }[];
}

/** More at a time would crowd out the callers that the server is there for. */
const AT_A_TIME = 4;

export function useResolving() {
  const { api } = useSession();
  const [resolving, setResolving] = useState<Resolving>({ phase: 'writing', done: 0, refused: [] });
  const ending = useRef<AbortController>(undefined);

  const send = useCallback(
    async (draft: Draft, records: readonly IntentRecord[]): Promise<void> => {
      const controller = new AbortController();
      ending.current = controller;
      setResolving({ phase: 'sending', done: 0, refused: [] });
      const rest = [...records];
      const work = async (): Promise<void> => {
        for (let record = rest.shift(); record !== undefined && !controller.signal.aborted; record = rest.shift()) {
          const of = record;
          try {
            // Never cut off: whether it was taken must be known.
            await api.admin.resolveIntent(requestOf(draft, of));
            setResolving((before) => ({ ...before, done: before.done + 1 }));
          } catch (error) {
            const trouble = troubleOf(error);
            if (trouble === undefined) continue;
            setResolving((before) => ({ ...before, refused: [...before.refused, { record: of, trouble }] }));
          }
        }
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, work));
      setResolving((before) => ({ ...before, phase: 'ended' }));
    },
    [api],
  );
  const stop = useCallback(() => ending.current?.abort(), []);
  return { resolving, send, stop };
}
