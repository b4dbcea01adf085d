// Roles and where they hold. Default deny: what no grant allows is refused.

import type { Grant, Principal, Role, Verb } from '../principal.ts';

export type { Grant, Role } from '../principal.ts';
export const ROLES: readonly Role[] = ['reader', 'writer', 'operator', 'admin'];

const READ: readonly Verb[] = ['lookup', 'watch', 'list', 'stats'];
const WRITE: readonly Verb[] = ['begin', 'complete', 'issue-keys', 'claim-orphans'];
const OPERATE: readonly Verb[] = ['payloads', 'resolve', 'purge', 'compact', 'audit', 'claim-orphans'];
const ADMINISTER: readonly Verb[] = ['policy', 'credentials'];

const VERBS: Readonly<Record<Role, ReadonlySet<Verb>>> = {
  reader: new Set(READ),
  writer: new Set([...READ, ...WRITE]),
  operator: new Set([...READ, ...OPERATE]),
  admin: new Set([...READ, ...WRITE, ...OPERATE, ...ADMINISTER]),
};

const PATTERN = /^(\*|[a-z0-9][a-z0-9._/-]*?(\/\*)?)$/;

export function isRole(text: string): text is Role {
  return (ROLES as readonly string[]).includes(text);
}

export const isPattern = (text: string): boolean => PATTERN.test(text) && text.length <= 130;

/** `writer:payments/*`, as JWT claims and the configuration file spell it; undefined when it is none. */
export function parseGrant(text: string): Grant | undefined {
  const [role = '', pattern = ''] = text.split(':', 2);
  return isRole(role) && isPattern(pattern) ? { role, pattern } : undefined;
}

export function principalOf(name: string, grants: readonly Grant[]): Principal {
  // Callers use few namespaces: remembering the answers makes the hot path one look-up.
  const answers = new Map<string, boolean>();
  return {
    name,
    grants,
    may(verb, namespace) {
      const question = `${verb} ${namespace ?? '*'}`;
      let answer = answers.get(question);
      if (answer === undefined) {
        answer = grants.some(({ role, pattern }) => VERBS[role].has(verb) && covers(pattern, namespace));
        if (answers.size >= ANSWERS_MAX) answers.clear();
        answers.set(question, answer);
      }
      return answer;
    },
  };
}

/** Namespaces come from callers, so that what is remembered of them is bounded. */
const ANSWERS_MAX = 1000;

/** `namespace` undefined asks for all of them. */
export function covers(pattern: string, namespace: string | undefined): boolean {
  if (pattern === '*') return true;
  if (namespace === undefined) return false;
  if (!pattern.endsWith('/*')) return namespace === pattern;
  const root = pattern.slice(0, -2);
  return namespace === root || namespace.startsWith(`${root}/`);
}
