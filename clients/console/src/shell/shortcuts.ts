// Keys that work everywhere: / finds, g and a letter goes to a page, ? lists them all. Never while somebody writes.

import { useEffect, useRef } from 'react';

export type Shortcuts = Readonly<Record<string, () => void>>;

/** How long after g the letter may come. */
const SEQUENCE_MS_MAX = 1500;

/** `shortcuts` by what is typed: one key, or two with a blank between. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    let first: { readonly key: string; readonly atMs: number } | undefined;
    const onKey = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isWriting(event.target)) return;
      if (document.querySelector('[role="dialog"]') !== null) return;
      const isSecond = first !== undefined && performance.now() - first.atMs < SEQUENCE_MS_MAX;
      const typed = isSecond && first !== undefined ? `${first.key} ${event.key}` : event.key;
      const run = latest.current[typed];
      first = event.key === 'g' && run === undefined ? { key: 'g', atMs: performance.now() } : undefined;
      if (run === undefined) return;
      event.preventDefault();
      run();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
}

function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'submit'].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}
