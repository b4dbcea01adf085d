// onced run, as cron uses it: real commands, a real server, and what happens when either is killed.

import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { until } from '../client/support/scene.ts';
import { makeFolder, runOnced, serveOnced, type Ended, type Folder, type Served } from '../support/onced.ts';

const ONCED = new URL('../../cli/main.ts', import.meta.url).pathname;

let server: Served;
let folder: Folder;
let file: string;
let keys = 0;
let key: string;

beforeAll(async () => {
  server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  folder = await makeFolder();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});
beforeEach(() => {
  keys += 1;
  key = `job-${keys}`;
  file = join(folder.path, key);
});

const argumentsOf = (script: string, flags: readonly string[]): string[] =>
  ['run', '--namespace', 'cron', '--key', key, '--server', server.grpc].concat(flags, '--', 'sh', '-c', script);
const run = async (script: string, ...flags: string[]): Promise<Ended> => runOnced(argumentsOf(script, flags));
/** Without waiting for its end. */
const start = (script: string, ...flags: string[]): ChildProcess & { ended: Promise<number | null> } => {
  const child = spawn(process.execPath, [ONCED, ...argumentsOf(script, flags)], { stdio: 'ignore' });
  const ended = new Promise<number | null>((resolve) => void child.on('close', resolve));
  return Object.assign(child, { ended });
};
const written = async (): Promise<string> => readFile(file, 'utf8').catch(() => '');
const state = async (): Promise<string | undefined> => {
  const { stdout } = await runOnced(['lookup', 'cron', key, '--server', server.grpc, '--json']);
  return /"state": "(?:INTENT_STATE_)?(\w+)"/u.exec(stdout)?.[1];
};

test('a command runs once, and later runs get its output and exit code', async () => {
  const script = `echo ran >>${file}; printf 'to out\\n'; printf 'to err\\n' >&2; exit 3`;
  const first = await run(script);
  expect(first).toEqual({ code: 3, signal: null, stdout: 'to out\n', stderr: 'to err\n' });
  expect(await run(script)).toEqual(first);
  expect(await written()).toBe('ran\n');
});

test('a command knows its fencing token and attempt, and its own input', async () => {
  const { stdout } = await run('echo $ONCED_ATTEMPT $ONCED_FENCING_TOKEN; cat');
  expect(stdout).toMatch(/^1 \d{13,}\n$/);
});

test('bytes of the output stay what they were', async () => {
  const script = String.raw`printf '\000\377\r\n'`;
  const [first, again] = [await run(script), await run(script)];
  expect([first.stdout.length, again.stdout]).toEqual([4, first.stdout]);
});

test('another command under the same key is refused', async () => {
  await run('echo one');
  const { code, stdout, stderr } = await run(`echo two >>${file}`);
  expect([code, stdout, stderr, await written()]).toEqual([
    125,
    '',
    'onced run: the key stands for another command\n',
    '',
  ]);
});

test('exit codes to try again are not kept, and all others are', async () => {
  for (const [retry, code, runs] of [
    [[], 75, 2],
    [[], 1, 1],
    [['--retry-exit', '1,2'], 1, 2],
  ] as const) {
    keys += 1;
    key = `job-${keys}`;
    file = join(folder.path, key);
    for (let times = 0; times < 2; times++)
      expect((await run(`echo ran >>${file}; exit ${code}`, ...retry)).code).toBe(code);
    expect(await written()).toBe('ran\n'.repeat(runs));
  }
});

test('long output is kept from its end, and that is said', async () => {
  const script = 'i=0; while [ $i -lt 3000 ]; do printf "%099d\\n" $i; i=$((i + 1)); done';
  const [first, again] = [await run(script), await run(script)];
  expect(first.stdout).toHaveLength(300_000);
  expect(again.stdout).toBe(first.stdout.slice(-131_072));
  expect(again.stderr).toBe('onced run: the first 168928 bytes of the output were not kept\n');
});

test('a command that takes longer than its lease keeps it; a run beside it waits, or comes again', async () => {
  const script = `echo ran >>${file}; sleep 3; echo done`;
  const first = run(script, '--lease', '1s');
  await until(async () => (await written()) === 'ran\n', 20_000);
  const hasty = await run(script, '--wait', '0s');
  expect([hasty.code, hasty.stdout]).toEqual([75, '']);
  const patient = await run(script);
  expect([patient.code, patient.stdout, (await first).stdout, await written()]).toEqual([
    0,
    'done\n',
    'done\n',
    'ran\n',
  ]);
});

