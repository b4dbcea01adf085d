// The overview: every figure that it promises, and that they are live.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { begin, complete, loseTrack, utf8 } from './records.ts';
import { describeOnEachStore, freshNamespace, openScene, pathTo, type Scene } from './scene.ts';

const DEMO = fileURLToPath(new URL('../../clients/examples/payments/demo.ts', import.meta.url));

const tileOf = (page: Page, name: string) => page.getByRole('region', { name, exact: true });

describeOnEachStore('the overview', (open) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('shows begins, duplicates, times, orphans, records and bytes by state, the store and its tier', async () => {
    const namespace = freshNamespace();
    // Calls are counted by namespace where it has a policy.
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 9 }, reason: 'scene' });
    for (const key of ['a', 'b', 'c']) await complete(scene, { namespace, key }, utf8('x'.repeat(1024)));
    await scene.client.beginIntent({ namespace, key: 'a', attemptId: 'again' });
    await begin(scene, { namespace, key: 'held' });
    await loseTrack(scene, { namespace, key: 'lost' });
    await using console = await scene.open(pathTo('/', { namespace }));
    const { page } = console;
    await tileOf(page, 'Begins a second').getByText('6 begins since the server started').waitFor();
    await tileOf(page, 'Duplicates stopped').getByText('16.7 %').waitFor();
    await tileOf(page, 'Suspected double effects').getByText('none known since the start').waitFor();
    const times = tileOf(page, 'Intent to outcome, p50');
    await times.getByText(/^[\d.]+ m?s$/).waitFor();
    await times.getByText(/^p95 [\d.]+ m?s · p99 [\d.]+ m?s · /).waitFor();
    await tileOf(page, 'Orphans').getByRole('link', { name: '1', exact: true }).waitFor();
    await tileOf(page, 'Orphans')
      .getByText(/^the oldest for [\d.]+ m?s$/)
      .waitFor();
    const { store, tier } = await scene.admin.getStats({});
    await tileOf(page, 'Store').getByText('answers').waitFor();
    await tileOf(page, 'Store').getByText(`${store}, tier ${tier}`).waitFor();
    // In progress, completed, failed, released, unknown, all.
    await page.getByRole('row', { name: `${namespace} 1 3 3 KiB 0 0 1 18 bytes 5 3 KiB`, exact: true }).waitFor();
    const begins = page.getByRole('figure').filter({ hasText: 'Begins a second, by outcome' });
    for (const outcome of ['acquired', 'completed'])
      await begins.getByText(new RegExp(`^${outcome} [\\d.]+$`)).waitFor();
    expect(console.faults).toEqual([]);
  });

  test('of a namespace whose calls are counted under no name of its own shows no noughts', async () => {
    const namespace = freshNamespace();
    await loseTrack(scene, { namespace, key: 'lost' });
    await using console = await scene.open(pathTo('/', { namespace }));
    const { page } = console;
    for (const name of ['Begins a second', 'Suspected double effects', 'Late retries']) {
      await tileOf(page, name).getByText('–', { exact: true }).waitFor();
      await tileOf(page, name).getByText('not counted by itself without a policy of its own').waitFor();
    }
    await tileOf(page, 'Orphans').getByRole('link', { name: '1', exact: true }).waitFor();
    expect(console.faults).toEqual([]);
  });
});

describeWithChromium('the overview', () => {
  test('follows the demo while it runs', async () => {
    await using scene = await openScene();
    await using console = await scene.open('/');
    const note = tileOf(console.page, 'Begins a second').locator('.tile-note');
    await note.getByText('0 begins since the server started').waitFor();
    let isRunning = true;
    const demo = promisify(execFile)(process.execPath, [DEMO, '--orders', '4000', '--address', scene.served.grpc]);
    void demo.finally(() => (isRunning = false)).catch(() => undefined);
    const seen = new Set<string>();
    const look = async (): Promise<number> => {
      if (isRunning) seen.add((await note.textContent()) ?? '');
      return seen.size;
    };
    await expect.poll(look, { timeout: 60_000 }).toBeGreaterThan(2);
    await demo;
    await tileOf(console.page, 'Duplicates stopped')
      .getByText(/^[1-9][\d.]* %$/)
      .waitFor();
    expect(console.faults).toEqual([]);
  }, 120_000);
});
