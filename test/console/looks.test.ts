// Every page in light and dark, with something in it and with nothing: axe finds nothing to object to, and a picture of
// each is left for people to look at (test/console/pictures, not under version control).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { describeWithChromium, openPage } from '../support/chromium.ts';
import { begin, complete, letLapse, loseTrack, utf8 } from './records.ts';
import { openScene, pathTo, type Scene } from './scene.ts';

const PICTURES = fileURLToPath(new URL('pictures', import.meta.url));
const SCHEMES = ['light', 'dark'] as const;
/** Forty pages looked at by axe, on a machine that others use too. */
const LOOKS_MS_MAX = 240_000;
const DESK = { width: 1360, height: 860 };
const PHONE = { width: 390, height: 780 };

interface Look {
  readonly name: string;
  readonly path: string;
  /** Something that stands there once the page is done. */
  readonly shows: string;
  /** Opens what is to be looked at. */
  readonly open?: (page: Page) => Promise<void>;
  readonly size?: typeof DESK;
}

const namespace = 'payments/charge';
const key = 'order-2026-11-25-000017';
const LOOKS: readonly Look[] = [
  { name: 'overview', path: '/', shows: 'Begins a second' },
  { name: 'overview-narrow', path: '/', shows: 'Begins a second', size: PHONE },
  { name: 'find', path: pathTo('/find', { namespace }), shows: 'all there are' },
  { name: 'find-narrow', path: pathTo('/find', { namespace }), shows: 'all there are', size: PHONE },
  { name: 'find-nothing', path: pathTo('/find', { namespace, prefix: 'none' }), shows: 'No record matches.' },
  { name: 'intent', path: pathTo('/intent', { namespace, key }), shows: 'Labels of the outcome' },
  { name: 'intent-narrow', path: pathTo('/intent', { namespace, key }), shows: 'Labels of the outcome', size: PHONE },
  { name: 'intent-lost', path: pathTo('/intent', { namespace, key: 'unsure-1' }), shows: 'Checkpoint' },
  {
    name: 'intent-missing',
    path: pathTo('/intent', { namespace, key: 'no' }),
    shows: 'There is no record of this key',
  },
  {
    name: 'resolve',
    path: pathTo('/intent', { namespace, key: 'unsure-1' }),
    shows: 'Checkpoint',
    async open(page) {
      await page.getByRole('button', { name: 'Resolve …' }).click();
      await page.getByLabel('It was done').check();
      await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
      await page.getByText('A reason is required').waitFor();
    },
  },
  { name: 'orphans', path: pathTo('/orphans', { namespace }), shows: 'all there are' },
  { name: 'orphans-none', path: pathTo('/orphans', { namespace: 'refunds' }), shows: 'No orphans' },
  { name: 'namespaces', path: pathTo('/namespaces', { namespace }), shows: 'in effect' },
  {
    name: 'namespace-edit',
    path: pathTo('/namespaces', { namespace }),
    shows: 'in effect',
    async open(page) {
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('lease', { exact: true }).fill('10s');
      await page.getByRole('button', { name: 'Review changes …' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'tail-empty', path: '/tail', shows: 'Nothing yet: call it.' },
  { name: 'audit', path: '/audit', shows: 'Verify the chain' },
  {
    name: 'purge',
    path: pathTo('/purge', { namespace }),
    shows: 'Count what matches',
    async open(page) {
      await page.getByRole('button', { name: 'Count what matches' }).click();
      await page.getByRole('form', { name: 'Confirm' }).waitFor();
    },
  },
  {
    name: 'purge-refused',
    path: pathTo('/purge', { namespace: 'NOT-ALLOWED' }),
    shows: 'A value was refused',
  },
  {
    name: 'help',
    path: '/purge',
    shows: 'Count what matches',
    async open(page) {
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'nowhere', path: '/nowhere', shows: 'The console has no such page.' },
];

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
        await page.goto(scene.served.http + path);
        await page.getByText(shows).first().waitFor();
        await open?.(page);
        await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`), animations: 'disabled' });
        expect({ name, violations: await violationsOf(page) }).toEqual({ name, violations: [] });
      }
      expect(console.faults).toEqual([]);
    },
    LOOKS_MS_MAX,
  );

  test.each(SCHEMES)('of the sign-in in %s', async (colorScheme) => {
    await using guarded = await openScene({ asksForCredentials: true });
    await using console = await guarded.open('/', { colorScheme, viewport: DESK });
    await console.page.getByLabel('API key or OIDC token').fill('wrong');
    await console.page.keyboard.press('Enter');
    await console.page.getByText('The server does not know these credentials').waitFor();
    await console.page.screenshot({ path: join(PICTURES, `sign-in-${colorScheme}.png`) });
    expect(await violationsOf(console.page)).toEqual([]);
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

/** Names of rules that are broken, with where. */
async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run({ resultTypes: ['violations'] })");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any }) => `${id}: ${html} ${any[0]?.message ?? ''}`));
}

/** As a shop on a bad day. */
async function furnish(calls: Scene): Promise<void> {
  for (let index = 1; index <= 40; index += 1) {
    const id = { namespace, key: `order-2026-11-24-${String(index).padStart(6, '0')}` };
    await complete(calls, id, utf8(JSON.stringify({ charge: `ch_${index}`, amount: 1999 })), 'application/json');
  }
  const holder = await begin(calls, { namespace, key }, { owner: 'checkout-7f9c/worker-3', labels: LABELS });
  const result = utf8(
    JSON.stringify({ charge: 'ch_17', amount: 1999, currency: 'EUR', lines: [{ sku: 'A-1', n: 2 }] }),
  );
  await calls.client.complete({ ...holder, result, contentType: 'application/json', labels: { provider: 'acme' } });
  for (const name of ['unsure-1', 'unsure-2']) await loseTrack(calls, { namespace, key: name });
  await letLapse(calls, { namespace, key: 'lapsed-1' });
  await begin(calls, { namespace, key: 'held-1' }, { leaseMs: 600_000 });
  const failing = await begin(calls, { namespace, key: 'declined-1' });
  const error = { code: 'card_declined', message: 'The card was declined.' };
  await calls.client.fail({ ...failing, kind: FailKind.FINAL, error });
  await calls.admin.putNamespace({
    namespace: 'payments',
    policy: { maxAttempts: 3 },
    reason: 'three tries are enough',
  });
}

const LABELS = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', order: '17' };
