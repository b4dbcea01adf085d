// JSON Web Tokens: issuer and audience required, algorithms from a short list, keys from a JWKS that only the
// configuration names. What a token may do stands in its claim `onced_grants`.

import { readFile } from 'node:fs/promises';
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Principal } from '../principal.ts';
import { parseGrant, principalOf } from './grants.ts';

export interface JwtOptions {
  readonly issuer: string;
  readonly audience: string;
  /** An https URL, or a file. */
  readonly jwks: string;
}

/** Undefined when the token is not good. */
export type VerifyJwt = (token: string) => Promise<Principal | undefined>;

/** Symmetric algorithms and `none` are not there: whoever verifies must not be able to sign. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
const GRANTS_CLAIM = 'onced_grants';
const CLOCK_TOLERANCE_S = 5;
const LIFETIME_S_MAX = 3600;
/** Verified tokens that are remembered, each until it expires or for REMEMBER_MS. */
const REMEMBERED_MAX = 10_000;
const REMEMBER_MS = 60_000;

export async function openJwt({ issuer, audience, jwks }: JwtOptions): Promise<VerifyJwt> {
  const keys: JWTVerifyGetKey = jwks.startsWith('https://')
    ? createRemoteJWKSet(new URL(jwks), { cacheMaxAge: 600_000, cooldownDuration: 30_000, timeoutDuration: 5000 })
    : createLocalJWKSet(JSON.parse(await readFile(jwks, 'utf8')) as JSONWebKeySet);
  const remembered = new Map<string, { readonly principal: Principal; readonly untilMs: number }>();

  return async (token) => {
    const known = remembered.get(token);
    if (known !== undefined && Date.now() < known.untilMs) return known.principal;
    const verified = await jwtVerify(token, keys, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: CLOCK_TOLERANCE_S,
      requiredClaims: ['exp', 'sub'],
      maxTokenAge: LIFETIME_S_MAX,
    }).catch(() => undefined);
    if (verified === undefined) return undefined;
    const { payload } = verified;
    const claimed: unknown = payload[GRANTS_CLAIM];
    const grants = (Array.isArray(claimed) ? claimed : []).map((text) => parseGrant(String(text)));
    const good = grants.filter((grant) => grant !== undefined);
    const principal = principalOf(`jwt:${payload.sub ?? ''}`, good);
    if (remembered.size >= REMEMBERED_MAX) remembered.clear();
    remembered.set(token, { principal, untilMs: Math.min((payload.exp ?? 0) * 1000, Date.now() + REMEMBER_MS) });
    return principal;
  };
}
