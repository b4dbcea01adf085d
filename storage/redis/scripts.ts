// The Lua scripts: constant text from lua/, one a verb. What differs from call to call is an argument, never the text, so
// that a server keeps each once.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly name: string;
  readonly text: string;
  readonly sha: string;
}

const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');

function script(name: string, shared = ''): Script {
  const text = shared + read(name);
  return { name, text, sha: createHash('sha1').update(text).digest('hex') };
}

const record = read('record');

export const scripts = {
  claim: script('claim', record),
  extend: script('extend', record),
  settle: script('settle', record),
  read: script('read', record),
  fetch: script('fetch', record),
  remove: script('remove', record),
  compact: script('compact', record),
  due: script('due'),
  timers: script('timers', record),
  scan: script('scan', record),
  registryPut: script('registry-put'),
  registryRemove: script('registry-remove'),
} as const;

export type Argument = string | number | Buffer;

export interface ScriptCall {
  readonly script: Script;
  /** All that the script touches. */
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/** The arguments of EVALSHA, or of EVAL for a server that has not seen the script (NOSCRIPT). */
export const evalArguments = ({ script, keys, args }: ScriptCall, by: 'sha' | 'text'): readonly Argument[] => [
  by === 'sha' ? script.sha : script.text,
  keys.length,
  ...keys,
  ...args,
];
