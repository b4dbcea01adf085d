// Makes dist: plain JavaScript and types, with the generated messages beside them. A published package cannot be run from
// its TypeScript, since Node strips no types below node_modules.

import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const HERE = import.meta.dirname;
const DIST = join(HERE, 'dist');
const GENERATED = 'proto/gen';

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [tsc, '-p', join(HERE, 'tsconfig.build.json')], { stdio: 'inherit' });
// The compiler rewrites the extensions of imports in JavaScript only.
for (const file of globSync('**/*.d.ts', { cwd: DIST }).map((name) => join(DIST, name))) {
  writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/(from '\.[^']+)\.ts'/gu, "$1.js'"));
}
// Nothing that the client does not import: the admin messages stay out.
cpSync(join(HERE, '../..', GENERATED), join(DIST, GENERATED), {
  recursive: true,
  filter: (source) => !source.includes('admin_pb'),
});
