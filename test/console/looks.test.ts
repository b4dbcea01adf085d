// Every page in light and dark, with something in it and with nothing: axe finds nothing to object to, and a picture of
// each is left for people to look at (test/console/pictures, not under version control).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { describeWithChromium, openPage } from '../support/chromium.ts';
import { DESK, furnish, LOOKS } from './looks.ts';
import { openScene, type Scene } from './scene.ts';

const PICTURES = fileURLToPath(new URL('pictures', import.meta.url));
const SCHEMES = ['light', 'dark'] as const;
/** Thirty looks, each judged by axe, on a machine that others use too. */
const LOOKS_MS_MAX = 240_000;

describeWithChromium('the looks', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
    await mkdir(PICTURES, { recursive: true });
    await furnish(scene);
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test.each(SCHEMES)(
    'of every page in %s: nothing for axe to object to',
    async (colorScheme) => {
      await using console = await scene.open('/', { colorScheme, viewport: DESK, reducedMotion: 'reduce' });
      const { page } = console;
      for (const { name, path, shows, open, size = DESK } of LOOKS) {
        await page.setViewportSize(size);
        // Of two paths that differ in their fragments only, the second would not be loaded.
        await page.goto('about:blank');
        await page.goto(scene.served.http + path);
        await page.getByText(shows).first().waitFor();
        await open?.(page, scene);
        await picture(page, `${name}-${colorScheme}`);
        const sideways = await page.evaluate<number>(SIDEWAYS);
        expect({ name, sideways, violations: await violationsOf(page) }).toEqual({ name, sideways: 0, violations: [] });
      }
      // The browser itself reports that nobody answers, where that is what is looked at.
      expect(console.faults.filter((fault) => !fault.includes('net::ERR_CONNECTION_REFUSED'))).toEqual([]);
    },
    LOOKS_MS_MAX,
  );

  test.each(SCHEMES)('of the sign-in in %s', async (colorScheme) => {
    await using guarded = await openScene({ asksForCredentials: true });
    await using console = await guarded.open('/', { colorScheme, viewport: DESK });
    await console.page.getByLabel('API key or OIDC token').fill('wrong');
    await console.page.keyboard.press('Enter');
    await console.page.getByText('The server does not know these credentials').waitFor();
    await picture(console.page, `sign-in-${colorScheme}`);
    expect(await violationsOf(console.page)).toEqual([]);
    const grants = [{ role: Role.READER, namespacePattern: '*' }];
    const { secret } = await guarded.admin.createApiKey({ name: 'reader of the late shift', grants });
    await console.page.getByLabel('API key or OIDC token').fill(secret);
    await console.page.keyboard.press('Enter');
    const empty = {
      v: 'Nothing is stored yet.',
      f: 'No record matches.',
      n: 'Choose a namespace',
      o: 'No orphans',
      a: 'may not read',
      p: 'may not purge',
    };
    for (const [letter, shows] of Object.entries(empty)) {
      await console.page.keyboard.press('g');
      await console.page.keyboard.press(letter);
      await console.page.getByText(shows).first().waitFor();
      await picture(console.page, `empty-${letter}-${colorScheme}`);
      expect(await violationsOf(console.page)).toEqual([]);
    }
    expect(console.faults).toEqual([]);
  });

  test('of the first load: less than 200 KB of compressed script', async () => {
    await using console = await openPage(scene.browser);
    const { page } = console;
    let bytes = 0;
    page.on('response', (response) => {
      if (!response.url().endsWith('.js')) return;
      expect(response.headers()['content-encoding']).toBeDefined();
      bytes += Number(response.headers()['content-length']);
    });
    await page.goto(scene.served.http);
    await page.getByRole('region', { name: 'Begins a second' }).waitFor();
    expect(bytes).toBeGreaterThan(50_000);
    expect(bytes).toBeLessThan(200_000);
  });
});

/** Pixels by which the page could be scrolled sideways; tables may, in boxes of their own. */
const SIDEWAYS = `Math.max(...[document.documentElement, ...document.querySelectorAll('main')].map(
  ({ scrollWidth, clientWidth }) => scrollWidth - clientWidth))`;

/** Chromium refuses one now and then, and takes it when asked again (MarketSquare/robotframework-browser issue 5237). */
async function picture(page: Page, name: string): Promise<void> {
  const take = async (): Promise<unknown> =>
    page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
  await take().catch((error: unknown) => {
    if (!String(error).includes('Unable to capture screenshot')) throw error;
    return take();
  });
}

/** Names of rules that are broken, with where. */
async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run({ resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message ?? ''}`));
}
