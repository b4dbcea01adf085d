// Who may come in: keys that are made, rotated and revoked, tokens that are not what they say, and what a stranger learns.

import { randomUUID } from 'node:crypto';
import { status as Code } from '@grpc/grpc-js';
import { base64url, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { describe, expect, test } from 'vitest';
import { Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { refusal } from '../rpc/scene.ts';
import { ADMIN_KEY, AUDIENCE, ISSUER, openAuthScene, type AuthScene } from './scene.ts';

const begin = async (scene: AuthScene, token: string | undefined, namespace = 'payments'): Promise<unknown> =>
  scene.server.client.beginIntent({ namespace, key: randomUUID(), attemptId: randomUUID() }, { token });

describe('an API key', () => {
  test('opens its namespaces and no others, and a stranger does not reach the store', async () => {
    await using scene = await openAuthScene();
    const token = await scene.keyOf({ role: 'writer', pattern: 'payments/*' });
    await begin(scene, token);
    await begin(scene, token, 'payments/charge');
    const before = scene.touches();
    for (const namespace of ['refunds', 'payments2', 'payment', 'payments.x']) {
      const refused = await refusal(begin(scene, token, namespace));
      expect(refused).toMatchObject({ code: Code.PERMISSION_DENIED, reason: 'PERMISSION_DENIED' });
    }
    expect(await refusal(begin(scene, undefined))).toMatchObject({
      code: Code.UNAUTHENTICATED,
      reason: 'UNAUTHENTICATED',
    });
    expect(scene.touches()).toBe(before);
  });

  test('that was rotated is good with both secrets, and with the older one no longer than the next rotation', async () => {
    await using scene = await openAuthScene();
    const first = await scene.keyOf({ role: 'writer', pattern: '*' });
    const [key] = (await scene.server.admin.listApiKeys({}, { token: ADMIN_KEY })).apiKeys;
    const id = key?.id ?? '';
    const { secret: second } = await scene.server.admin.rotateApiKey({ id }, { token: ADMIN_KEY });
    await begin(scene, first);
    await begin(scene, second);
    const { secret: third } = await scene.server.admin.rotateApiKey({ id }, { token: ADMIN_KEY });
    expect((await refusal(begin(scene, first))).reason).toBe('UNAUTHENTICATED');
    await begin(scene, second);
    await scene.server.admin.revokeApiKey({ id, olderSecretOnly: true }, { token: ADMIN_KEY });
    expect((await refusal(begin(scene, second))).reason).toBe('UNAUTHENTICATED');
    await begin(scene, third);
    await scene.server.admin.revokeApiKey({ id }, { token: ADMIN_KEY });
    expect((await refusal(begin(scene, third))).reason).toBe('UNAUTHENTICATED');
  });

  test('is stored as a digest: neither the list nor the audit shows its secret', async () => {
    await using scene = await openAuthScene();
    const grants = [{ role: Role.WRITER, namespacePattern: '*' }];
    const made = await scene.server.admin.createApiKey({ name: 'n', grants }, { token: ADMIN_KEY });
    const shown = JSON.stringify(
      [
        await scene.server.admin.listApiKeys({}, { token: ADMIN_KEY }),
        await scene.server.admin.listAuditEvents({}, { token: ADMIN_KEY }),
      ],
      (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value),
    );
    expect(shown).toContain(made.apiKey?.id);
    expect(shown).not.toContain(made.secret.split('_').slice(2).join('_'));
  });

  test.each(['', 'x', 'onced_', 'onced_0000000000000000_AAAA', `onced_${'a'.repeat(5000)}_b`])(
    'that is %j is none',
    async (token) => {
      await using scene = await openAuthScene();
      expect((await refusal(begin(scene, token))).reason).toBe('UNAUTHENTICATED');
    },
  );

  test('guessed ten times from one address makes the address wait', async () => {
    await using scene = await openAuthScene();
    for (let tries = 0; tries < 10; tries += 1) await refusal(begin(scene, 'onced_0_wrong'));
    const refused = await refusal(begin(scene, ADMIN_KEY));
    expect(refused).toMatchObject({ code: Code.RESOURCE_EXHAUSTED, reason: 'OVERLOADED' });
    expect(refused.retryMs).toBeGreaterThan(0);
  });
});

describe('a JSON Web Token', () => {
  const grants = { onced_grants: ['writer:payments/*'] };

  test('of the issuer opens what its claim says', async () => {
    await using scene = await openAuthScene();
    const token = await scene.sign(grants);
    await begin(scene, token);
    expect((await refusal(begin(scene, token, 'refunds'))).reason).toBe('PERMISSION_DENIED');
    expect((await refusal(begin(scene, await scene.sign({})))).reason).toBe('PERMISSION_DENIED');
  });

  test('that is expired, for others, by others, too long-lived or unsigned is refused', async () => {
    await using scene = await openAuthScene();
    const secret = new TextEncoder().encode('a shared secret of thirty-two bytes');
    const claims = { ...grants, iss: ISSUER, aud: AUDIENCE, sub: 's', iat: now(), exp: now() + 300 };
    const bad: Record<string, string> = {
      expired: await scene.sign(grants, (jwt) => jwt.setIssuedAt(now() - 600).setExpirationTime(now() - 300)),
      audience: await scene.sign(grants, (jwt) => jwt.setAudience('somebody else')),
      issuer: await scene.sign(grants, (jwt) => jwt.setIssuer('https://elsewhere.example')),
      old: await scene.sign(grants, (jwt) => jwt.setIssuedAt(now() - 7200)),
      unsigned: new UnsecuredJWT(claims).encode(),
      symmetric: await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(secret),
      stranger: await signedBy((await generateKeyPair('ES256')).privateKey, claims),
      endless: await signedBy(scene.privateKey, { ...claims, exp: undefined }),
      forged: swapped(await scene.sign(grants), { ...claims, onced_grants: ['admin:*'] }),
    };
    // Fewer than the failures after which an address has to wait.
    for (const [what, token] of Object.entries(bad)) {
      expect({ what, reason: (await refusal(begin(scene, token))).reason }).toEqual({
        what,
        reason: 'UNAUTHENTICATED',
      });
    }
  });
});

const now = (): number => Math.floor(Date.now() / 1000);

const signedBy = async (key: CryptoKey, claims: object): Promise<string> =>
  new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(key);

/** The same signature under another content. */
function swapped(token: string, claims: object): string {
  const [header, , signature] = token.split('.');
  return [header, base64url.encode(JSON.stringify(claims)), signature].join('.');
}

/** By unary calls; tenants.test.ts makes 100,000 by session. */
const TRIES = Number(process.env['ONCED_TENANT_TRIES'] ?? 600);

test(`two tenants with the same keys, ${TRIES} tries each way: nothing leaks and the store is not touched`, async () => {
  await using scene = await openAuthScene();
  const tenants = await Promise.all(
    ['red', 'blue'].map(async (name) => ({ name, token: await scene.keyOf({ role: 'writer', pattern: `${name}/*` }) })),
  );
  const { client } = scene.server;
  for (const { name, token } of tenants) {
    const begun = await client.beginIntent({ namespace: name, key: 'same', attemptId: name }, { token });
    if (begun.outcome.case !== 'acquired') return expect.fail('not acquired');
    const { leaseToken } = begun.outcome.value;
    await client.complete(
      { namespace: name, key: 'same', leaseToken, result: Buffer.from(`secret of ${name}`) },
      { token },
    );
  }
  const before = scene.touches();
  const [red, blue] = tenants;
  if (red === undefined || blue === undefined) return expect.fail('no tenants');
  for (let start = 0; start < TRIES; start += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const [me, other] = index % 2 === 0 ? [red, blue] : [blue, red];
        const id = { namespace: other.name, key: 'same' };
        const call = [
          async () => client.lookup({ ...id, includeResult: true }, { token: me.token }),
          async () => client.beginIntent({ ...id, attemptId: 'x' }, { token: me.token }),
          async () => client.renew({ ...id, leaseToken: new Uint8Array(16) }, { token: me.token }),
        ][index % 3];
        const refused = await refusal(call === undefined ? Promise.resolve() : call());
        expect(refused.reason).toBe('PERMISSION_DENIED');
        expect(JSON.stringify(refused)).not.toContain('secret');
      }),
    );
  }
  expect(scene.touches()).toBe(before);
}, 120_000);
