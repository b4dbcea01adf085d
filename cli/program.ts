// Every command of the command line, put together. Each is a file.

import { Command } from 'commander';
import { VERSION } from '../server/version.ts';
import { archiveCommand } from './archive.ts';
import { configCommand } from './config.ts';
import { completionCommand } from './completion.ts';
import { conflictsCommand } from './conflicts.ts';
import { doctorCommand } from './doctor.ts';
import { keysCommand } from './keys.ts';
import { lookupCommand } from './lookup.ts';
import { namespacesCommand } from './namespaces.ts';
import { exportCommand, listCommand, orphansCommand, purgeCommand } from './records.ts';
import { resolveCommand } from './resolve.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { auditCommand, compactCommand, statsCommand } from './stats.ts';
import { tokenCommand } from './token.ts';

const HELP = `
A key that is stuck: onced orphans finds it, onced lookup shows it, onced resolve frees it.

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

Exit codes: 0 done, 1 the answer is no (not found, not confirmed, a check that failed), 2 a mistake in the call,
3 no answer from the server, 4 the server refused. Every command takes --help, and those that ask a server --json.
`;

export function createProgram(): Command {
  const program = new Command('onced')
    .description('Idempotency as a service: ask before a side effect, tell afterwards.')
    .version(VERSION)
    .showHelpAfterError('(onced --help shows what there is)')
    .addHelpText('after', HELP)
    .exitOverride();
  for (const command of commandsOf(program)) program.addCommand(adopt(command, program));
  return program;
}

const commandsOf = (program: Command): readonly Command[] => [
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
  completionCommand(program),
];

/** Mistakes in a command below another one become exit codes too. */
function adopt(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent).exitOverride();
  for (const child of command.commands) adopt(child, command);
  return command;
}
