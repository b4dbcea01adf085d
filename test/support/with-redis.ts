// Tests that need a real Redis: redis-server is installed where it is missing and can be, or they are skipped and say why.

import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

export function describeWithRedis(name: string, tests: () => void): void {
  const missing = missingRedis();
  if (missing === undefined) describe(name, tests);
  else test.skip(`${name}: ${missing}`);
}

function missingRedis(): string | undefined {
  const isThere = (): boolean => spawnSync('redis-server', ['--version']).status === 0;
  if (isThere()) return undefined;
  const why = installRedis();
  if (isThere()) return undefined;
  if (process.env['CI'] === 'true') throw new Error(`redis-server is missing: ${why}`);
  return why;
}

function installRedis(): string {
  if (process.getuid?.() !== 0) return 'redis-server is not installed, and only root may install it';
  // Policy 101: the package must not start a server of its own on the usual port.
  const policy = 'printf "#!/bin/sh\\nexit 101\\n" > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d';
  const install = 'apt-get install -y --no-install-recommends redis-server redis-sentinel';
  const command = `test -e /usr/sbin/policy-rc.d || { ${policy}; trap "rm /usr/sbin/policy-rc.d" EXIT; }; apt-get update && ${install}`;
  const { stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8', timeout: 120_000 });
  return `redis-server could not be installed: ${stderr}`;
}
