// Tests that need a program of a Debian package: it is installed where it is missing and can be, or they are skipped and
// say why. Under CI a missing program is a failure.

import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

export interface NeededProgram {
  readonly program: string;
  readonly packages: readonly string[];
}

export function describeWith(needed: NeededProgram, name: string, tests: () => void): void {
  const missing = whyMissing(needed);
  if (missing === undefined) describe(name, tests);
  else test.skip(`${name}: ${missing}`);
}

function whyMissing({ program, packages }: NeededProgram): string | undefined {
  const isThere = (): boolean => spawnSync(program, ['--version']).status === 0;
  if (isThere()) return undefined;
  const why = install(program, packages);
  if (isThere()) return undefined;
  if (process.env['CI'] === 'true') throw new Error(`${program} is missing: ${why}`);
  return why;
}

function install(program: string, packages: readonly string[]): string {
  if (process.getuid?.() !== 0) return `${program} is not installed, and only root may install it`;
  // Policy 101: the package must not start a server of its own on the usual port.
  const policy = 'printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d';
  const install = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const command = `test -e /usr/sbin/policy-rc.d || { ${policy}; trap "rm /usr/sbin/policy-rc.d" EXIT; }; apt-get update && ${install}`;
  const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 120_000 });
  return `${program} could not be installed: ${stderr}`;
}
