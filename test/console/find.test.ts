// Find and Intent: from a prefix to one key, by hand and by keyboard, live.

import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ListRecordsResponseSchema } from '../../proto/gen/onced/v1/admin_pb.js';
import { begin, complete, stateOf, utf8 } from './records.ts';
import { describeOnEachStore, freshNamespace, pathTo, type Scene } from './scene.ts';

describeOnEachStore('finding a key', (open) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open();
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
    // In the order that the store keeps them in.
    const [, second = ''] = await page.getByRole('table').getByRole('link').allTextContents();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Intent' }).waitFor();
    await page.locator('.intent-name').getByText(second, { exact: true }).waitFor();
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
    await page
      .getByRole('link', { name: /^order-/ })
      .first()
      .waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    const table = page.getByRole('table', { name: 'Records' });
    await expect
      .poll(
        async () => {
          await table.press('End');
          // The head is the first row.
          return page.locator(`[aria-rowindex="${keys.length + 1}"]`).count();
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    await page.getByText('1,200 records, all there are').waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    expect(console.faults).toEqual([]);
  });

  test('the time of the first page is that until the first page with records, not of an empty one before it', async () => {
    const namespace = freshNamespace();
    await begin(scene, { namespace, key: 'order-1' });
    await using console = await scene.open(pathTo('/find', { namespace }));
    const { page } = console;
    await page.getByText('1 record, all there are').waitFor();
    let first: Buffer | undefined;
    await page.route('**/ListRecords', async (route) => {
      await sleep(600);
      const body = route.request().postDataBuffer() ?? expect.fail('a request without a body');
      if (first !== undefined) return route.continue({ postData: first });
      first = body;
      return route.fulfill({ contentType: 'application/grpc-web+proto', body: EMPTY_PAGE });
    });
    await page.getByRole('textbox', { name: 'Key' }).fill('order-');
    await page.getByText(/^1 record, all there are · first page in [\d.]+ s$/).waitFor();
    expect(console.faults).toEqual([]);
  });

  test('a search that finds nothing for long shows how far it is, stops when told and goes on when asked', async () => {
    await using console = await scene.open(pathTo('/find', { namespace: freshNamespace() }));
    const { page } = console;
    await page.getByText('No record matches.').waitFor();
    let calls = 0;
    await page.route('**/ListRecords', async (route) => {
      calls += 1;
      await sleep(100);
      return route.fulfill({ contentType: 'application/grpc-web+proto', body: EMPTY_PAGE });
    });
    await page.getByRole('textbox', { name: 'Key' }).fill('order-');
    await page.getByText(/^Reading: 0 records in [3-9] pages$/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('0 records so far, more below').waitFor();
    const callsWhenStopped = calls;
    await page.getByRole('button', { name: 'Read on' }).click();
    await expect.poll(() => calls, { timeout: 30_000 }).toBeGreaterThan(callsWhenStopped);
    expect(console.faults).toEqual([]);
  });

  test('a key is followed: the lease runs down, and the outcome shows by itself', async () => {
    const id = { namespace: freshNamespace(), key: 'order-17' };
    const holder = await begin(scene, id, { labels: { trace_id: 'a b/c' } });
    await using console = await scene.open(pathTo('/intent', id));
    const { page } = console;
    await page.getByText('Lease runs out in').waitFor();
    const secondsLeft = async (): Promise<number> =>
      Number.parseFloat((await page.locator('.countdown').textContent()) ?? '');
    const firstLeft = await secondsLeft();
    expect(firstLeft).toBeLessThan(60);
    await expect.poll(secondsLeft, { timeout: 30_000 }).toBeLessThan(firstLeft);
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

/** As the server answers after a long search: no records, and a token. */
const EMPTY_PAGE = Buffer.concat([
  frame(0, toBinary(ListRecordsResponseSchema, create(ListRecordsResponseSchema, { nextPageToken: 'further' }))),
  frame(0x80, utf8('grpc-status: 0\r\n')),
]);

/** Of gRPC-Web: a message, or with the highest bit the trailers. */
function frame(flags: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}
