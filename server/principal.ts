// Who calls and what it may do. Without credentials configured everybody is anonymous and may do everything, which is
// why such a server listens on loopback only.

/** What an operation needs to be allowed in its namespace. Roles are sets of these (credentials grant roles). */
export type Verb =
  | 'begin'
  | 'complete'
  | 'lookup'
  | 'watch'
  | 'issue-keys'
  | 'claim-orphans'
  | 'list'
  | 'payloads'
  | 'resolve'
  | 'purge'
  | 'policy'
  | 'compact'
  | 'stats'
  | 'audit';

export interface Principal {
  /** For the log, the audit and quotas; never a secret. */
  readonly name: string;
  /** `namespace` undefined: in all namespaces. */
  may(verb: Verb, namespace: string | undefined): boolean;
}

export const ANONYMOUS: Principal = { name: 'anonymous', may: () => true };
