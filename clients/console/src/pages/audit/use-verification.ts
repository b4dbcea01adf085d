// Reads the whole audit log, newest first, and works its chain out again; can be stopped.

import { useCallback, useEffect, useRef, useState } from 'react';
import type { AuditEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { useSession } from '../../session/session.tsx';
import { checkChain } from './chain.ts';

export interface Verification {
  readonly phase: 'idle' | 'running' | 'unbroken' | 'broken' | 'stopped';
  readonly count: number;
  readonly brokenAt: bigint | undefined;
  /** Of the newest event, in hex: kept elsewhere, it proves more. */
  readonly newestHash: string;
  readonly trouble: Trouble | undefined;
}

const IDLE: Verification = { phase: 'idle', count: 0, brokenAt: undefined, newestHash: '', trouble: undefined };
const PAGE_SIZE = 1000;

export function useVerification() {
  const { api } = useSession();
  const [verification, setVerification] = useState<Verification>(IDLE);
  const ending = useRef<AbortController>(undefined);
  useEffect(() => () => ending.current?.abort(), []);

  const verify = useCallback(async (): Promise<void> => {
    const controller = new AbortController();
    ending.current = controller;
    const { signal } = controller;
    setVerification({ ...IDLE, phase: 'running' });
    try {
      let count = 0;
      // The oldest of a page is checked with the next page, whose newest it follows.
      let waiting: readonly AuditEvent[] = [];
      let pageToken = '';
      do {
        const page = await api.admin.listAuditEvents({ pageSize: PAGE_SIZE, pageToken }, { signal });
        if (pageToken === '') {
          const [newest] = page.events;
          setVerification((before) => ({ ...before, newestHash: hashOf(newest) }));
          if (page.newestSequence > (newest?.sequence ?? 0n)) {
            setVerification((before) => ({ ...before, brokenAt: page.newestSequence, phase: 'broken' }));
            return;
          }
        }
        pageToken = page.nextPageToken;
        const events: readonly AuditEvent[] = [...waiting, ...page.events];
        const isLast = pageToken === '';
        const checked = await checkChain(isLast ? events : events.slice(0, -1), isLast ? undefined : events.at(-1));
        waiting = isLast ? [] : events.slice(-1);
        count += checked.count;
        const { brokenAt } = checked;
        setVerification((before) => ({
          ...before,
          count,
          brokenAt,
          phase: brokenAt === undefined ? 'running' : 'broken',
        }));
        if (brokenAt !== undefined) return;
      } while (pageToken !== '');
      setVerification((before) => ({ ...before, phase: 'unbroken' }));
    } catch (error) {
      const trouble = troubleOf(error);
      setVerification((before) => ({ ...before, phase: trouble === undefined ? 'stopped' : 'idle', trouble }));
    }
  }, [api]);
  const stop = useCallback(() => ending.current?.abort(), []);
  return { verification, verify, stop };
}

const hashOf = (event: AuditEvent | undefined): string =>
  [...(event?.hash ?? [])].map((byte) => byte.toString(16).padStart(2, '0')).join('');
