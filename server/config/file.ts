// The YAML file as a list of single values, each with its place and its line, so that a mistake can be found.

import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument, type Node, type Pair } from 'yaml';

export interface FileValue {
  /** Names from the top down. */
  readonly path: readonly string[];
  /** A scalar; anything else stands where a single value belongs, and is refused by whoever reads it. */
  readonly raw: unknown;
  /** `onced.yaml:3`. */
  readonly where: string;
}

export interface ConfigFile {
  readonly values: readonly FileValue[];
  readonly problems: readonly string[];
}

/** A settings file of a megabyte is somebody's mistake. */
const FILE_BYTES_MAX = 1024 * 1024;

export function readConfigFile(file: string): ConfigFile {
  const content = readText(file);
  if ('problem' in content) return { values: [], problems: [content.problem] };
  const lines = new LineCounter();
  const document = parseDocument(content.text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const whereIs = (offset: number | undefined): string => `${file}:${lines.linePos(offset ?? 0).line}`;
  const broken = document.errors.map((error) => `${whereIs(error.pos[0])}: is not YAML: ${error.message}`);
  if (broken.length > 0) return { values: [], problems: broken };
  const { contents } = document;
  if (contents === null) return { values: [], problems: [] };
  if (!isMap(contents))
    return { values: [], problems: [`${file}: is not a list of settings, such as "store: memory"`] };
  return { values: leavesOf(contents, [], whereIs), problems: [] };
}

function leavesOf(
  node: { readonly items: readonly Pair[] },
  above: readonly string[],
  whereIs: (offset?: number) => string,
): FileValue[] {
  return node.items.flatMap(({ key, value }) => {
    const path = [...above, isScalar(key) ? String(key.value) : '?'];
    if (isMap(value)) return leavesOf(value, path, whereIs);
    const where = whereIs((key as Node | null)?.range?.[0]);
    return [{ path, raw: isScalar(value) ? value.value : value, where }];
  });
}

function readText(file: string): { readonly text: string } | { readonly problem: string } {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > FILE_BYTES_MAX) return { problem: `${file}: is larger than ${FILE_BYTES_MAX} bytes` };
    return { text: bytes.toString('utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is not there' : code === 'EISDIR' ? 'is a folder' : `cannot be read (${code})`;
    return { problem: `${file}: ${why}` };
  }
}
