// A server that asks who its callers are, and a store that counts how often it is touched.

import { generateKeyPair, exportJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthenticator } from '../../server/auth/authenticate.ts';
import type { Grant } from '../../server/auth/grants.ts';
import { openJwt } from '../../server/auth/jwt.ts';
import type { Store } from '../../storage/contract/index.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

export const ADMIN_KEY = 'the-admin-key-of-this-test';
export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'onced';

export interface AuthScene extends AsyncDisposable {
  readonly server: TestServer;
  /** Record verbs that reached the store so far. */
  touches(): number;
  /** The secret of a fresh API key. */
  keyOf(...grants: readonly Grant[]): Promise<string>;
  /** A token signed by the issuer that the server believes. */
  sign(claims: object, change?: (jwt: SignJWT) => SignJWT): Promise<string>;
  readonly privateKey: CryptoKey;
}

/** Counts the verbs on records; the registry and compaction are the server's own business. */
function counted(store: Store): { store: Store; touches: () => number } {
  let touches = 0;
  const verbs = ['claim', 'extend', 'settle', 'read', 'list', 'remove', 'stats'] as const;
  const counting = Object.fromEntries(
    verbs.map((verb) => [
      verb,
      async (...args: unknown[]) => {
        touches += 1;
        return (store[verb] as (...all: unknown[]) => Promise<unknown>)(...args);
      },
    ]),
  );
  return { store: { ...store, ...counting }, touches: () => touches };
}

export async function openAuthScene(base: Store = createMemoryStore()): Promise<AuthScene> {
  const folder = await mkdtemp(join(tmpdir(), 'onced-auth-'));
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const jwk: JWK = { ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k1' };
  await writeFile(join(folder, 'jwks.json'), JSON.stringify({ keys: [jwk] }));
  const verifyJwt = await openJwt({ issuer: ISSUER, audience: AUDIENCE, jwks: join(folder, 'jwks.json') });
  const { store, touches } = counted(base);
  const server = await startTestServer({
    store,
    identifyBy: ({ apiKeys }) =>
      createAuthenticator({ apiKeys, adminKey: ADMIN_KEY, verifyJwt, certificates: new Map() }),
  });
  return {
    server,
    touches,
    privateKey,
    async keyOf(...grants) {
      const { secret } = await server.engine.apiKeys.create({ name: 'test', grants, expireMs: 0 });
      return secret;
    },
    async sign(claims, change = (jwt) => jwt) {
      const jwt = new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject('checkout')
        .setIssuedAt()
        .setExpirationTime('5m');
      return change(jwt).sign(privateKey);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
}
