// onced doctor: everything that serve would stumble over, without serving. Changes nothing.

import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { showAddress, type Address } from '../server/config/values.ts';
import type { Config } from '../server/config/load.ts';
import { inspectStore } from '../server/main.ts';
import { nodeTrouble } from '../server/node-version.ts';
import type { StoreCheck } from '../storage/contract/index.ts';
import { EXIT } from './exit.ts';
import { addSettingFlags, settingsOf } from './settings.ts';
import { table } from './table.ts';

type Check = StoreCheck;

export function doctorCommand(): Command {
  const command = new Command('doctor').description('check the machine, the ports and the store that serve would use');
  return addSettingFlags(command)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  onced doctor --store postgres://onced@db/onced\n')
    .action(async () => {
      const loaded = settingsOf(command);
      if (loaded === undefined) return;
      const checks = await examine(loaded.config);
      const failed = checks.filter((check) => !check.ok && check.isAdvice !== true);
      if (command.opts<{ json?: true }>().json === true)
        console.log(JSON.stringify({ ok: failed.length === 0, checks }, null, 2));
      else print(checks, failed.length);
      process.exitCode = failed.length === 0 ? EXIT.ok : EXIT.no;
    });
}

async function examine(config: Config): Promise<readonly Check[]> {
  return [
    checkNode(),
    ...checkWorkers(config),
    await checkPort('gRPC port', config.grpc),
    await checkPort('HTTP port', config.http),
    ...(await checkStore(config.store)),
  ];
}

function checkNode(): Check {
  const trouble = nodeTrouble(process.version);
  return {
    name: 'Node',
    ok: trouble === undefined,
    isAdvice: true,
    found: process.version,
    needed: 'a release without known holes in HTTP/2',
    fix: trouble ?? '',
  };
}

function checkWorkers({ workers }: Config): readonly Check[] {
  if (workers === 1) return [];
  const cores = availableParallelism();
  return [
    {
      name: 'workers',
      ok: workers <= cores,
      isAdvice: true,
      found: `${workers} workers, ${cores} cores`,
      needed: 'no more workers than cores: a core has room for one',
      fix: `Give --workers ${cores} or fewer.`,
    },
  ];
}

async function checkPort(name: string, address: Address): Promise<Check> {
  const trouble = await new Promise<string | undefined>((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(address, () => probe.close(() => resolve(undefined)));
  });
  return {
    name,
    ok: trouble === undefined,
    found: `${showAddress(address)} ${trouble === undefined ? 'is free' : trouble === 'EADDRINUSE' ? 'is taken' : trouble}`,
    needed: 'an address of this machine that nobody listens on',
    fix: `See who has it (ss -ltnp), or choose another with ${name.startsWith('gRPC') ? '--grpc' : '--http'}.`,
  };
}

async function checkStore(url: string): Promise<readonly Check[]> {
  try {
    const checks = await inspectStore(url);
    return checks.map((check) => ({ ...check, name: `store: ${check.name}` }));
  } catch (error) {
    return [
      {
        name: 'store',
        ok: false,
        found: error instanceof Error ? error.message : String(error),
        needed: 'a store that answers',
        fix: 'See that it runs, and that --store names its place.',
      },
    ];
  }
}

function print(checks: readonly Check[], failed: number): void {
  const rows = checks.map((check) => [
    check.ok ? 'ok' : check.isAdvice === true ? 'advice' : 'FAILED',
    check.name,
    check.found,
    check.ok ? '' : check.needed,
    check.ok ? '' : check.fix,
  ]);
  console.log(table(['', 'check', 'found', 'needed', 'fix'], rows));
  console.log(failed === 0 ? 'All is well: onced serve can start.' : `${failed} of ${checks.length} checks failed.`);
}
