// A server of a scenario's own, on a SQLite file that was filled before, with a load process that knows its keys.

import { statSync } from 'node:fs';
import { temporaryFolder } from '../harness/children.ts';
import { startLoad, takeWindow, type LoadProcess } from '../harness/load-process.ts';
import { memoryBytesOf } from '../harness/processes.ts';
import type { Load, WindowResult } from '../harness/window.ts';
import type { Work } from '../drivers/driver.ts';
import { serve } from '../servers/onced.ts';
import { twoForIntent, type Subject } from '../subjects.ts';
import { fillStore, type Filling } from './fill-store.ts';

export interface OwnServer {
  readonly subject: Subject;
  readonly path: string;
  readonly target: string;
  readonly pids: readonly number[];
  readonly fileBytes: number;
  /** From the start of the process to its listening. */
  readonly startMs: number;
  /** Right after the start. */
  readonly memoryBytes: number;
  readonly load: LoadProcess;
  window(work: Work, load: Load): Promise<WindowResult>;
  stop(): Promise<void>;
}

const WINDOW = { warmUpMs: 500, windowMs: 2000 };

export async function startOwn(filling: Omit<Filling, 'path'>): Promise<OwnServer> {
  const folder = await temporaryFolder('own');
  const path = `${folder.path}/onced.db`;
  await fillStore({ ...filling, path });
  const fileBytes = statSync(path).size;
  const server = await serve(`sqlite:${path}`);
  const memoryBytes = memoryBytesOf(server.pids);
  const load = await startLoad('onced-session', server.target);
  // A new process runs cold code: warm it, or the first server measured would look slow.
  const warmUp: Work = { name: 'replay', resultBytes: 32, records: filling.records };
  await load.run(warmUp, { load: { kind: 'closed', inFlight: 64 }, serverPids: [], warmUpMs: 0, windowMs: 3000 });
  const name = `onced-session-sqlite-${filling.records}`;
  return {
    subject: {
      name,
      title: `Onced, Session, sqlite, ${filling.records.toLocaleString('en')} records`,
      driver: 'onced-session',
      server: name,
      isPeer: false,
      callsOf: twoForIntent,
    },
    path,
    target: server.target,
    pids: server.pids,
    fileBytes,
    startMs: server.startMs,
    memoryBytes,
    load,
    window: (work, shape) => takeWindow(load, work, { load: shape, serverPids: server.pids, ...WINDOW }),
    async stop() {
      await load.stop();
      await server.stop();
      await folder.remove();
    },
  };
}
