// Who calls and what it may do. Without credentials configured everybody is anonymous and may do everything, which is
// why such a server listens on loopback only.

/** What an operation needs to be allowed in its namespace. Roles are sets of these (credentials grant roles). */
export const VERBS = [
  'begin',
  'complete',
  'lookup',
  'watch',
  'issue-keys',
  'claim-orphans',
  'list',
  'payloads',
  'resolve',
  'purge',
  'policy',
  'compact',
  'stats',
  'audit',
  'credentials',
] as const;
export type Verb = (typeof VERBS)[number];

export type Role = 'reader' | 'writer' | 'operator' | 'admin';

export interface Grant {
  readonly role: Role;
  /** A namespace; `payments/*` for payments and all below it; `*` for all. */
  readonly pattern: string;
}

export interface Principal {
  /** For the log, the audit and quotas; never a secret. */
  readonly name: string;
  /** Undefined where no credentials are asked for. */
  readonly grants?: readonly Grant[];
  /** `namespace` undefined: in all namespaces. */
  may(verb: Verb, namespace: string | undefined): boolean;
}

export const ANONYMOUS: Principal = { name: 'anonymous', may: () => true };

/** What a caller shows of itself. */
export interface Evidence {
  /** The authorization header or metadata, as sent. */
  readonly authorization: string | undefined;
  /** host:port of the other end, for limits on failures. */
  readonly peer: string;
  /** Set when the other end showed a certificate that the listener's CA has signed. */
  readonly certificate: PeerCertificate | undefined;
  /** It was let in before: failures of others at its address do not keep it out, nor does its own count as one. */
  readonly wasLetIn?: boolean;
}

export interface PeerCertificate {
  /** As Node gives it: "URI:spiffe://…, DNS:…". */
  readonly subjectaltname?: string | undefined;
}

/** Who it is. Throws, or rejects with, UNAUTHENTICATED. Answers at once where it can: the hot path asks it each time. */
export type Identify = (evidence: Evidence) => Principal | Promise<Principal>;

export const everybodyIsAnonymous: Identify = () => ANONYMOUS;
