// onced archive: what was archived before it was removed, as JSON lines. Reads the files; asks no server.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { Command } from 'commander';
import { ARCHIVE_SUFFIX } from '../server/archive.ts';
import { createLog } from '../server/log.ts';
import { openLine, type SealedLine } from '../server/sealing/archive-line.ts';
import { openWrappingKeys, type WrappingKeys } from '../server/sealing/wrapping-keys.ts';
import { EXIT } from './exit.ts';

interface ArchiveFlags {
  readonly namespace?: string;
  readonly key?: string;
  readonly day?: string;
  readonly sealingKeys?: string;
}

export function archiveCommand(): Command {
  return new Command('archive')
    .description('print archived records, one JSON object a line; reads the files of a folder, asks no server')
    .argument('<folder>', 'archive_folder of the server')
    .option('--namespace <namespace>', 'only of this namespace')
    .option('--key <key>', 'only of this key')
    .option('--day <yyyy-mm-dd>', 'only what was archived on this day (UTC)')
    .option('--sealing-keys <file>', 'file (or env:NAME) with the keys that sealed it [ONCED_SEALING_KEYS]')
    .addHelpText(
      'after',
      `
Exit codes: 0 found, 1 nothing found, 2 a mistake in the call or no such folder.
A record that was archived twice (a crash between writing and removing) is printed once.

Example:
  onced archive /var/lib/onced/archive --namespace payments --day 2026-11-25 | jq .summary.key
`,
    )
    .action(printArchive);
}

async function printArchive(folder: string, flags: ArchiveFlags): Promise<void> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) {
    console.error(`error: ${folder} cannot be read as a folder`);
    process.exitCode = EXIT.usage;
    return;
  }
  const wrapping = sealingKeysOf(flags);
  if (wrapping === 'unreadable') return;
  const files = names.filter((name) => name.endsWith(ARCHIVE_SUFFIX) && name.startsWith(flags.day ?? '')).toSorted();
  const printed = new Set<string>();
  let sealed = 0;
  for (const file of files) {
    for await (const written of linesOf(join(folder, file))) {
      const line = plainLine(written, wrapping);
      if (line === undefined) {
        sealed += 1;
        continue;
      }
      const { summary, revision } = JSON.parse(line) as Archived;
      if (flags.namespace !== undefined && summary.namespace !== flags.namespace) continue;
      if (flags.key !== undefined && summary.key !== flags.key) continue;
      const name = JSON.stringify([summary.namespace, summary.key, revision]);
      if (printed.has(name)) continue;
      printed.add(name);
      console.log(line);
    }
  }
  if (sealed > 0) {
    console.error(`error: ${sealed} records are sealed by a key that was not given: --sealing-keys FILE`);
    process.exitCode = EXIT.usage;
  } else if (printed.size === 0) process.exitCode = EXIT.no;
}

function sealingKeysOf({ sealingKeys }: ArchiveFlags): WrappingKeys | undefined | 'unreadable' {
  const place = sealingKeys ?? process.env['ONCED_SEALING_KEYS'] ?? '';
  if (place === '') return undefined;
  try {
    return openWrappingKeys(place, createLog('silent'));
  } catch (error) {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = EXIT.usage;
    return 'unreadable';
  }
}

/** Undefined when it is sealed and none of the keys opens it. */
function plainLine(line: string, wrapping: WrappingKeys | undefined): string | undefined {
  const written = JSON.parse(line) as object;
  if (!('sealed' in written)) return line;
  return wrapping === undefined ? undefined : openLine(written as SealedLine, wrapping);
}

interface Archived {
  readonly summary: { readonly namespace: string; readonly key: string };
  readonly revision: string;
}

/** Whole lines. What a crash tore off at the end was not acknowledged, and its records are still in the store. */
async function* linesOf(path: string): AsyncGenerator<string, void> {
  const unzipped = createReadStream(path).pipe(createGunzip());
  let torn = false;
  unzipped.on('error', () => (torn = true));
  try {
    for await (const line of createInterface({ input: unzipped })) {
      if (line.endsWith('}')) yield line;
    }
  } catch (error) {
    if (!isTorn(error)) throw error;
    torn = true;
  }
  if (torn) console.error(`warning: ${path} ends in the middle; what was whole is printed`);
}

const isTorn = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'Z_BUF_ERROR' || error.code === 'Z_DATA_ERROR');
