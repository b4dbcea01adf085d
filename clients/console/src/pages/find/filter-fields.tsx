// The fields of a filter on records; Find and Purge have the same.

import { Checkbox, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import type { Parameters } from '../../hooks/use-parameters.ts';
import { STATES, stateWord } from '../../parts/state.tsx';
import { isAgeGood, writeStates, type Filter } from './filter.ts';

interface FilterFieldsProps {
  readonly filter: Filter;
  readonly onChange: (changes: Parameters) => void;
  /** Enter or the down key in the first field. */
  readonly onLeave?: () => void;
  /** Put the cursor into the first field. */
  readonly isWanted?: boolean;
}

export function FilterFields({ filter, onChange, onLeave, isWanted = false }: FilterFieldsProps) {
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isWanted) first.current?.focus();
  }, [isWanted]);
  return (
    <div className="filter">
      <div className="filter-row">
        <Written
          inputRef={first}
          label="Key"
          placeholder="starts with …"
          value={filter.prefix}
          onWrite={(prefix) => onChange({ prefix })}
          {...(onLeave === undefined ? {} : { onLeave })}
        />
        <Written label="Owner" placeholder="exactly" value={filter.owner} onWrite={(owner) => onChange({ owner })} />
        <Written
          label="Last written before"
          placeholder="10m ago"
          value={filter.age}
          error={isAgeGood(filter) ? undefined : 'write it as 30s, 10m, 2h or 7d'}
          onWrite={(age) => onChange({ age })}
        />
      </div>
      <fieldset className="filter-states">
        <legend>State</legend>
        {STATES.map((state) => (
          <Checkbox
            key={state}
            size="xs"
            label={stateWord(state)}
            checked={filter.states.includes(state)}
            onChange={({ currentTarget }) => {
              const rest = filter.states.filter((other) => other !== state);
              onChange({ states: writeStates(currentTarget.checked ? [...rest, state] : rest) });
            }}
          />
        ))}
        <Checkbox
          size="xs"
          label="also expired"
          checked={filter.isWithExpired}
          onChange={({ currentTarget }) => onChange({ expired: currentTarget.checked ? 'yes' : '' })}
        />
      </fieldset>
    </div>
  );
}

interface WrittenProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly error?: string | undefined;
  readonly onWrite: (text: string) => void;
  readonly onLeave?: () => void;
  readonly inputRef?: React.Ref<HTMLInputElement>;
}

/** Each key pressed would be a question to the store. */
const PAUSE_MS = 250;

/** A field that tells of its text once the writer pauses. */
function Written({ label, placeholder, value, error, onWrite, onLeave, inputRef }: WrittenProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onWrite(text), PAUSE_MS);
    return () => clearTimeout(timer);
    // Only what is written starts the pause anew.
  }, [text]);
  return (
    <TextInput
      ref={inputRef ?? null}
      size="xs"
      label={label}
      placeholder={placeholder}
      value={text}
      error={error}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        // Whoever goes on to a button means what stands here now.
        if (text !== value) onWrite(text);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') event.currentTarget.blur();
        if (event.key !== 'Enter' && event.key !== 'ArrowDown') return;
        event.preventDefault();
        onWrite(text);
        onLeave?.();
      }}
    />
  );
}
