// Keys, labels, owners, errors and payloads that were made to harm whoever looks at them. They are shown as what they
// are, run nothing, and hide nothing.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { describeWithChromium, type WatchedPage } from '../support/chromium.ts';
import { begin, complete, utf8 } from './records.ts';
import { freshNamespace, openScene, pathTo, type Scene } from './scene.ts';

const MARKUP = [
  '<img src=x onerror="globalThis.harmed=1">',
  '<script>globalThis.harmed=1</script>',
  '"><svg/onload=globalThis.harmed=1>',
  'javascript:globalThis.harmed=1',
  '{{constructor.constructor("globalThis.harmed=1")()}}',
  '__proto__',
];
/** Right to left, an override of direction, zero width, a blank that is none. */
const HIDING = ['مفتاح-١٢٣', 'order-\u202e71\u202c', 'or\u200bder-17', 'order\u00a017', 'order\u3164'];

const nothingRan = async ({ page, faults }: WatchedPage): Promise<void> => {
  expect(await page.evaluate('globalThis.harmed')).toBeUndefined();
  // A violation of the content security policy would be among these.
  expect(faults).toEqual([]);
};

describeWithChromium('hostile texts', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('a page that does what its policy forbids is found at fault, or the tests below would prove nothing', async () => {
    await using console = await scene.open('/');
    await console.page.getByRole('heading', { name: 'Overview' }).waitFor();
    await console.page.evaluate("document.body.setAttribute('style', 'top: 0')");
    await expect.poll(() => console.faults.join(), { timeout: 30_000 }).toContain('Content Security Policy');
  });

  test('keys of markup and of hidden characters are listed as text, with what does not show by its number', async () => {
    const namespace = freshNamespace();
    for (const key of [...MARKUP, ...HIDING]) await complete(scene, { namespace, key }, utf8(key));
    await using console = await scene.open(pathTo('/find', { namespace }));
    const { page } = console;
    await page.getByText(`${MARKUP.length + HIDING.length} records, all there are`).waitFor();
    for (const key of MARKUP) await page.getByRole('link', { name: key, exact: true }).waitFor();
    for (const mark of ['U+202E', 'U+200B', 'U+00A0', 'U+3164']) await page.getByText(mark).first().waitFor();
    expect(await page.locator('main img, main script, main iframe').count()).toBe(0);
    await nothingRan(console);
  });

  test('each opens as an intent by its link, and its result is shown as text', async () => {
    const namespace = freshNamespace();
    for (const key of [MARKUP[0] ?? '', HIDING[1] ?? '', '__proto__']) {
      await complete(scene, { namespace, key }, utf8(`<h1>${key}</h1>`), 'text/html');
      await using console = await scene.open(pathTo('/intent', { namespace, key }));
      await console.page.getByRole('region', { name: 'Result' }).getByText('<h1>').waitFor();
      expect(await console.page.locator('.payload h1').count()).toBe(0);
      await nothingRan(console);
    }
  });

  test('owners, labels, errors and reasons are text too, on every page that shows them', async () => {
    const namespace = freshNamespace();
    const [harm = ''] = MARKUP;
    const holder = await begin(scene, { namespace, key: 'victim' }, { owner: harm, labels: { [harm]: harm } });
    await scene.client.checkpoint({ ...holder, data: utf8(JSON.stringify({ [harm]: harm })) });
    await scene.client.fail({ ...holder, kind: FailKind.UNKNOWN, error: { code: harm, message: harm } });
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 5 }, reason: harm });
    const paths = [
      pathTo('/intent', { namespace, key: 'victim' }),
      pathTo('/orphans', { namespace }),
      pathTo('/audit', { namespace }),
      pathTo('/find', { namespace, owner: harm }),
    ];
    for (const path of paths) {
      await using console = await scene.open(path);
      await console.page.getByText(harm).first().waitFor();
      expect(await console.page.locator('main img').count()).toBe(0);
      await nothingRan(console);
    }
  });

  test('256 KiB of JSON open at once as a tree, a branch at a time, and keep digits that JavaScript would lose', async () => {
    const items = Array.from({ length: 3450 }, (_, index) => ({ id: index, text: '<b>'.repeat(18) }));
    const json = JSON.stringify({ items }).replace('{', '{"exact":12345678901234567890,');
    expect(json.length).toBeGreaterThan(250 * 1024);
    const id = { namespace: freshNamespace(), key: 'large' };
    await complete(scene, id, utf8(json), 'application/json');
    await using console = await scene.open(pathTo('/intent', id));
    const { page } = console;
    await page.getByText('12345678901234567890').waitFor();
    await page.getByRole('button', { name: '3,450 items' }).click();
    await page.getByRole('button', { name: '3,350 more' }).waitFor();
    expect(await page.locator('.json li').count()).toBeLessThan(500);
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.getByRole('button', { name: /Show all/ }).waitFor();
    await nothingRan(console);
  });

  test('bytes that are no text are shown in hex, and downloaded as they are and as no type that a browser would open', async () => {
    const bytes = Uint8Array.from({ length: 4096 }, (_, index) => (index * 7) % 256);
    const id = { namespace: freshNamespace(), key: 'binary' };
    await complete(scene, id, bytes, 'text/html');
    await using console = await scene.open(pathTo('/intent', id), { acceptDownloads: true });
    const { page } = console;
    await page.getByText('00000000  00 07 0e 15').waitFor();
    expect(await page.getByRole('tab', { name: 'JSON' }).isDisabled()).toBe(true);
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Download' }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toBe('result.bin');
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).equals(Buffer.from(bytes))).toBe(true);
    await nothingRan(console);
  });
});
