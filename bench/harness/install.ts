// Packages that only the peers need: they stand in bench/peers/package.json with a lock of their own and are installed when
// the benchmark first needs them, so that `npm ci` stays small for everybody else. In a folder of their own, since a
// grpc-js of etcd3's must not stand in for the one that Onced is measured with.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../peers/', import.meta.url));

/** A package of the peers; its driver says what it uses of it. */
export const requirePeer = createRequire(FOLDER) as (name: string) => unknown;

const INSTALL_MS_MAX = 300_000;

export function installPeers(): void {
  if (existsSync(`${FOLDER}node_modules/.package-lock.json`)) return;
  process.stderr.write('installing the peers (bench/peers/package.json)\n');
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
