// Programs that Debian packages bring. Installed when missing and allowed, otherwise the peer is named as missing.

import { spawnSync } from 'node:child_process';
import { MissingPart } from './server.ts';

export interface DebianPart {
  readonly program: string;
  /** Name of the package that has it. */
  readonly name: string;
}

const INSTALL_MS_MAX = 180_000;

export function installPackage({ program, name }: DebianPart): void {
  if (isThere(program)) return;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    throw new MissingPart(`${program} is not installed; on Debian: apt-get install ${name}`);
  }
  const options = {
    encoding: 'utf8',
    timeout: INSTALL_MS_MAX,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  } as const;
  spawnSync('apt-get', ['update', '-q'], options);
  const { status, stderr } = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', name], options);
  if (status !== 0 || !isThere(program))
    throw new MissingPart(`apt-get install ${name} failed: ${stderr?.slice(-300)}`);
}

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;
