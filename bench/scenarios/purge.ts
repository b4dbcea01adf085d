// An operator purges records, by default a million, while traffic runs: how much later are begins answered than without?
// In turn, so that a machine's other moods meet both: each turn's purge is interrupted, and the next one goes on.

import { credentials, makeGenericClientConstructor, type ClientReadableStream } from '@grpc/grpc-js';
import { create } from '@bufbuild/protobuf';
import {
  AdminService,
  PurgeRecordsRequestSchema,
  type PurgeRecordsResponse,
} from '../../proto/gen/onced/v1/admin_pb.js';
import { grpcDefinition } from '../../proto/grpc.ts';
import { epochMs } from '../../storage/contract/index.ts';
import { KNOWN_NAMESPACE } from '../drivers/known-keys.ts';
import type { WindowResult } from '../harness/window.ts';
import type { Progress } from '../report/progress.ts';
import { besideOutcome, besideWindow } from './beside.ts';
import { FILLED_OWNER } from './fill-store.ts';
import { startOwn } from './own-server.ts';
import type { Outcome } from './scale.ts';

const DAY_MS = 86_400_000;
/** Windows of a turn with the purge, to one without. */
const WINDOWS_WITH = 12;
/** Some twelve minutes. */
const TURNS_MAX = 50;

export async function runPurgeScenario(records: number, progress: Progress): Promise<Outcome> {
  progress.step(`purge: filling ${records.toLocaleString('en')} records`);
  const server = await startOwn({ records, purgeMs: epochMs(Date.now() + DAY_MS) });
  const without: WindowResult[] = [];
  const beside: WindowResult[] = [];
  let [removed, seconds, isDone] = [0, 0, false];
  try {
    await besideWindow(server);
    while (!isDone && without.length < TURNS_MAX) {
      progress.step(`purge: ${(records - removed).toLocaleString('en')} records left`);
      without.push(await besideWindow(server));
      const purge = startPurge(server.target);
      const windows: WindowResult[] = [];
      while (windows.length < WINDOWS_WITH && !purge.isDone()) windows.push(await besideWindow(server));
      // The last one was not beside it to its end.
      beside.push(...(purge.isDone() ? windows.slice(0, -1) : windows));
      const ended = await purge.interrupt();
      removed += ended.removed;
      seconds += ended.seconds;
      ({ isDone } = ended);
    }
    return besideOutcome(server, { scenario: 'purge', without, beside, removed, seconds });
  } finally {
    await server.stop();
  }
}

interface Ended {
  readonly removed: number;
  readonly seconds: number;
  readonly isDone: boolean;
}

function startPurge(target: string): { isDone(): boolean; interrupt(): Promise<Ended> } {
  const Client = makeGenericClientConstructor(grpcDefinition(AdminService), 'AdminService');
  const client = new Client(target, credentials.createInsecure());
  type Purge = (request: object) => ClientReadableStream<PurgeRecordsResponse>;
  const request = create(PurgeRecordsRequestSchema, {
    filter: { namespace: KNOWN_NAMESPACE, owner: FILLED_OWNER },
    reason: 'bench',
  });
  const startMs = performance.now();
  const stream = (client as unknown as { purgeRecords: Purge }).purgeRecords(request);
  let ended: Ended = { removed: 0, seconds: 0, isDone: false };
  stream.on('data', ({ removed, done }: PurgeRecordsResponse) => {
    ended = { removed: Number(removed), seconds: (performance.now() - startMs) / 1000, isDone: done };
  });
  let isInterrupted = false;
  const over = new Promise<void>((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('error', (error) => (isInterrupted ? resolve() : reject(error)));
  });
  over.catch(() => undefined);
  return {
    isDone: () => ended.isDone,
    async interrupt() {
      isInterrupted = true;
      stream.cancel();
      await over;
      client.close();
      return ended;
    },
  };
}
