// onced serve: the server in the foreground, until told to end.

import { Command } from 'commander';
import { adoptGrpcLog, createLog } from '../server/log.ts';
import { endOnBugs, endOnSignals, endWhenTold } from '../server/lifecycle.ts';
import { startServer, type RunningServer } from '../server/main.ts';
import { nodeTrouble } from '../server/node-version.ts';
import type { Config, LoadedConfig } from '../server/config/load.ts';
import { startWorkers } from '../server/workers/primary.ts';
import { joinWorkers, type Worker } from '../server/workers/worker.ts';
import { EXIT } from './exit.ts';
import { addSettingFlags, settingsOf } from './settings.ts';

const SERVE_EXAMPLES = `
Examples:
  onced serve --store sqlite:/var/lib/onced/onced.db
  onced serve --grpc 0.0.0.0:50051 --tls-certificate tls.pem --tls-key tls.key --admin-key-file admin.key
`;

export function serveCommand(): Command {
  const command = new Command('serve').description('serve gRPC and HTTP until SIGTERM or Ctrl-C');
  addSettingFlags(command).addHelpText('after', SERVE_EXAMPLES);
  return command.action(async () => {
    const loaded = settingsOf(command);
    if (loaded !== undefined) await serve(loaded);
  });
}

/** Returns once it serves; from then on the listeners keep the process alive, and a signal ends it. */
async function serve({ config, warnings }: LoadedConfig): Promise<void> {
  const worker = joinWorkers(process.env);
  if (worker !== undefined) return serveAsWorker(config, worker);
  const log = createLog(config.logLevel);
  endOnBugs(log);
  const oldNode = nodeTrouble(process.version);
  for (const warning of oldNode === undefined ? warnings : [oldNode, ...warnings]) log.warn(warning);
  if (config.workers === 1) adoptGrpcLog(log);
  const starting = config.workers === 1 ? startServer(config, log) : startWorkers(config.workers, log);
  endOnSignals(starting, log);
  try {
    console.log(announcement(await starting, config));
  } catch (error) {
    log.debug({ err: error }, 'not started');
    console.error(`error: ${messageOf(error)}`);
    process.exit(EXIT.no);
  }
}

async function serveAsWorker(config: Config, worker: Worker): Promise<void> {
  const log = createLog(config.logLevel).child({ worker: worker.number, pid: process.pid });
  adoptGrpcLog(log);
  endOnBugs(log);
  const starting = startServer(config, log, worker);
  endWhenTold(starting, worker, log);
  try {
    const { grpcAddress, httpAddress, store } = await starting;
    worker.serving({ grpcAddress, httpAddress, store });
  } catch (error) {
    log.debug({ err: error }, 'not started');
    await worker.notStarted(messageOf(error));
    process.exit(EXIT.no);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const announcement = (
  { grpcAddress, httpAddress, store }: RunningServer,
  { workers, tlsCertificate }: Config,
): string =>
  `onced serves gRPC on ${grpcAddress} and HTTP on http${tlsCertificate === undefined ? '' : 's'}://${httpAddress}, store ${store.location}, ` +
  `acknowledged means ${store.acknowledged}${workers === 1 ? '' : `, ${workers} workers`}`;
