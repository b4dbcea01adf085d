// Makes a package's dist: plain JavaScript and types. A published package cannot be run from its TypeScript, since Node
// strips no types below node_modules.

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** By the folder's tsconfig.build.json. Returns where dist is. */
export function buildPackage(folder: string): string {
  const dist = join(folder, 'dist');
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  rmSync(dist, { recursive: true, force: true });
  execFileSync(process.execPath, [tsc, '-p', join(folder, 'tsconfig.build.json')], { stdio: 'inherit' });
  // The compiler rewrites the extensions of imports in JavaScript only.
  for (const file of globSync('**/*.d.ts', { cwd: dist }).map((name) => join(dist, name))) {
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(from '\.[^']+)\.ts'/gu, "$1.js'"));
  }
  return dist;
}

const GENERATED = 'proto/gen';

/** Puts the generated messages beside the JavaScript: nothing that a client does not import, so the admin ones stay out. */
export function copyMessages(dist: string): void {
  cpSync(join(import.meta.dirname, '..', GENERATED), join(dist, GENERATED), {
    recursive: true,
    filter: (source) => !source.includes('admin_pb'),
  });
}
