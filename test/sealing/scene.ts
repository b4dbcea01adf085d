// Sealing keys in a file of their own, and what lies on a disk.

import { randomBytes } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { pino } from 'pino';
import { openWrappingKeys, type WrappingKeys } from '../../server/sealing/wrapping-keys.ts';

export const silent = pino({ level: 'silent' });
export const newSealingKey = (): string => randomBytes(32).toString('hex');

/** Writes `lines` (a new key without them) as the folder's file of keys, and opens it. */
export async function wrappingKeysIn(
  folder: string,
  lines: readonly string[] = [newSealingKey()],
): Promise<WrappingKeys> {
  const file = join(folder, 'sealing.keys');
  await writeFile(file, lines.map((line) => `${line}\n`).join(''));
  return openWrappingKeys(file, silent);
}

/** Names of files in which any of the texts stands, archives unpacked. */
export async function filesWith(folder: string, texts: readonly string[]): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = await Promise.all(
    files.map(async (file) => {
      const bytes = await readFile(file);
      const content = file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
      const spellings = texts.flatMap((text) => [text, Buffer.from(text).toString('base64').slice(0, -4)]);
      return spellings.some((text) => content.includes(text)) ? [file.slice(folder.length + 1)] : [];
    }),
  );
  return found.flat();
}
