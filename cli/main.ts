// The command line. Each command is a file; here they are put together, and mistakes become exit codes.

import { Command, CommanderError } from 'commander';
import { VERSION } from '../server/version.ts';
import { archiveCommand } from './archive.ts';
import { configCommand } from './config.ts';
import { conflictsCommand } from './conflicts.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT } from './exit.ts';
import { keysCommand } from './keys.ts';
import { lookupCommand } from './lookup.ts';
import { namespacesCommand } from './namespaces.ts';
import { exportCommand, listCommand, orphansCommand, purgeCommand } from './records.ts';
import { resolveCommand } from './resolve.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { auditCommand, compactCommand, statsCommand } from './stats.ts';
import { tokenCommand } from './token.ts';

const program = new Command('onced')
  .description('Idempotency as a service: ask before a side effect, tell afterwards.')
  .version(VERSION)
  .showHelpAfterError('(onced --help shows what there is)')
  .addHelpText(
    'after',
    `
Examples:
  onced serve                                   serve with SQLite in ./data, on loopback
  onced serve --store memory: --grpc 127.0.0.1:0  forget everything at the end, on a free port
  onced doctor --store sqlite:/var/lib/onced/onced.db
  onced lookup payments order-17                what is known of one key
  onced orphans payments                        keys of which nobody knows whether they ran
  onced resolve payments order-17 --released --reason "provider has no charge"
                                                let a stuck key be tried again
  onced run --namespace cron --key backup-$(date +%F) -- ./backup.sh
                                                run a command once a day, wherever cron fires
  onced stats                                   records, orphans, rates, latencies
`,
  );

const commands = [
  serveCommand(),
  configCommand(),
  doctorCommand(),
  lookupCommand(),
  listCommand(),
  orphansCommand(),
  resolveCommand(),
  conflictsCommand(),
  purgeCommand(),
  exportCommand(),
  namespacesCommand(),
  statsCommand(),
  compactCommand(),
  auditCommand(),
  tokenCommand(),
  keysCommand(),
  archiveCommand(),
  runCommand(),
];

/** Mistakes in a command below another one become exit codes too. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent).exitOverride();
  for (const child of command.commands) adopt(child, command);
  return command;
}

for (const command of commands) program.addCommand(adopt(command, program));

try {
  await program.exitOverride().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version come this way too, with 0.
  process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
}
