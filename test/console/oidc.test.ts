// Sign-in with a token of an OIDC issuer that the server believes, until it expires.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { makeFolder } from '../support/onced.ts';
import { openScene, pathTo } from './scene.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'onced';

describeWithChromium('an OIDC token', () => {
  test('signs in with the roles in it, and when it has expired the page asks for another', async () => {
    await using folder = await makeFolder();
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const jwks = join(folder.path, 'jwks.json');
    await writeFile(jwks, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', kid: 'k1' }] }));
    const args = ['--jwks', jwks, '--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE];
    await using scene = await openScene({ asksForCredentials: true, args });
    const token = async (lifeSeconds: number): Promise<string> =>
      new SignJWT({ onced_grants: ['reader:*'] })
        .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject('ada')
        .setIssuedAt()
        .setExpirationTime(Math.floor(Date.now() / 1000) + lifeSeconds)
        .sign(privateKey);
    await using console = await scene.open(pathTo('/', {}));
    const { page } = console;
    await page.getByLabel('API key or OIDC token').fill(await token(15));
    await page.keyboard.press('Enter');
    await page.getByText('jwt:ada').waitFor();
    // The overview asks every two seconds; one of these is refused.
    await page.getByText('Your session has ended').waitFor();
    await page.getByLabel('API key or OIDC token').fill(await token(600));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(console.faults).toEqual([]);
  });
});
