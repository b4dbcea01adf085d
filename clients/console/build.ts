// Builds the console into dist, unless dist was built from just these sources. Runs after `npm ci` and before `npm start`.
//
//   --if-possible   do without when the packages that build it are not installed (npm ci --omit=dev)

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = join(here, 'dist');
const STAMP = 'built-from';
/** Whatever the built files depend on, from this folder. */
const INPUTS = [
  'src',
  'public',
  'index.html',
  'vite.config.ts',
  'build.ts',
  'package.json',
  '../../proto/gen',
  '../../package-lock.json',
];

const stamp = hashInputs();
if (stamp !== readIfThere(join(dist, STAMP))) await build();

async function build(): Promise<void> {
  const startMs = performance.now();
  const vite = await importVite();
  if (vite === undefined) return;
  // Elsewhere first: a build that is cut short, or runs beside another, leaves no half of a console.
  const made = join(here, '../../node_modules', `.console-${process.pid}`);
  await vite.build({
    root: here,
    configFile: join(here, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir: made, emptyOutDir: true },
  });
  for (const name of readdirSync(made, { recursive: true, encoding: 'utf8' })) compress(join(made, name));
  writeFileSync(join(made, STAMP), stamp);
  rmSync(dist, { recursive: true, force: true });
  renameSync(made, dist);
  process.stdout.write(`console: built in ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
}

async function importVite(): Promise<typeof import('vite') | undefined> {
  try {
    return await import('vite');
  } catch (error) {
    if (!process.argv.includes('--if-possible')) throw error;
    process.stdout.write('console: not built, vite is not installed\n');
    return undefined;
  }
}

function compress(path: string): void {
  if (!['.html', '.js', '.css', '.svg'].includes(extname(path))) return;
  const body = readFileSync(path);
  const versions = [
    ['br', brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: body.length } })],
    ['gz', gzipSync(body, { level: 9 })],
  ] as const;
  for (const [extension, bytes] of versions) {
    if (bytes.length < body.length) writeFileSync(`${path}.${extension}`, bytes);
  }
}

function hashInputs(): string {
  const hash = createHash('sha256');
  for (const name of INPUTS.flatMap(filesIn).toSorted())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(here, name)))
      .update('\0');
  return hash.digest('hex');
}

/** The files under a path of this folder; of a file itself. */
function filesIn(path: string): readonly string[] {
  if (extname(path) !== '') return [path];
  const entries = readdirSync(join(here, path), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(here, join(entry.parentPath, entry.name)));
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
