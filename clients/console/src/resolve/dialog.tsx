// A person decides what became of one orphan, or of many alike.

import { Button, Progress } from '@mantine/core';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { useState, type FormEvent } from 'react';
import type { IntentRecord } from '../../../../proto/gen/onced/v1/record_pb.js';
import { plural } from '../format/numbers.ts';
import { TroubleNotice } from '../parts/trouble-notice.tsx';
import { Visible } from '../parts/visible.tsx';
import { EMPTY_DRAFT, whyNotReady, type Draft } from './draft.ts';
import { Fields } from './fields.tsx';
import { useResolving, type Resolving } from './use-resolving.ts';
import { Dialog } from '../parts/dialog.tsx';

interface ResolveDialogProps {
  readonly records: readonly IntentRecord[];
  readonly onClose: () => void;
}

export default function ResolveDialog({ records, onClose }: ResolveDialogProps) {
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [isAsked, setIsAsked] = useState(false);
  const { resolving, send, stop } = useResolving();
  const missing = whyNotReady(draft);
  const hasLiveLease = records.some(({ leaseRemaining, orphan }) => {
    return orphan === undefined && leaseRemaining !== undefined && durationMs(leaseRemaining) > 0;
  });
  const isOne = records.length === 1;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setIsAsked(true);
    if (missing !== undefined) return;
    void send(draft, records);
  };
  const isSending = resolving.phase === 'sending';
  return (
    <Dialog
      onClose={onClose}
      title={isOne ? 'Resolve' : `Resolve ${plural(records.length, 'orphan')}`}
      size="lg"
      isKept
    >
      {resolving.phase === 'ended' ? (
        <Ended resolving={resolving} isOne={isOne} onClose={onClose} />
      ) : (
        <form className="dialog-form" onSubmit={submit} noValidate>
          {isOne && <Name record={records[0]} />}
          <Fields
            draft={draft}
            hasLiveLease={hasLiveLease}
            onChange={(changes) => setDraft((before) => ({ ...before, ...changes }))}
          />
          {isAsked && missing !== undefined && (
            <p role="alert" className="missing">
              {missing}
            </p>
          )}
          {isSending && !isOne && <Sending resolving={resolving} count={records.length} onStop={stop} />}
          <div className="dialog-end">
            <Button variant="default" onClick={onClose} disabled={isSending}>
              Cancel
            </Button>
            <Button type="submit" loading={isSending}>
              {isOne ? 'Resolve' : `Resolve ${plural(records.length, 'orphan')}`}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Name({ record }: { readonly record: IntentRecord | undefined }) {
  return (
    <p className="dialog-name">
      {record?.summary?.namespace}{' '}
      <strong>
        <Visible text={record?.summary?.key ?? ''} />
      </strong>
    </p>
  );
}

interface SendingProps {
  readonly resolving: Resolving;
  readonly count: number;
  readonly onStop: () => void;
}

function Sending({ resolving: { done, refused }, count, onStop }: SendingProps) {
  const ended = done + refused.length;
  return (
    <div className="progress">
      <Progress value={(100 * ended) / count} aria-label="Resolved" />
      <p role="status">
        {ended} of {plural(count, 'orphan')}
      </p>
      <Button size="compact-sm" variant="default" onClick={onStop}>
        Stop
      </Button>
    </div>
  );
}

const REFUSED_SHOWN_MAX = 20;

function Ended({
  resolving: { done, refused },
  isOne,
  onClose,
}: {
  readonly resolving: Resolving;
  readonly isOne: boolean;
  readonly onClose: () => void;
}) {
  const [first] = refused;
  return (
    <div className="dialog-form">
      {done > 0 && (
        <p role="status">{isOne ? 'Resolved: the audit log has it.' : `${plural(done, 'orphan')} resolved.`}</p>
      )}
      {isOne && first !== undefined && <TroubleNotice trouble={first.trouble} />}
      {!isOne && refused.length > 0 && (
        <>
          <p role="alert">{plural(refused.length, 'orphan')} left as they were:</p>
          <ul className="refused">
            {refused.slice(0, REFUSED_SHOWN_MAX).map(({ record, trouble }) => (
              <li key={`${record.summary?.namespace ?? ''} ${record.summary?.key ?? ''}`}>
                <Visible text={record.summary?.key ?? ''} />: {trouble.title}
              </li>
            ))}
          </ul>
        </>
      )}
      <div className="dialog-end">
        <Button onClick={onClose} data-autofocus>
          {refused.length > 0 ? 'Look again' : 'Close'}
        </Button>
      </div>
    </div>
  );
}
