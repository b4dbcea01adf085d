// The command line: runs what was asked, and turns mistakes into exit codes.

import { CommanderError } from 'commander';
import { EXIT } from './exit.ts';
import { createProgram } from './program.ts';

try {
  await createProgram().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version come this way too, with 0.
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
