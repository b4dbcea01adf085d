// The orphans that this operator took, until they are resolved or their leases run out.

import { Button } from '@mantine/core';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useState } from 'react';
import type { ClaimedOrphan } from '../../../../../proto/gen/onced/v1/idempotency_pb.js';
import type { IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { showDuration } from '../../format/durations.ts';
import { plural } from '../../format/numbers.ts';
import { useNowMs } from '../../hooks/use-now.ts';
import { Go } from '../../parts/go.tsx';
import { recordId } from '../../parts/record-columns.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { Visible } from '../../parts/visible.tsx';
import { useSession } from '../../session/session.tsx';

interface TakenProps {
  readonly taken: readonly ClaimedOrphan[];
  readonly onResolve: (record: IntentRecord) => void;
}

export function Taken({ taken, onResolve }: TakenProps) {
  const { api } = useSession();
  const nowMs = useNowMs();
  const [trouble, setTrouble] = useState<Trouble>();
  if (taken.length === 0) return null;

  // As it is now: taking it was a write, and its revision is what a decision is guarded by.
  const resolve = async ({ record }: ClaimedOrphan): Promise<void> => {
    const { namespace = '', key = '' } = record?.summary ?? {};
    try {
      const now = await api.idempotency.lookup({ namespace, key });
      setTrouble(undefined);
      if (now.record !== undefined) onResolve(now.record);
    } catch (error) {
      setTrouble(troubleOf(error));
    }
  };
  return (
    <section className="card" aria-label="Taken by you">
      <h2>{plural(taken.length, 'orphan')} taken by you</h2>
      {trouble !== undefined && <TroubleNotice trouble={trouble} />}
      <ul className="taken">
        {taken.map((orphan) => {
          const { record, acquired } = orphan;
          const leftMs = acquired?.leaseExpireTime === undefined ? 0 : timestampMs(acquired.leaseExpireTime) - nowMs;
          const { namespace = '', key = '' } = record?.summary ?? {};
          return (
            <li key={record === undefined ? '' : recordId(record)}>
              <Go to="/intent" parameters={{ namespace, key }}>
                <Visible text={key} />
              </Go>
              <span className="dim">
                {leftMs > 0
                  ? `yours for ${showDuration(Math.round(leftMs / 1000) * 1000)}`
                  : 'lease over: an orphan again'}
              </span>
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => void resolve(orphan)}
                aria-label={`Resolve ${key}`}
              >
                Resolve …
              </Button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
