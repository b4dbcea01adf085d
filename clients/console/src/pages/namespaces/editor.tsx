// A policy being written. What is left open is inherited; nothing is saved before its difference was looked at.

import { Button, NativeSelect, TextInput } from '@mantine/core';
import { lazy, Suspense, useState, type FormEvent } from 'react';
import type { NamespaceInfo } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { MEANINGS } from './meanings.ts';
import { POLICY_FIELDS, textsOf, whyUnreadable, type PolicyField, type PolicyTexts } from './policy.ts';

const ReviewDialog = lazy(async () => import('./review.tsx'));

interface EditorProps {
  readonly info: NamespaceInfo;
  readonly onEnd: (isSaved: boolean) => void;
}

export function Editor({ info, onEnd }: EditorProps) {
  const [texts, setTexts] = useState<PolicyTexts>(() => textsOf(info.policy));
  const [isReviewing, setIsReviewing] = useState(false);
  const inherited = inheritedOf(info);
  const isGood = POLICY_FIELDS.every((field) => whyUnreadable(field, texts[field.name] ?? '') === undefined);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isGood) setIsReviewing(true);
  };
  return (
    <form className="editor" onSubmit={submit} aria-label="Policy">
      <div className="editor-fields">
        {POLICY_FIELDS.map((field) => (
          <Field
            key={field.name}
            field={field}
            text={texts[field.name] ?? ''}
            inherited={inherited[field.name] ?? 'inherited'}
            onChange={(text) => setTexts((before) => ({ ...before, [field.name]: text }))}
          />
        ))}
      </div>
      <div className="dialog-end">
        <Button variant="default" onClick={() => onEnd(false)}>
          Cancel
        </Button>
        <Button type="submit" disabled={!isGood}>
          Review changes …
        </Button>
      </div>
      {isReviewing && (
        <Suspense>
          <ReviewDialog info={info} texts={texts} onClose={() => setIsReviewing(false)} onSaved={() => onEnd(true)} />
        </Suspense>
      )}
    </form>
  );
}

interface FieldProps {
  readonly field: PolicyField;
  readonly text: string;
  readonly inherited: string;
  readonly onChange: (text: string) => void;
}

function Field({ field, text, inherited, onChange }: FieldProps) {
  const common = { size: 'xs', label: field.name, description: MEANINGS[field.name], value: text } as const;
  if (field.kind === 'choice') {
    return (
      <NativeSelect
        {...common}
        data={[{ value: '', label: inherited }, ...field.choices]}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...common}
      placeholder={inherited}
      error={whyUnreadable(field, text)}
      autoComplete="off"
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

/** What holds where nothing is written; not known for values that are set here now. */
function inheritedOf({ namespace, effective, sources }: NamespaceInfo): PolicyTexts {
  const values = textsOf(effective);
  const known = sources.filter(({ source }) => source !== namespace);
  return Object.fromEntries(
    known.map(({ field, source }) => [
      field,
      `${values[field] ?? ''}, from ${source === 'default' ? 'the default' : source}`,
    ]),
  );
}
