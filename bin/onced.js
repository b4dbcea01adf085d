#!/usr/bin/env node
// Starts the command line on a Node that runs it: this one when it is new enough, else the one among the dependencies.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MAJOR_NEEDED = 24;
const main = new URL('../cli/main.ts', import.meta.url);

if (Number(process.versions.node.split('.')[0]) >= MAJOR_NEEDED) {
  await import(main.href);
} else {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (!existsSync(node)) {
    console.error(`error: Onced needs Node ${MAJOR_NEEDED} or later; this is ${process.version}`);
    process.exit(1);
  }
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], { stdio: 'inherit' });
  // The terminal tells both of Ctrl-C; others tell only this one.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
