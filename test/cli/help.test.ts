// What somebody new has is --help: every command shows examples, and the first page alone leads to a stuck key and frees it.

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { makeFolder, runOnced, serveOnced } from '../support/onced.ts';
import { connect } from '../support/server.ts';

vi.setConfig({ testTimeout: 90_000 });

interface Named {
  readonly path: string;
  readonly command: Command;
}

const leaves = (command: Command, path: readonly string[] = []): readonly Named[] =>
  command.commands.length === 0
    ? [{ path: path.join(' '), command }]
    : command.commands.flatMap((child) => leaves(child, [...path, child.name()]));

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

const all = leaves(createProgram());

test.each(all.map(({ path, command }) => [path, command] as const))(
  'onced %s --help shows an example of itself',
  (path, command) => {
    const help = helpOf(command);
    expect(help).toMatch(/\nExamples?:\n/);
    expect(help.split('\nExample')[1]).toContain(`onced ${path}`);
  },
);

test('the examples of every page name commands and flags that exist', () => {
  const pages = [createProgram(), ...all.map(({ command }) => command)].map(helpOf);
  const examples = pages.flatMap((page) => page.split('\n').filter((line) => /^ {2}(ONCED_\S+ )?onced /.test(line)));
  expect(examples.length).toBeGreaterThan(all.length);
  for (const example of examples) {
    const words = example.trim().split(/\s+/).slice(1);
    const found = all.find(({ path }) => `${words.join(' ')} `.startsWith(`${path} `));
    expect({ example, found: found?.path }).toEqual({ example, found: expect.any(String) as string });
    const flags = words.filter((word) => /^--\w/.test(word));
    const known = found?.command.options.map(({ long }) => long) ?? [];
    expect({ example, unknown: flags.filter((flag) => !known.includes(flag)) }).toEqual({ example, unknown: [] });
  }
});

test('onced --help alone leads somebody new to a stuck key, and frees it', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  const client = connect(server.grpc);
  const begin = async () => client.beginIntent({ namespace: 'payments', key: 'order-99', attemptId: randomUUID() });
  const { outcome } = await begin();
  if (outcome.case !== 'acquired') return expect.fail('not acquired');
  const holder = { namespace: 'payments', key: 'order-99', leaseToken: outcome.value.leaseToken };
  await client.fail({ ...holder, kind: FailKind.UNKNOWN });
  expect((await begin()).outcome.case).toBe('orphaned');
  const run = async (line: string) => {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    return runOnced(words.slice(1), { environment: { ONCED_SERVER: server.grpc } });
  };

  // They read the first page, and run what it says about a stuck key, with their own names in place of its own.
  const help = (await runOnced(['--help'])).stdout;
  expect(help).toMatch(/stuck.*orphans.*lookup.*resolve/);
  const line = (command: string): string =>
    new RegExp(`^ +(onced ${command} .*?)( {2,}|$)`, 'm').exec(help)?.[1]?.replace('order-17', key) ??
    expect.fail(command);
  let key = 'unknown yet';
  const orphans = await run(line('orphans'));
  [, key = ''] = /payments +(order-\d+)/.exec(orphans.stdout) ?? [];
  expect(key).toBe('order-99');
  expect((await run(line('lookup'))).stdout).toMatch(/UNKNOWN|holder/i);
  expect(await run(line('resolve'))).toMatchObject({ code: 0 });
  expect((await begin()).outcome.case).toBe('acquired');
  client.raw.close();
});

const exec = promisify(execFile);
/** What bash offers for a line, by the script alone. */
async function offered(folder: string, words: readonly string[]): Promise<readonly string[]> {
  const typed = words.map((word) => `'${word}'`).join(' ');
  const script = `source ${folder}/onced.bash; COMP_WORDS=(onced ${typed}); COMP_CWORD=${words.length}; _onced; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await exec('bash', ['-c', script])).stdout.trim().split('\n');
}

test('bash completes commands, those below them, and flags', async () => {
  await using folder = await makeFolder();
  await writeFile(`${folder.path}/onced.bash`, (await runOnced(['completion', 'bash'])).stdout);
  expect(await offered(folder.path, ['or'])).toEqual(['orphans']);
  expect(await offered(folder.path, ['token', ''])).toEqual(['create', 'list', 'rotate', 'revoke']);
  expect(await offered(folder.path, ['purge', 'payments', '--dr'])).toEqual(['--dry-run']);
  expect(await offered(folder.path, ['--server', 'x', 'audit', 'v'])).toEqual(['verify']);
});

test.each(['bash', 'zsh', 'fish'])('completion %s names every command', async (shell) => {
  const { code, stdout } = await runOnced(['completion', shell]);
  expect(code).toBe(0);
  for (const word of all.flatMap(({ path }) => path.split(' '))) expect(stdout).toContain(word);
});

test('another shell is a mistake in the call', async () => {
  expect(await runOnced(['completion', 'cmd'])).toMatchObject({ code: 2 });
});
