// Taking orphans: the oldest of a namespace are leased to the operator for a while, so that nobody else works on them.

import { Button, TextInput } from '@mantine/core';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { useState, type FormEvent } from 'react';
import type { ClaimedOrphan } from '../../../../../proto/gen/onced/v1/idempotency_pb.js';
import { troubleOf, type Trouble } from '../../api/trouble.ts';
import { readDuration } from '../../format/durations.ts';
import { plural } from '../../format/numbers.ts';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { useSession } from '../../session/session.tsx';
import { Dialog } from '../../parts/dialog.tsx';

interface TakeDialogProps {
  readonly namespace: string;
  readonly onTaken: (orphans: readonly ClaimedOrphan[]) => void;
  readonly onClose: () => void;
}

const COUNT_MAX = 100;

export default function TakeDialog({ namespace, onTaken, onClose }: TakeDialogProps) {
  const { api, caller } = useSession();
  const [count, setCount] = useState(1);
  const [lease, setLease] = useState('15m');
  const [isBusy, setIsBusy] = useState(false);
  const [trouble, setTrouble] = useState<Trouble>();
  const leaseMs = readDuration(lease);

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (leaseMs === undefined) return;
    setIsBusy(true);
    const request = { namespace, limit: count, lease: durationFromMs(leaseMs), owner: `console: ${caller.name}` };
    api.idempotency
      .claimOrphans(request)
      .then(({ orphans }) => onTaken(orphans))
      .catch((error: unknown) => {
        setTrouble(troubleOf(error));
        setIsBusy(false);
      });
  };
  return (
    <Dialog onClose={onClose} title="Take orphans">
      <form className="dialog-form" onSubmit={submit}>
        <p>
          The oldest orphans of <strong>{namespace}</strong> become yours for a while: nobody else can take them
          meanwhile. Each is a new attempt. Let the lease run out to give them back.
        </p>
        <TextInput
          label="How many"
          type="number"
          min={1}
          max={COUNT_MAX}
          value={count}
          onChange={({ currentTarget }) => setCount(Math.min(COUNT_MAX, Math.max(1, Number(currentTarget.value) || 1)))}
          data-autofocus
        />
        <TextInput
          label="For"
          value={lease}
          error={leaseMs === undefined ? 'write it as 30s, 10m or 2h' : undefined}
          onChange={(event) => setLease(event.currentTarget.value)}
        />
        {trouble !== undefined && <TroubleNotice trouble={trouble} />}
        <div className="dialog-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isBusy} disabled={leaseMs === undefined}>
            Take {plural(count, 'orphan')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
