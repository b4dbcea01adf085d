// The repository keeps its shape: imports point one way (DESIGN.md 7; nothing imports test or bench but these two), files
// stay small, stores name alike.

import { expect, test } from 'vitest';
import { importsOf, readSource, sourceFiles } from './support/sources.ts';

interface Rule {
  /** The first rule whose area a file lies in counts. */
  readonly area: string;
  /** Folders and files of ours that it may import, its own area aside. */
  readonly ours: readonly string[];
  /** Packages; undefined leaves them free. */
  readonly packages?: readonly string[];
}

const RULES: readonly Rule[] = [
  { area: 'storage/contract/', ours: [], packages: [] },
  { area: 'storage/memory/', ours: ['storage/contract/'], packages: [] },
  { area: 'storage/sqlite/', ours: ['storage/contract/'], packages: ['better-sqlite3'] },
  { area: 'storage/postgres/', ours: ['storage/contract/'], packages: ['pg'] },
  { area: 'storage/redis/', ours: ['storage/contract/'], packages: ['ioredis'] },
  { area: 'proto/', ours: [] },
  // The composition root, the only file that names a concrete store.
  { area: 'server/main.ts', ours: ['server/', 'storage/', 'proto/'] },
  { area: 'server/', ours: ['storage/contract/', 'proto/'] },
  { area: 'clients/', ours: ['proto/'] },
  // The contract for its words: the rows of a start-up check, the error of a refusal.
  { area: 'cli/', ours: ['server/', 'clients/', 'proto/', 'storage/contract/'] },
  { area: 'bench/', ours: ['proto/', 'storage/', 'server/', 'clients/', 'cli/', 'test/support/'] },
  { area: 'test/', ours: ['proto/', 'storage/', 'server/', 'clients/', 'cli/', 'bench/'] },
];

const LINES_MAX = 350;
const VERBS = ['claim', 'extend', 'settle'];

const files = sourceFiles();
const isTest = (file: string): boolean => file.endsWith('.test.ts');
const modules = files.filter((file) => /^[^/]+\/.*\.tsx?$/.test(file));

test('every import points the way that the design allows', () => {
  const wrong = modules.filter((file) => !isTest(file) || file.startsWith('test/')).flatMap(wrongImports);
  expect(wrong).toEqual([]);
});

test(`no source file is longer than ${LINES_MAX} lines`, () => {
  const sources = files.filter((file) => /\.(ts|tsx|js|mjs|css|html|sql|lua|py|go|java)$/.test(file));
  const long = sources.filter((file) => readSource(file).split('\n').length > LINES_MAX);
  expect(long).toEqual([]);
});

test('a store handles instants as numbers, never as Date objects', () => {
  const wrong = modules.filter((file) => file.startsWith('storage/') && /new Date\b|:\s*Date\b/.test(readSource(file)));
  expect(wrong).toEqual([]);
});

test("the same verb has the same file name in each store's sql or lua folder", () => {
  const folders = new Set(files.flatMap((file) => /^storage\/\w+\/(sql|lua)(?=\/)/.exec(file)?.[0] ?? []));
  expect(folders.size).toBeGreaterThan(0);
  for (const folder of folders) {
    const extension = folder.split('/').at(-1);
    expect(files).toEqual(expect.arrayContaining(VERBS.map((verb) => `${folder}/${verb}.${extension}`)));
  }
});

test('file names are kebab-case', () => {
  const named = files.filter((file) => /\.(ts|tsx|sql|lua)$/.test(file));
  const wrong = named.filter((file) => !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(file.split('/').at(-1) ?? ''));
  expect(wrong).toEqual([]);
});

function wrongImports(file: string): readonly string[] {
  const rule = RULES.find(({ area }) => file.startsWith(area));
  if (rule === undefined) return [`${file} lies in no area that layout.test.ts knows`];
  return importsOf(file)
    .filter((name) => !isAllowed(rule, name))
    .map((name) => `${file} imports ${name}`);
}

function isAllowed({ area, ours, packages }: Rule, name: string): boolean {
  const isOurs = /^(storage|proto|server|clients|cli|bench|test)\//.test(name);
  if (isOurs) return [area, ...ours].some((allowed) => name.startsWith(allowed));
  if (packages === undefined) return true;
  return packages.includes(name) || (name.startsWith('node:') && area !== 'storage/contract/');
}
