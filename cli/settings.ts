// The settings of the server as flags of a command, and what they come to together with environment and file.

import type { Command } from 'commander';
import { CONFIG_FILE, ConfigError, flagName, loadConfig, type LoadedConfig } from '../server/config/load.ts';
import { settings, type Setting } from '../server/config/settings.ts';
import { EXIT } from './exit.ts';

const all: readonly [string, Setting<unknown>][] = Object.entries(settings) as [string, Setting<unknown>][];

export function addSettingFlags(command: Command): Command {
  command.option(CONFIG_FILE.flag, `${CONFIG_FILE.help} [${CONFIG_FILE.environment}]`);
  for (const [, { flag, help, environment, fallback }] of all) {
    command.option(flag, `${help} [${environment}; ${fallback}]`);
  }
  return command.addHelpText(
    'after',
    `
Flags go before environment, environment before the file, the file before defaults; onced config shows what that gives.
In the file only: policy (for all namespaces) and namespaces (for one and what is below it), such as

  store: sqlite:/var/lib/onced/onced.db
  policy:
    ttl: 7d
  namespaces:
    payments:
      on_lease_expiry: HOLD
`,
  );
}

/** Undefined after mistakes, which are printed, all of them. */
export function settingsOf(command: Command): LoadedConfig | undefined {
  const options: Record<string, unknown> = command.opts();
  const written = [['config', CONFIG_FILE.flag] as const, ...all.map(([name, { flag }]) => [name, flag] as const)];
  const flags = Object.fromEntries(
    written.map(([name, flag]) => [name, options[optionName(flag)] as string | true | undefined]),
  );
  try {
    return loadConfig({ flags, environment: process.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) console.error(`error: ${problem}`);
    process.exitCode = EXIT.usage;
    return undefined;
  }
}

/** `--log-level <level>` is `logLevel` to commander. */
const optionName = (flag: string): string =>
  flagName(flag)
    .slice(2)
    .replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
