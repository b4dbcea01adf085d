// The console as a server finds it: built from the sources as they stand.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BUILD = fileURLToPath(new URL('../../clients/console/build.ts', import.meta.url));

/** What is served is what the sources say now; built already, this takes a moment. */
export function buildConsole(): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BUILD], { encoding: 'utf8', timeout: 120_000 });
  if (status !== 0) throw new Error(`the console could not be built: ${stdout}${stderr}`);
}
