// Who a caller is, from what it shows: a bearer token (API key, the configured admin key, JWT) or a client certificate.

import { createHash, timingSafeEqual } from 'node:crypto';
import { Rejection } from '../errors.ts';
import type { Evidence, Identify, PeerCertificate, Principal } from '../principal.ts';
import type { ApiKeys } from './api-keys.ts';
import { createFailureLimit } from './failures.ts';
import { principalOf, type Grant } from './grants.ts';
import type { VerifyJwt } from './jwt.ts';

export interface AuthenticateOptions {
  readonly apiKeys: ApiKeys;
  /** A key with the role admin everywhere, to make the first API keys with. */
  readonly adminKey: string | undefined;
  readonly verifyJwt: VerifyJwt | undefined;
  /** Grants by subject alternative name, such as `URI:spiffe://shop/checkout`. */
  readonly certificates: ReadonlyMap<string, readonly Grant[]>;
}

export function createAuthenticator({ apiKeys, adminKey, verifyJwt, certificates }: AuthenticateOptions): Identify {
  const failures = createFailureLimit();
  const adminDigest = adminKey === undefined ? undefined : sha256(adminKey);
  const admin = principalOf('admin-key', [{ role: 'admin', pattern: '*' }]);
  const named = new Map([...certificates].map(([name, grants]) => [name, principalOf(`cert:${name}`, grants)]));

  const refuse = (evidence: Evidence, why: string): never => {
    if (evidence.wasLetIn !== true) failures.count(evidence.peer);
    throw new Rejection('UNAUTHENTICATED', why);
  };

  return (evidence) => {
    const { authorization, certificate } = evidence;
    if (evidence.wasLetIn !== true) failures.check(evidence.peer);
    if (authorization === undefined) {
      const byCertificate = certificate === undefined ? undefined : principalOfCertificate(certificate, named);
      return (
        byCertificate ?? refuse(evidence, 'no credentials: send "authorization: Bearer KEY" or a client certificate')
      );
    }
    const [scheme, bearer] = authorization.split(' ', 2);
    if (scheme?.toLowerCase() !== 'bearer' || bearer === undefined || bearer === '') {
      return refuse(evidence, 'the authorization must be "Bearer KEY"');
    }
    if (adminDigest !== undefined && timingSafeEqual(adminDigest, sha256(bearer))) return admin;
    const byKey = apiKeys.principalOf(bearer);
    if (byKey !== undefined) return byKey;
    if (verifyJwt === undefined || bearer.split('.').length !== 3) {
      return refuse(evidence, 'the credentials are not valid, or not any more');
    }
    return verifyJwt(bearer).then(
      (principal) => principal ?? refuse(evidence, 'the token is not valid: forged, expired, or for another audience'),
    );
  };
}

function principalOfCertificate(
  { subjectaltname }: PeerCertificate,
  named: ReadonlyMap<string, Principal>,
): Principal | undefined {
  const names = (subjectaltname ?? '').split(', ');
  return names.map((name) => named.get(name)).find((principal) => principal !== undefined);
}

// Of equal length whatever is compared, so that the time says nothing of the secret.
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
