// Exclude pointers of a fingerprint: RFC 6901, with `*` for every member or element.

import { FingerprintError } from './fingerprint-error.ts';

/** Segments still to match; the one that is matched last is left out of the fingerprint. */
export type Exclude = readonly string[];

/** @throws FingerprintError INVALID_EXCLUDE. The whole document cannot be excluded. */
export function parseExclude(pointer: string): Exclude {
  if (!pointer.startsWith('/') || /~(?![01])/u.test(pointer)) {
    const form = 'a JSON pointer: "/" before each segment, "~0" for "~" and "~1" for "/"';
    throw new FingerprintError('INVALID_EXCLUDE', `exclude "${pointer}" is not ${form}`);
  }
  return pointer
    .slice(1)
    .split('/')
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What is left to match below this member or element; undefined when it is excluded itself. */
export function select(excludes: readonly Exclude[], segment: string): readonly Exclude[] | undefined {
  const below = excludes.filter(([first]) => first === segment || first === '*').map((exclude) => exclude.slice(1));
  return below.some((exclude) => exclude.length === 0) ? undefined : below;
}
