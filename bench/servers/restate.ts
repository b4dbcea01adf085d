// A Restate server with its default durability (log synced) and a trivial handler behind it.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort, startProgram, temporaryFolder, type Program } from '../harness/children.ts';
import { MissingPart, type Server } from './server.ts';

const BINARY = fileURLToPath(
  new URL(
    `../peers/node_modules/@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`,
    import.meta.url,
  ),
);
const LISTENING = /listening on (\d+)/;

export async function startRestate(): Promise<Server> {
  if (!existsSync(BINARY)) throw new MissingPart(`npm ships no Restate server for ${process.platform}-${process.arch}`);
  const folder = await temporaryFolder('restate');
  const ports = { ingress: await freePort(), admin: await freePort(), node: await freePort() };
  const program = await startProgram({
    command: BINARY,
    args: ['--no-logo'],
    folder: folder.path,
    environment: {
      RESTATE_BASE_DIR: folder.path,
      RESTATE_NODE_NAME: 'bench',
      RESTATE_LISTEN_MODE: 'tcp',
      RESTATE_INGRESS__BIND_ADDRESS: `127.0.0.1:${ports.ingress}`,
      RESTATE_ADMIN__BIND_ADDRESS: `127.0.0.1:${ports.admin}`,
      RESTATE_BIND_ADDRESS: `127.0.0.1:${ports.node}`,
      // It logs two lines an invocation otherwise, which would be measured as its own cost.
      RESTATE_LOG_FILTER: 'error',
      RESTATE_DISABLE_TELEMETRY: 'true',
      DO_NOT_TRACK: '1',
    },
    isReady: () => answers(`http://127.0.0.1:${ports.admin}/health`),
    readyMsMax: 60_000,
  });
  const handler = await startHandler();
  await register(ports.admin, LISTENING.exec(handler.output())?.[1] ?? '');
  return {
    target: `http://127.0.0.1:${ports.ingress}`,
    pids: [program.pid, handler.pid],
    version: '1.7.12',
    durability: 'on disk (log synced; one node)',
    async stop() {
      await handler.end();
      await program.end();
      await folder.remove();
    },
  };
}

async function startHandler(): Promise<Program> {
  return startProgram({
    command: process.execPath,
    args: [fileURLToPath(new URL('restate-handler.ts', import.meta.url))],
    isReady: (output) => LISTENING.test(output),
  });
}

async function register(adminPort: number, handlerPort: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${adminPort}/deployments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ uri: `http://127.0.0.1:${handlerPort}` }),
  });
  if (!response.ok) throw new Error(`Restate refused the handler: ${await response.text()}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
