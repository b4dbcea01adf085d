// The fields of a decision: what happened, with what, and why.

import { Button, Checkbox, Radio, Textarea, TextInput } from '@mantine/core';
import { useRef, type ChangeEvent } from 'react';
import { showBytes } from '../format/numbers.ts';
import type { Draft, Outcome } from './draft.ts';

interface FieldsProps {
  readonly draft: Draft;
  readonly onChange: (changes: Partial<Draft>) => void;
  /** Somebody holds a live lease on one of them. */
  readonly hasLiveLease: boolean;
}

const OUTCOMES: readonly (readonly [Outcome, string, string])[] = [
  ['completed', 'It was done', 'Every later begin is answered with this result.'],
  ['failed', 'It was not done, and must not be', 'Every later begin is answered with this error.'],
  ['released', 'It was not done: try again', 'The next begin may start an attempt.'],
];

export function Fields({ draft, onChange, hasLiveLease }: FieldsProps) {
  return (
    <>
      <Radio.Group
        label="What happened"
        value={draft.outcome ?? ''}
        onChange={(outcome) => onChange({ outcome: outcome as Outcome })}
      >
        <div className="choices">
          {OUTCOMES.map(([outcome, label, description], index) => (
            <Radio
              key={outcome}
              value={outcome}
              label={label}
              description={description}
              data-autofocus={index === 0 || undefined}
            />
          ))}
        </div>
      </Radio.Group>
      {draft.outcome === 'completed' && <CompletedFields draft={draft} onChange={onChange} />}
      {draft.outcome === 'failed' && <FailedFields draft={draft} onChange={onChange} />}
      {draft.outcome === 'released' && (
        <TextInput
          label="Not before"
          placeholder="at once, or 30s, 10m, 2h from now"
          value={draft.retryAfter}
          onChange={(event) => onChange({ retryAfter: event.currentTarget.value })}
        />
      )}
      <TextInput
        label="Reason, for the audit log"
        placeholder="what you found out, and where"
        required
        maxLength={512}
        value={draft.reason}
        onChange={(event) => onChange({ reason: event.currentTarget.value })}
      />
      {hasLiveLease && (
        <Checkbox
          label="A holder has a live lease: take it away. What it is doing goes on, but counts no more."
          checked={draft.isForced}
          onChange={(event) => onChange({ isForced: event.currentTarget.checked })}
        />
      )}
    </>
  );
}

type PartProps = Omit<FieldsProps, 'hasLiveLease'>;

function CompletedFields({ draft: { result, contentType }, onChange }: PartProps) {
  const file = useRef<HTMLInputElement>(null);
  const choose = (event: ChangeEvent<HTMLInputElement>): void => {
    const chosen = event.currentTarget.files?.[0];
    void chosen?.arrayBuffer().then((buffer) => {
      onChange({ result: new Uint8Array(buffer), contentType: chosen.type });
    });
  };
  return (
    <>
      {typeof result === 'string' ? (
        <Textarea
          label="Result"
          description="Stored byte for byte; empty is a result too."
          rows={4}
          value={result}
          onChange={(event) => onChange({ result: event.currentTarget.value })}
        />
      ) : (
        <p>
          {showBytes(result.length)} from a file{' '}
          <Button size="compact-xs" variant="default" onClick={() => onChange({ result: '' })}>
            Write it instead
          </Button>
        </p>
      )}
      <div className="inline-form">
        <TextInput
          label="Content type"
          value={contentType}
          onChange={(event) => onChange({ contentType: event.currentTarget.value })}
        />
        <Button variant="default" onClick={() => file.current?.click()}>
          From a file …
        </Button>
        <input ref={file} type="file" hidden onChange={choose} aria-label="File with the result" />
      </div>
    </>
  );
}

function FailedFields({ draft: { code, message }, onChange }: PartProps) {
  return (
    <>
      <TextInput
        label="Error code"
        placeholder="cancelled"
        required
        maxLength={128}
        value={code}
        onChange={(event) => onChange({ code: event.currentTarget.value })}
      />
      <TextInput
        label="Message"
        maxLength={1024}
        value={message}
        onChange={(event) => onChange({ message: event.currentTarget.value })}
      />
    </>
  );
}