test('a command that is missing runs nothing, and may run later', async () => {
  const args = ['run', '--namespace', 'cron', '--key', key, '--server', server.grpc, '--', file];
  expect((await runOnced(args)).code).toBe(127);
  await writeFile(file, '#!/bin/sh\necho here\n', { mode: 0o755 });
  expect(await runOnced(args)).toMatchObject({ code: 0, stdout: 'here\n' });
});

test('a signal reaches the command; what ends well after it is kept, what does not is held', async () => {
  for (const [ends, code, stored] of [
    [0, 0, 'COMPLETED'],
    [1, 1, 'UNKNOWN'],
  ] as const) {
    keys += 1;
    key = `job-${keys}`;
    file = join(folder.path, key);
    const job = start(
      `trap 'echo told >>${file}; exit ${ends}' TERM; echo ran >>${file}; while :; do sleep 0.05; done`,
    );
    await until(async () => (await written()) === 'ran\n', 20_000);
    job.kill('SIGTERM');
    expect([await job.ended, await written(), await state()]).toEqual([code, 'ran\ntold\n', stored]);
  }
});

test('a command that is killed has an unknown outcome: its key is held', async () => {
  const { code, stderr } = await run('kill -9 $$');
  expect([code, stderr, await state()]).toEqual([
    137,
    'onced run: SIGKILL ended the command: its key is held\n',
    'UNKNOWN',
  ]);
  expect((await run('kill -9 $$')).code).toBe(125);
});

test('a run that is killed with -9 is not run again, unless somebody says so', async () => {
  const script = `echo $$ >>${file}; [ "$ONCED_ATTEMPT" -gt 1 ] || exec sleep 60`;
  const job = start(script, '--lease', '500ms');
  await until(async () => (await written()) !== '', 20_000);
  job.kill('SIGKILL');
  await job.ended;
  process.kill(Number((await written()).trim()), 'SIGKILL');
  const refused = await run(script);
  expect([refused.code, refused.stderr, await state()]).toEqual([
    125,
    'onced run: nobody knows whether an earlier run did it: look, then use onced resolve\n',
    'UNKNOWN',
  ]);
  expect((await written()).split('\n')).toHaveLength(2);
  const resolve = ['resolve', 'cron', key, '--released', '--reason', 'it did nothing', '--server', server.grpc];
  expect((await runOnced(resolve)).code).toBe(0);
  expect((await run(script)).code).toBe(0);
});

test('a run that is told to take over runs what an earlier one may have done', async () => {
  const script = `echo $$ >>${file}; [ "$ONCED_ATTEMPT" -gt 1 ] || exec sleep 60`;
  const job = start(script, '--lease', '500ms');
  await until(async () => (await written()) !== '', 20_000);
  job.kill('SIGKILL');
  await job.ended;
  process.kill(Number((await written()).trim()), 'SIGKILL');
  expect((await run(script, '--take-over')).code).toBe(0);
});

test('a command whose lease is lost is stopped, with all that it has started', async () => {
  const script = `(trap '' TERM; echo $$ >>${file}; while :; do sleep 0.05; done) & wait`;
  const job = start(script, '--lease', '3s');
  await until(async () => (await written()) !== '', 20_000);
  const resolve = ['resolve', 'cron', key, '--released', '--force', '--reason', 'test', '--server', server.grpc];
  expect((await runOnced(resolve)).code).toBe(0);
  expect(await job.ended).toBe(143);
  const group = Number((await written()).trim());
  await until(() => {
    try {
      return !process.kill(-group, 0);
    } catch {
      return true;
    }
  }, 10_000);
}, 60_000);

test('without a server nothing is run', async () => {
  const flags = ['--server', '127.0.0.1:1', '--timeout', '1', '--wait', '0s'];
  const { code, stderr } = await run(`echo ran >>${file}`, ...flags);
  expect([code, await written()]).toEqual([75, '']);
  expect(stderr).toContain('nothing was run');
});

test('mistakes in the flags run nothing', async () => {
  for (const flags of [
    ['--lease', 'soon'],
    ['--retry-exit', '0'],
    ['--retry-exit', 'x'],
  ])
    expect([(await run(`echo ran >>${file}`, ...flags)).code, await written()]).toEqual([2, '']);
  expect((await runOnced(['run', '--namespace', 'cron', '--', 'true'])).code).toBe(2);
});
