// What a page shows stands in the fragment of its address: it can be shared and reloaded, and keys, which may name people,
// never reach a server's or proxy's log.

import { useCallback, useMemo } from 'react';
import { navigate, useLocationProperty } from 'wouter/use-browser-location';

export type Parameters = Readonly<Record<string, string>>;

/** The fragment as names and values, and a way to change some of them; an empty value takes a name away. */
export function useParameters(): readonly [Parameters, (changes: Parameters) => void] {
  const fragment = useLocationProperty(
    () => globalThis.location.hash,
    () => '',
  );
  const parameters = useMemo(() => readFragment(fragment), [fragment]);
  const change = useCallback((changes: Parameters) => {
    const now = readFragment(globalThis.location.hash);
    navigate(pathTo(globalThis.location.pathname, { ...now, ...changes }), { replace: true });
  }, []);
  return [parameters, change];
}

export function pathTo(path: string, parameters: Parameters = {}): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return given.length === 0 ? path : `${path}#${new URLSearchParams(given).toString()}`;
}

const readFragment = (fragment: string): Parameters => Object.fromEntries(new URLSearchParams(fragment.slice(1)));
