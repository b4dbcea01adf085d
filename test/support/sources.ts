// The repository's own files, for tests that look at its shape.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Paths from the root of all files under version control that are still there, generated ones left out. */
export function sourceFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const isGenerated = (file: string): boolean =>
    file.split('/').includes('gen') || /(\.pb\.go|_pb2(_grpc)?\.pyi?|package-lock\.json)$/.test(file);
  return listed
    .toString()
    .split('\0')
    .filter((file) => file !== '' && !isGenerated(file) && existsSync(join(root, file)));
}

export const readSource = (file: string): string => readFileSync(join(root, file), 'utf8');

/** What a TypeScript file imports: paths from the root for files of ours, names for packages. */
export function importsOf(file: string): readonly string[] {
  const found = readSource(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, name = '']) =>
    name.startsWith('.') ? relative(root, join(root, dirname(file), name)) : name,
  );
}
