// The package as users get it: packed, installed into an empty project, its README's lines compiled and run, and nothing in
// it that the repository alone has.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { makeFolder, serveOnced } from '../support/onced.ts';

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL('../../clients/node', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
// The one peer whose code an adapter uses.
const CONNECT = '@connectrpc/connect@2.2.0';

test('the packed client runs the lines of its README in an empty project', async () => {
  await using folder = await makeFolder();
  await using server = await serveOnced(['--store', 'memory:']);
  const npm = async (...args: string[]): Promise<string> =>
    (await run('npm', [...args, '--no-audit', '--no-fund'], { cwd: folder.path, timeout: 120_000 })).stdout;

  const [packed] = JSON.parse(await npm('pack', PACKAGE, '--json', '--pack-destination', folder.path)) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  const paths = packed.files.map(({ path }) => path);
  expect(paths).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'dist/clients/node/index.d.ts']));
  expect(paths.filter((path) => !/^(README\.md|LICENSE|package\.json|dist\/.+\.(js|d\.ts))$/u.test(path))).toEqual([]);

  await writeFile(join(folder.path, 'package.json'), '{ "type": "module", "private": true }');
  await npm('install', '--prefer-offline', join(folder.path, packed.filename), CONNECT);
  const readme = await readFile(join(PACKAGE, 'README.md'), 'utf8');
  const lines = /```js\n(.+?)```/su.exec(readme)?.[1]?.replace('127.0.0.1:50051', server.grpc) ?? '';
  await writeFile(join(folder.path, 'main.ts'), lines);
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--lib', 'es2023,dom'];
  await run(process.execPath, [TSC, ...strict, '--types', '', 'main.ts'], { cwd: folder.path });
  await writeFile(join(folder.path, 'main.js'), lines);
  // No adapter but that of Connect needs its framework to be loaded.
  const names = Object.keys(exportsOf(await readFile(join(PACKAGE, 'package.json'), 'utf8')));
  const loads = names.map((name) => `await import('@onced/client${name.slice(1)}');`).join('\n');
  await writeFile(join(folder.path, 'loads.js'), loads);
  await run(process.execPath, ['loads.js'], { cwd: folder.path, timeout: 20_000 });
  expect(names).toContain('./express');
  const outputs = [];
  for (let times = 0; times < 2; times++) {
    outputs.push(await run(process.execPath, ['main.js'], { cwd: folder.path, timeout: 20_000 }));
  }
  expect(outputs.map(({ stdout, stderr }) => stdout + stderr)).toEqual([
    "{ charge: 'ch_order-17' } false\n",
    "{ charge: 'ch_order-17' } true\n",
  ]);
}, 180_000);

const exportsOf = (manifest: string): object => (JSON.parse(manifest) as { readonly exports: object }).exports;
