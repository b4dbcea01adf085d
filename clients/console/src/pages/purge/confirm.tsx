// The last step before records are removed: the count, typed by hand.

import { Button, Checkbox, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { plural } from '../../format/numbers.ts';
import type { Purge, Removal } from './use-purge.ts';

interface ConfirmProps {
  readonly purge: Purge;
  readonly onRemove: (removal: Removal) => void;
}

export function Confirm({ purge: { matched }, onRemove }: ConfirmProps) {
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const [isForced, setIsForced] = useState(false);
  const isReady = typed.trim() === String(matched) && reason.trim() !== '';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady) onRemove({ reason: reason.trim(), isForced, expectedCount: matched });
  };
  return (
    <form className="card card-bad dialog-form" onSubmit={submit} aria-label="Confirm">
      <h2>{plural(matched, 'record matches', 'records match')}</h2>
      <TextInput
        label="Reason, for the audit log"
        required
        maxLength={512}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Checkbox
        label="Also those with a live lease: their holders lose it, and a retry runs beside them."
        checked={isForced}
        onChange={(event) => setIsForced(event.currentTarget.checked)}
      />
      <TextInput
        label={`Type ${String(matched)} to remove them`}
        required
        inputMode="numeric"
        autoComplete="off"
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <div className="step-end">
        <Button type="submit" color="red" disabled={!isReady}>
          Remove {plural(matched, 'record')}
        </Button>
      </div>
    </form>
  );
}
