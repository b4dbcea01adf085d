// The package as users get it: packed, installed into an empty project, its README's lines run by a page without a bundler.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeWithChromium, openPage } from '../support/chromium.ts';
import { makeFolder } from '../support/onced.ts';
import { openScene } from './scene.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../../clients/web', import.meta.url));

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

describeWithChromium('the packed @onced/web', () => {
  test('runs the lines of its README in an empty project', async () => {
    await using folder = await makeFolder();
    const npm = async (...args: string[]): Promise<string> =>
      (await run('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder.path, timeout: 120_000 })).stdout;
    const [packed] = JSON.parse(await npm('pack', PACKAGE, '--json', '--pack-destination', folder.path)) as [Packed];
    const paths = packed.files.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'dist/clients/web/index.d.ts']));
    expect(paths.filter((path) => !/^(README\.md|LICENSE|package\.json|dist\/.+\.(js|d\.ts))$/u.test(path))).toEqual(
      [],
    );
    expect(paths.filter((path) => path.includes('admin'))).toEqual([]);

    await writeFile(join(folder.path, 'package.json'), '{ "type": "module", "private": true }');
    await npm('install', '--prefer-offline', join(folder.path, packed.filename));
    const installed = join(folder.path, 'node_modules/@onced/web/dist');
    const pages: Record<string, string> = {};
    for (const path of paths.filter((name) => name.endsWith('.js'))) {
      pages[`/${path}`] = await readFile(join(installed, path.replace('dist/', '')), 'utf8');
    }
    const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
    const lines = /```js\n(.+?)```/su.exec(readme)?.[1] ?? '';
    const map = JSON.stringify({ imports: { '@onced/web': '/dist/clients/web/index.js' } });
    pages['/'] =
      `<form id="pay"></form><script type="importmap">${map}</script><script type="module">${lines}</script>`;

    await using scene = await openScene({ pages });
    await using watched = await openPage(scene.browser);
    scene.faults.set([{ rpc: 'charges', fault: 'drop_reply', times: 1 }]);
    await watched.page.goto(scene.url);
    await watched.page.waitForFunction(() => globalThis.document.querySelector('#pay') !== null);
    await watched.page.evaluate(() => globalThis.document.querySelector<HTMLFormElement>('#pay')?.requestSubmit());
    await watched.page.waitForFunction(() => globalThis.document.title.startsWith('charged'));
    expect([...scene.shop.charges.values()]).toEqual([1]);
  }, 180_000);
});
