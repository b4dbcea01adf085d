// The suite as somebody with a store of their own gets it: packed, installed into an empty project, and run there by the
// lines that docs/writing-a-store.md shows.

import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { makeFolder } from '../support/onced.ts';

const execute = promisify(execFile);
const HERE = fileURLToPath(new URL('.', import.meta.url));
const DOCS = new URL('../../docs/writing-a-store.md', import.meta.url);
const ROOT_PACKAGE = new URL('../../package.json', import.meta.url);
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** A store that takes a lease whatever stands there: two callers would both do the work. */
const BROKEN = `
import { createMemoryStore } from '@onced/conformance/memory';
export async function openMyStore() {
  const store = createMemoryStore();
  return {
    ...store,
    async claim(request, options) {
      const { record, nowMs } = await store.read({ ...request, includeResult: false }, options);
      const isHeld = record !== undefined && nowMs < record.expireMs;
      return store.claim({ ...request, expected: isHeld ? record.revision : 'absent' }, options);
    },
  };
}`;

interface Outcome {
  readonly isSuccess: boolean;
  readonly passed: number;
  readonly failed: readonly string[];
}

test('the packed suite runs in ten lines in an empty project, and fails a store that breaks its promise', async () => {
  await using folder = await makeFolder();
  const run = async (program: string, ...args: string[]): Promise<string> => {
    const environment = { ...process.env, CI: '' };
    return (await execute(program, args, { cwd: folder.path, timeout: 120_000, env: environment })).stdout;
  };
  const [packed] = JSON.parse(await run('npm', 'pack', HERE, '--json', '--pack-destination', folder.path)) as [
    { readonly filename: string; readonly files: readonly { readonly path: string }[] },
  ];
  const strange = packed.files.filter(({ path }) => !/^(LICENSE|package\.json|dist\/.+\.(js|d\.ts))$/u.test(path));
  expect(strange).toEqual([]);

  await writeFile(join(folder.path, 'package.json'), '{ "type": "module", "private": true }');
  const { devDependencies } = JSON.parse(await readFile(ROOT_PACKAGE, 'utf8')) as {
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const needed = ['vitest', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  await run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', packed.filename, ...needed);

  const [test = '', store = ''] = [...(await readFile(DOCS, 'utf8')).matchAll(/```ts\n\/\/ my-store.+?```/gsu)].map(
    ([block]) => block.slice('```ts\n'.length, -'```'.length),
  );
  expect(test.split('\n').filter((line) => line !== '' && !line.startsWith('//')).length).toBeLessThanOrEqual(10);
  await writeFile(join(folder.path, 'my-store.test.ts'), test);
  await writeFile(join(folder.path, 'my-store.ts'), store);
  const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--allowImportingTsExtensions'];
  await run(process.execPath, TSC, ...strict, 'my-store.test.ts');

  const suite = async (): Promise<Outcome> => {
    const vitest = ['vitest', 'run', '--reporter=json', '--outputFile=report.json'];
    const isSuccess = await run('npx', ...vitest).then(
      () => true,
      () => false,
    );
    const report = JSON.parse(await readFile(join(folder.path, 'report.json'), 'utf8')) as {
      readonly numPassedTests: number;
      readonly testResults: readonly { readonly assertionResults: readonly { status: string; title: string }[] }[];
    };
    const all = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = all.filter(({ status }) => status === 'failed').map(({ title }) => title);
    return { isSuccess, passed: report.numPassedTests, failed };
  };
  const good = await suite();
  expect(good).toMatchObject({ isSuccess: true, failed: [] });
  expect(good.passed).toBeGreaterThan(100);

  await writeFile(join(folder.path, 'my-store.ts'), BROKEN);
  const broken = await suite();
  expect(broken.isSuccess).toBe(false);
  expect(broken.failed.length).toBeGreaterThan(0);
  console.log(`${good.passed} sentences hold; of the broken store ${broken.failed.length} do not`);
}, 240_000);
