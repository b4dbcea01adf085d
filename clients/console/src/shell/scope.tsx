// Which namespace the pages show. It stands in the address, so that it holds from page to page and can be shared.

import { TextInput } from '@mantine/core';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { usePolled } from '../hooks/use-polled.ts';
import { useParameters } from '../hooks/use-parameters.ts';
import { useSession } from '../session/session.tsx';

const KNOWN_MAX = 1000;
const EVERY_MS = 30_000;

/** The empty text is all namespaces. */
export function useScope(): string {
  const [{ namespace = '' }] = useParameters();
  return namespace;
}

export function ScopeField() {
  const { api, caller } = useSession();
  const [, change] = useParameters();
  const scope = useScope();
  const [written, setWritten] = useState(scope);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => setWritten(scope), [scope]);
  const { value } = usePolled({
    question: 'namespaces',
    ask: (signal) => api.admin.listNamespaces({ pageSize: KNOWN_MAX }, { signal }),
    everyMs: EVERY_MS,
  });
  const granted = caller.grants.map(({ namespacePattern }) => namespacePattern.replace(/\/?\*$/, ''));
  const known = [...new Set([...granted, ...(value?.namespaces ?? []).map(({ namespace }) => namespace)])];

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    change({ namespace: written.trim() });
    field.current?.blur();
  };
  return (
    <form className="scope" onSubmit={submit} role="search" aria-label="Namespace">
      <TextInput
        ref={field}
        size="xs"
        aria-label="Namespace"
        placeholder="All namespaces"
        list="known-namespaces"
        autoComplete="off"
        spellCheck={false}
        value={written}
        onChange={(event) => setWritten(event.currentTarget.value)}
        onBlur={() => written.trim() !== scope && change({ namespace: written.trim() })}
      />
      <datalist id="known-namespaces">
        {known
          .filter((name) => name !== '')
          .map((name) => (
            <option key={name} value={name} />
          ))}
      </datalist>
    </form>
  );
}
