// One record, followed: as it is now, and again after each change until its outcome, over restarts of the server too.

import { useCallback, useEffect, useState } from 'react';
import { IntentState, type IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import type { Api } from '../../api/client.ts';
import { serverNowMs } from '../../hooks/use-now.ts';
import { useVisible } from '../../hooks/use-visible.ts';
import { useSession } from '../../session/session.tsx';

/** A state that was seen since the page was opened. */
export interface Change {
  readonly atMs: number;
  readonly state: IntentState;
  readonly attempt: number;
  readonly revision: bigint;
}

export interface FollowedRecord {
  readonly record: IntentRecord | undefined;
  /** When the record was read, on performance.now(): its lease counts from then. */
  readonly readAtMs: number;
  readonly changes: readonly Change[];
  readonly trouble: Trouble | undefined;
  readonly refresh: () => void;
}

interface Read {
  readonly id: string;
  readonly record: IntentRecord | undefined;
  readonly readAtMs: number;
  readonly changes: readonly Change[];
  readonly trouble: Trouble | undefined;
}

const RETRY_MS = 2000;
const CHANGES_MAX = 100;

export function useRecord(namespace: string, key: string): FollowedRecord {
  const { api } = useSession();
  const isVisible = useVisible();
  const id = `${namespace}\0${key}`;
  const [read, setRead] = useState<Read>(nothingOf(id));
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (namespace === '' || key === '' || !isVisible) return;
    const ending = new AbortController();
    void follow(api, { namespace, key }, ending.signal, (next) => {
      if (!ending.signal.aborted) setRead((before) => merge(before.id === id ? before : nothingOf(id), next));
    });
    return () => ending.abort();
  }, [api, namespace, key, id, isVisible, round]);
  const refresh = useCallback(() => setRound((count) => count + 1), []);
  return { ...(read.id === id ? read : nothingOf(id)), refresh };
}

const nothingOf = (id: string): Read => ({ id, record: undefined, readAtMs: 0, changes: [], trouble: undefined });

type Seen = { readonly record: IntentRecord } | { readonly trouble: Trouble };

function merge(before: Read, seen: Seen): Read {
  if ('trouble' in seen) {
    // Gone is gone; a server that is out of reach leaves what was there.
    const record = seen.trouble.reason === 'INTENT_NOT_FOUND' ? undefined : before.record;
    return { ...before, record, trouble: seen.trouble };
  }
  const { summary, revision } = seen.record;
  const change = {
    atMs: serverNowMs(),
    state: summary?.state ?? IntentState.UNSPECIFIED,
    attempt: summary?.attempt ?? 0,
    revision,
  };
  const last = before.changes.at(-1);
  const isNew = last?.revision !== revision || last.state !== change.state;
  return {
    ...before,
    record: seen.record,
    readAtMs: performance.now(),
    changes: isNew ? [...before.changes, change].slice(-CHANGES_MAX) : before.changes,
    trouble: undefined,
  };
}

async function follow(
  api: Api,
  id: { readonly namespace: string; readonly key: string },
  signal: AbortSignal,
  see: (seen: Seen) => void,
): Promise<void> {
  const look = async (): Promise<void> => {
    const { record } = await api.idempotency.lookup({ ...id, includeResult: true }, { signal });
    if (record !== undefined) see({ record });
  };
  while (!signal.aborted) {
    try {
      await look();
      for await (const { final } of api.idempotency.watchIntent(id, { signal })) {
        // The stream leaves the checkpoint out.
        await look();
        if (final) return;
      }
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble !== undefined) see({ trouble });
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
