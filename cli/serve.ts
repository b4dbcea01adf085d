// onced serve: the server in the foreground, until told to end.

import { Command } from 'commander';
import { adoptGrpcLog, createLog } from '../server/log.ts';
import { endOnBugs, endOnSignals } from '../server/lifecycle.ts';
import { startServer, type RunningServer } from '../server/main.ts';
import { nodeTrouble } from '../server/node-version.ts';
import type { LoadedConfig } from '../server/config/load.ts';
import { EXIT } from './exit.ts';
import { addSettingFlags, settingsOf } from './settings.ts';

export function serveCommand(): Command {
  const command = new Command('serve').description('serve gRPC and HTTP until SIGTERM or Ctrl-C');
  return addSettingFlags(command).action(async () => {
    const loaded = settingsOf(command);
    if (loaded !== undefined) await serve(loaded);
  });
}

/** Returns once it serves; from then on the listeners keep the process alive, and a signal ends it. */
async function serve({ config, warnings }: LoadedConfig): Promise<void> {
  const log = createLog(config.logLevel);
  adoptGrpcLog(log);
  endOnBugs(log);
  const oldNode = nodeTrouble(process.version);
  for (const warning of oldNode === undefined ? warnings : [oldNode, ...warnings]) log.warn(warning);
  const starting = startServer(config, log);
  endOnSignals(starting, log);
  try {
    console.log(announcement(await starting));
  } catch (error) {
    log.debug({ err: error }, 'not started');
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(EXIT.no);
  }
}

const announcement = ({ grpcAddress, httpAddress, store }: RunningServer): string =>
  `onced serves gRPC on ${grpcAddress} and HTTP on http://${httpAddress}, store ${store.location}, ` +
  `acknowledged means ${store.acknowledged}`;
