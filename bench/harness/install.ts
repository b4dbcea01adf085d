// Packages that only the peers need: they stand in bench/package.json with a lock of their own and are installed when the
// benchmark first needs them, so that `npm ci` stays small for everybody else.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const INSTALL_MS_MAX = 300_000;

export function installPeers(): void {
  if (existsSync(`${FOLDER}node_modules/.package-lock.json`)) return;
  process.stderr.write('installing the peers (bench/package.json)\n');
  // No install scripts: none of the packages needs its own.
  const { status, stderr } = spawnSync(
    'npm',
    ['ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund'],
    {
      encoding: 'utf8',
      timeout: INSTALL_MS_MAX,
    },
  );
  if (status !== 0) process.stderr.write(`npm ci for the peers failed; they will be missing: ${stderr.slice(-500)}\n`);
}
