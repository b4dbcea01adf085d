// Records of namespaces with `archive` on, written to compressed files before they go. One file a day and server process,
// each batch a gzip member of its own, flushed before the records are removed: a crash between the two writes a line
// twice, never loses one, and can only tear the end of a file that nobody appends to any more.

import { randomUUID } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { toJsonString } from '@bufbuild/protobuf';
import { IntentRecordSchema } from '../proto/gen/onced/v1/record_pb.js';
import { isBehindClock, isLive, type Namespace, type Store, type StoredRecord } from '../storage/contract/index.ts';
import { limits } from './limits.ts';
import { recordPages } from './record-pages.ts';
import { recordMessage } from './messages.ts';

export interface Archive {
  /** Writes and removes what is due of these namespaces, at most `limit`; how many records went. Stops between batches. */
  run(
    namespaces: readonly Namespace[],
    options: { readonly limit: number; readonly signal: AbortSignal | undefined },
  ): Promise<number>;
}

export interface ArchiveOptions {
  readonly store: Pick<Store, 'list' | 'read' | 'remove'>;
  readonly folder: string;
  /** Makes a line unreadable to whoever has the files alone. */
  readonly seal?: ((namespace: Namespace, line: string) => Promise<string>) | undefined;
}

/** Of a file in the archive's folder. */
export const ARCHIVE_SUFFIX = '.jsonl.gz';

interface Due {
  readonly record: StoredRecord;
  readonly line: string;
}

export function createArchive({ store, folder, seal }: ArchiveOptions): Archive {
  const processName = randomUUID().slice(0, 8);

  const append = async (lines: readonly string[]): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const day = new Date().toISOString().slice(0, 10);
    const file = await open(join(folder, `${day}-${processName}${ARCHIVE_SUFFIX}`), 'a', 0o600);
    try {
      await file.write(gzipSync(lines.map((line) => `${line}\n`).join('')));
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(folder);
  };

  const readDue = async (record: StoredRecord): Promise<Due | undefined> => {
    const found = await store.read({ namespace: record.namespace, key: record.key, includeResult: true });
    const whole = found.record;
    if (whole === undefined || found.nowMs < whole.purgeMs || isLive(whole, found.nowMs)) return undefined;
    // It would be written again.
    if (!isBehindClock(whole, found.nowMs)) return undefined;
    const message = recordMessage(whole, found.nowMs, { withResult: true, withCheckpoint: true });
    const line = toJsonString(IntentRecordSchema, message, { useProtoFieldName: true });
    return { record: whole, line: seal === undefined ? line : await seal(whole.namespace, line) };
  };

  const removeAll = async (due: readonly Due[]): Promise<number> => {
    // By the revision that was written down: one that was begun again meanwhile stays.
    const removed = await Promise.all(
      due.map(async ({ record: { namespace, key, revision } }) =>
        store.remove({ namespace, key, revision, force: false }),
      ),
    );
    return removed.filter(Boolean).length;
  };

  return {
    async run(namespaces, { limit, signal }) {
      let removed = 0;
      for (const namespace of namespaces) {
        const filter = { namespace, includeExpired: true };
        const reading = { limit: limits.bulkPage, restTimes: limits.bulkRest, signal };
        for await (const page of recordPages(store, filter, reading)) {
          if (removed >= limit) return removed;
          const candidates = page.records.filter((record) => page.nowMs >= record.purgeMs).slice(0, limit - removed);
          const due = (await Promise.all(candidates.map(readDue))).filter((found) => found !== undefined);
          if (due.length > 0) {
            await append(due.map(({ line }) => line));
            removed += await removeAll(due);
          }
          if (signal?.aborted === true) return removed;
        }
      }
      return removed;
    },
  };
}

/** A file's name is on the disk only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
