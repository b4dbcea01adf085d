// Sign-in, the frame around every page, the overview.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { ADMIN_KEY, freshNamespace, openScene, pathTo, type Scene } from './scene.ts';

describeWithChromium('the console', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('shows figures of what this server was asked, and live ones', async () => {
    const namespace = freshNamespace();
    await scene.client.beginIntent({ namespace, key: 'order-1', attemptId: 'a' });
    await using console = await scene.open('/');
    await console.page.getByRole('heading', { name: 'Overview' }).waitFor();
    await console.page.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    await console.page.getByRole('rowheader', { name: namespace }).waitFor();
    await scene.client.beginIntent({ namespace, key: 'order-1', attemptId: 'b' });
    await console.page.getByRole('region', { name: 'Duplicates stopped' }).getByText('50 %').waitFor();
    expect(console.faults).toEqual([]);
  });

  test('a path that is no page says so, and the ? key lists where to go', async () => {
    await using console = await scene.open('/nowhere');
    await console.page.getByText('The console has no such page.').waitFor();
    await console.page.keyboard.press('?');
    await console.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await console.page.keyboard.press('Escape');
    await console.page.getByRole('dialog').waitFor({ state: 'detached' });
    await console.page.keyboard.press('g');
    await console.page.keyboard.press('v');
    await console.page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(console.faults).toEqual([]);
  });

  test('g and a letter goes to each page and keeps the namespace, and / finds a key, but never while somebody writes', async () => {
    const namespace = freshNamespace();
    await using console = await scene.open(pathTo('/nowhere', { namespace }));
    const { page } = console;
    await page.getByText('The console has no such page.').waitFor();
    const pages = { f: 'Find', o: 'Orphans', n: 'Namespaces', t: 'Live tail', a: 'Audit', p: 'Purge', v: 'Overview' };
    for (const [letter, title] of Object.entries(pages)) {
      await page.keyboard.press('g');
      await page.keyboard.press(letter);
      await page.getByRole('heading', { name: title, level: 1 }).waitFor();
      expect(new URL(page.url()).hash).toBe(`#${new URLSearchParams({ namespace }).toString()}`);
    }
    await page.keyboard.press('/');
    await page.getByRole('heading', { name: 'Find', level: 1 }).waitFor();
    await expect
      .poll(async () => page.evaluate('document.activeElement?.placeholder'), { timeout: 30_000 })
      .toBe('starts with …');
    await page.keyboard.type('go/?');
    expect(await page.getByRole('textbox', { name: 'Key' }).inputValue()).toBe('go/?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(console.faults).toEqual([]);
  });

  test('others than browsers get text at the root, and files that are named by their content are kept for good', async () => {
    const front = await fetch(scene.served.http);
    expect(await front.text()).toContain('/metrics');
    const index = await fetch(scene.served.http, { headers: { accept: 'text/html' } });
    expect(index.headers.get('cache-control')).toBe('no-store');
    expect(index.headers.get('content-security-policy')).toContain("script-src 'self';");
    const [, script = ''] = /src="(\/assets\/[^"]+)"/.exec(await index.text()) ?? [];
    const asset = await fetch(scene.served.http + script, { headers: { 'accept-encoding': 'br' } });
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect(asset.headers.get('content-encoding')).toBe('br');
    expect(asset.headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describeWithChromium('sign-in', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene({ asksForCredentials: true });
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('takes a key that the server knows, tells of one that it does not, and keeps none', async () => {
    await using console = await scene.open('/');
    const { page } = console;
    await page.getByLabel('API key or OIDC token').fill('a-key-that-nobody-made');
    await page.keyboard.press('Enter');
    await page.getByText('The server does not know these credentials').waitFor();
    await page.getByLabel('API key or OIDC token').fill(ADMIN_KEY);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('admin-key').waitFor();
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(kept).not.toContain(ADMIN_KEY);
    await page.reload();
    await page.getByLabel('API key or OIDC token').waitFor();
    // The browser itself reports each answer of 401, also the one that asks whether credentials are needed.
    expect(console.faults.filter((fault) => !fault.includes('401'))).toEqual([]);
  });
});
