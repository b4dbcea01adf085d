// Starts the no-op server.

import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js/package.json' with { type: 'json' };
import { startProgram } from '../harness/children.ts';
import type { Server } from './server.ts';

const LISTENING = /listening on (127\.0\.0\.1:\d+)/;

export async function startEcho(): Promise<Server> {
  const program = await startProgram({
    command: process.execPath,
    args: [fileURLToPath(new URL('echo-main.ts', import.meta.url))],
    isReady: (output) => LISTENING.test(output),
  });
  return {
    target: LISTENING.exec(program.output())?.[1] ?? '',
    pids: [program.pid],
    version: `grpc-js ${grpc.version}`,
    durability: 'none: nothing is stored',
    stop: () => program.end(),
  };
}
