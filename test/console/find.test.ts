// Find and Intent: from a prefix to one key, by hand and by keyboard, live.

import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSqliteStore } from '../../storage/sqlite/index.ts';
import { describeWithChromium } from '../support/chromium.ts';
import { makeFolder } from '../support/onced.ts';
import { requestsIn } from '../support/requests.ts';
import { begin, complete, stateOf, utf8 } from './records.ts';
import { freshNamespace, openScene, pathTo, type Scene } from './scene.ts';

describeWithChromium('finding a key', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('/ , a prefix, the down key and Enter open the first that matches', async () => {
    const namespace = freshNamespace();
    for (const key of ['invoice-1', 'order-1', 'order-2']) await complete(scene, { namespace, key }, utf8('{}'));
    await using console = await scene.open(pathTo('/', { namespace }));
    const { page } = console;
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.keyboard.press('/');
    await page.waitForURL('**/find*');
    await page.getByRole('textbox', { name: 'Key' }).waitFor();
    await expect.poll(async () => page.evaluate('document.activeElement?.tagName'), { timeout: 30_000 }).toBe('INPUT');
    await page.keyboard.type('order-');
    await page.getByText('2 records, all there are').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Intent' }).waitFor();
    await page.locator('.intent-name').getByText('order-2').waitFor();
    // Keys may name people: they stand in the fragment, which no server is ever sent.
    expect(new URL(page.url()).search).toBe('');
    expect(console.faults).toEqual([]);
  });

  test('states, owner and age narrow the list, and a filter that matches nothing teaches the command', async () => {
    const namespace = freshNamespace();
    await complete(scene, { namespace, key: 'done' }, utf8('1'));
    await begin(scene, { namespace, key: 'held' }, { owner: 'worker-7' });
    await using console = await scene.open(pathTo('/find', { namespace }));
    const { page } = console;
    await page.getByText('2 records, all there are').waitFor();
    await page.getByLabel('in progress').check();
    await page.getByText('1 record, all there are').waitFor();
    await page.getByRole('link', { name: 'held' }).waitFor();
    await page.getByLabel('Owner').fill('worker-8');
    await page.getByText('No record matches.').waitFor();
    await page.getByText(`onced list ${namespace} --state in_progress --older 10m`).waitFor();
    await page.getByLabel('Owner').fill('worker-7');
    await page.getByRole('link', { name: 'held' }).waitFor();
    await page.getByLabel('Last written before').fill('soon');
    await page.getByText('write it as 30s, 10m, 2h or 7d').waitFor();
    await page.getByLabel('Last written before').fill('1h');
    await page.getByText('No record matches.').waitFor();
    expect(console.faults).toEqual([]);
  });

  test('of twelve hundred records a few dozen rows are in the page, and the end is reached by scrolling', async () => {
    const namespace = freshNamespace();
    const keys = Array.from({ length: 1200 }, (_, index) => `order-${String(index).padStart(5, '0')}`);
    for (let start = 0; start < keys.length; start += 250) {
      await Promise.all(keys.slice(start, start + 250).map(async (key) => begin(scene, { namespace, key })));
    }
    await using console = await scene.open(pathTo('/find', { namespace }));
    const { page } = console;
    await page.getByRole('link', { name: 'order-00000' }).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    const table = page.getByRole('table', { name: 'Records' });
    await expect
      .poll(
        async () => {
          await table.press('End');
          return page.getByRole('link', { name: 'order-01199' }).count();
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    await page.getByText('1,200 records, all there are').waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    expect(console.faults).toEqual([]);
  });

  test('a search through many pages without a match is not drawn page by page', async () => {
    await using folder = await makeFolder();
    const path = join(folder.path, 'many.db');
    const namespace = freshNamespace();
    await fill(path, namespace);
    await using many = await openScene({ store: `sqlite:${path}` });
    await using console = await many.open(pathTo('/find', { namespace }));
    const { page } = console;
    await page.getByText('100 records so far, more below').waitFor();
    const { calls, drawn, tookMs } = await page.evaluate<Search>(SEARCH);
    await page.getByText('No record matches.').waitFor();
    expect(calls).toBeGreaterThan(4);
    // The first at once, then four a second.
    expect(drawn).toBeLessThanOrEqual(2 + tookMs / 250);
    expect(console.faults).toEqual([]);
  });

  test('a key is followed: the lease runs down, and the outcome shows by itself', async () => {
    const id = { namespace: freshNamespace(), key: 'order-17' };
    const holder = await begin(scene, id, { labels: { trace_id: 'a b/c' } });
    await using console = await scene.open(pathTo('/intent', id));
    const { page } = console;
    await page.getByText('Lease runs out in').waitFor();
    await page.getByRole('button', { name: 'Link …' }).click();
    await page.getByLabel('Link template').fill('javascript:alert({value})');
    await page.getByText('must begin with https:// or http://').waitFor();
    await page.getByLabel('Link template').fill('https://traces.example/{value}');
    await page.getByRole('button', { name: 'Save' }).click();
    expect(await page.getByRole('link', { name: 'a b/c' }).getAttribute('href')).toBe(
      'https://traces.example/a%20b%2Fc',
    );
    await scene.client.complete({ ...holder, result: utf8('{"charge":"ch_17"}'), contentType: 'application/json' });
    await page.getByText('"ch_17"').waitFor();
    await page.getByText('seen here: completed, attempt 1').waitFor();
    expect(await page.getByRole('button', { name: 'Resolve …' }).count()).toBe(0);
    expect(console.faults).toEqual([]);
  });

  test('a key that is not there says what that means, and shows once it is begun', async () => {
    const id = { namespace: freshNamespace(), key: 'later' };
    await using console = await scene.open(pathTo('/intent', id));
    await console.page.getByText('There is no record of this key').waitFor();
    await begin(scene, id);
    await console.page.getByText('Lease runs out in').waitFor();
    expect(await stateOf(scene, id)).toBe('IN_PROGRESS');
    expect(console.faults).toEqual([]);
  });
});

const MANY = 100_000;

async function fill(path: string, namespace: string): Promise<void> {
  const { claimOf } = requestsIn(namespace);
  const store = await openSqliteStore({ path });
  for (let done = 0; done < MANY; done += 1000) {
    await Promise.all(Array.from({ length: 1000 }, async (_, index) => store.claim(claimOf(`order-${done + index}`))));
  }
  await store.close();
}

interface Search {
  readonly calls: number;
  readonly drawn: number;
  readonly tookMs: number;
}

/** Looks for what is not there: calls made, how many different counts of pages read were shown meanwhile, and how long. */
const SEARCH = `(async () => {
  performance.clearResourceTimings();
  const startMs = performance.now();
  const shown = new Set();
  await new Promise((resolve) => {
    new MutationObserver((_, observer) => {
      const text = document.querySelector('.list-status [role="status"]')?.textContent ?? '';
      if (text.startsWith('Reading: 0 records')) shown.add(text);
      if (document.querySelector('.empty') === null) return;
      observer.disconnect();
      resolve();
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
    location.hash = location.hash + '&prefix=none';
  });
  const calls = performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/ListRecords'));
  return { calls: calls.length, drawn: shown.size, tookMs: performance.now() - startMs };
})()`;
