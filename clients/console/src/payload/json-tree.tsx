// JSON as a tree. A branch is drawn when it is opened, a long one in parts, so that 256 KiB open as fast as ten bytes.

import { Button } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { plural } from '../format/numbers.ts';
import { Visible } from '../parts/visible.tsx';
import { ExactNumber, type Json } from './bytes.ts';

/** Open from the start: the first levels of what is not large. */
const OPEN_LEVELS = 2;
const OPEN_ENTRIES_MAX = 20;
const PART = 100;
const STRING_LENGTH_SHOWN = 2000;

export function JsonTree({ json }: { readonly json: Json }) {
  return (
    <div className="payload-box json" tabIndex={0} role="group" aria-label="JSON">
      <Value json={json} level={0} />
    </div>
  );
}

function Value({ json, level }: { readonly json: Json; readonly level: number }) {
  if (json instanceof ExactNumber) return <span className="json-number">{json.source}</span>;
  if (typeof json === 'string') return <Text text={json} />;
  if (json === null || typeof json !== 'object') {
    return <span className={`json-${json === null ? 'null' : typeof json}`}>{String(json)}</span>;
  }
  return Array.isArray(json) ? (
    <Branch entries={json.map((item: Json, index) => [String(index), item])} brackets="[]" level={level} />
  ) : (
    <Branch entries={Object.entries(json as { readonly [name: string]: Json })} brackets="{}" level={level} />
  );
}

interface BranchProps {
  readonly entries: readonly (readonly [string, Json])[];
  readonly brackets: string;
  readonly level: number;
}

function Branch({ entries, brackets, level }: BranchProps): ReactNode {
  const [isOpen, setIsOpen] = useState(level < OPEN_LEVELS && entries.length <= OPEN_ENTRIES_MAX);
  const [shown, setShown] = useState(PART);
  if (entries.length === 0) return <span>{brackets}</span>;
  const what = brackets === '[]' ? plural(entries.length, 'item') : plural(entries.length, 'field');
  return (
    <span className="json-branch">
      <button type="button" aria-expanded={isOpen} onClick={() => setIsOpen(!isOpen)}>
        {isOpen ? '▾' : '▸'} {brackets[0]} <span className="dim">{what}</span>
      </button>
      {isOpen && (
        <ul>
          {entries.slice(0, shown).map(([name, value]) => (
            <li key={name}>
              <span className="json-name">
                <Visible text={name} />:
              </span>{' '}
              <Value json={value} level={level + 1} />
            </li>
          ))}
          {entries.length > shown && (
            <li>
              <Button size="compact-xs" variant="default" onClick={() => setShown(shown + 10 * PART)}>
                {plural(entries.length - shown, 'more', 'more')}
              </Button>
            </li>
          )}
        </ul>
      )}
    </span>
  );
}

function Text({ text }: { readonly text: string }) {
  const [isWhole, setIsWhole] = useState(text.length <= STRING_LENGTH_SHOWN);
  return (
    <span className="json-string">
      &quot;
      <Visible text={isWhole ? text : text.slice(0, STRING_LENGTH_SHOWN)} keepsLines />
      &quot;
      {!isWhole && (
        <Button size="compact-xs" variant="default" onClick={() => setIsWhole(true)}>
          all {plural(text.length, 'character')}
        </Button>
      )}
    </span>
  );
}
