// What the signed-in caller may do, so that no button is shown that the server would refuse. The server decides each call
// all the same.

import type { Trouble } from '../api/trouble.ts';
import { useSession } from './session.tsx';
import { usePolled } from '../hooks/use-polled.ts';

export type Permission =
  'list' | 'stats' | 'lookup' | 'payloads' | 'resolve' | 'purge' | 'policy' | 'audit' | 'claim-orphans';

export interface Permissions {
  /** False until the server has answered: nothing is shown that might have to go again. */
  readonly may: (permission: Permission) => boolean;
  readonly isKnown: boolean;
  /** Why the server does not say: a name that is no namespace, say. */
  readonly trouble: Trouble | undefined;
}

/** Roles change seldom, and a call that is refused says so. */
const EVERY_MS = 60_000;

/** In one namespace; the empty text asks for all of them at once. */
export function usePermissions(namespace: string): Permissions {
  const { api, caller } = useSession();
  const { value, trouble } = usePolled({
    question: `${caller.name} ${namespace}`,
    ask: (signal) => api.admin.getCaller({ namespace }, { signal }),
    everyMs: EVERY_MS,
  });
  const permissions = value?.permissions ?? (namespace === '' ? caller.permissions : undefined);
  return {
    may: (permission) => permissions?.includes(permission) === true,
    isKnown: permissions !== undefined,
    trouble,
  };
}
