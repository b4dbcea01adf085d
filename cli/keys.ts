// onced keys: encryption at rest, and the secret of issued keys. Makes sealing keys, shows which of them the store still needs,
// rotates data keys and that secret.

import { randomBytes } from 'node:crypto';
import { toJson } from '@bufbuild/protobuf';
import { Command } from 'commander';
import { AdminService, DataKeysSchema, type DataKeys } from '../proto/gen/onced/v1/admin_pb.js';
import { call, type CallOptions } from './client.ts';
import { confirm, instant, operate, operatorCommand, type ServerFlags } from './operate.ts';
import { table } from './table.ts';

const KEY_BYTES = 32;

export function keysCommand(): Command {
  return new Command('keys')
    .description('encryption at rest: sealing keys, and the data keys that they wrap; the secret of issued keys')
    .addCommand(make())
    .addCommand(list())
    .addCommand(rotate())
    .addCommand(rotateIssued())
    .addHelpText(
      'after',
      `
To turn it on:
  onced keys make > sealing.keys && chmod 600 sealing.keys
  onced serve --sealing-keys sealing.keys

To replace the sealing key, without downtime:
  onced keys make >> sealing.keys               the last line is in use; servers see it within 5 s
  onced keys rotate --reason "yearly" --yes     the older line is not needed any more when
  onced keys list                               no row shows its id
`,
    );
}

const make = (): Command =>
  new Command('make')
    .description('print a new sealing key; asks no server')
    .addHelpText('after', '\nExample:\n  onced keys make >> sealing.keys\n')
    .action(() => console.log(randomBytes(KEY_BYTES).toString('hex')));

const list = (): Command =>
  operatorCommand('list', 'data keys by namespace, with the ids of the sealing keys that wrap them')
    .addHelpText('after', '\nExample:\n  onced keys list --json\n')
    .action(async (flags: ServerFlags) =>
      operate(flags, async (target) => {
        const keys = await readAll(target);
        const rows = keys.map((key) => toJson(DataKeysSchema, key));
        if (flags.json === true) return console.log(JSON.stringify(rows, null, 2));
        if (keys.length === 0) return console.log('no data keys: nothing is encrypted at rest');
        console.log(table(['namespace', 'versions', 'newest made', 'wrapped by'], keys.map(row)));
      }),
    );

interface RotateFlags extends ServerFlags {
  readonly reason?: string;
  readonly yes?: true;
}

const rotate = (): Command =>
  operatorCommand('rotate', 'make new data keys, and wrap all by the newest sealing key; what is sealed stays readable')
    .argument('[namespace]', 'exactly this namespace; all without it')
    .option('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do it without being asked')
    .addHelpText('after', '\nExample:\n  onced keys rotate --reason "sealing key of 2027"\n')
    .action(async (namespace: string | undefined, flags: RotateFlags) =>
      operate(flags, async (target) => {
        const question = `Make a new data key for ${namespace ?? 'every namespace'}?`;
        if (!(await confirm(question, flags.yes === true))) return;
        const request = { namespace: namespace ?? '', reason: flags.reason ?? '' };
        const { namespaces, wrappedBy } = await call(AdminService.method.rotateDataKeys, request, target);
        if (flags.json === true) console.log(JSON.stringify({ namespaces, wrappedBy }));
        else console.log(`${namespaces} namespaces have a new data key, wrapped by ${wrappedBy}`);
      }),
    );

const rotateIssued = (): Command =>
  operatorCommand(
    'rotate-issued',
    'make a new secret for IssueKeys; keys of the one before stay good, older ones do not',
  )
    .option('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do it without being asked')
    .addHelpText('after', '\nExample:\n  onced keys rotate-issued --reason "yearly"\n')
    .action(async (flags: RotateFlags) =>
      operate(flags, async (target) => {
        const question =
          'Make a new secret for issued keys? Keys made before the last rotation are refused from then on.';
        if (!(await confirm(question, flags.yes === true))) return;
        await call(AdminService.method.rotateIssuedKeySecret, { reason: flags.reason ?? '' }, target);
        if (flags.json === true) console.log('{}');
        else console.log('new keys are signed with a new secret; those of the one before stay good');
      }),
    );

async function readAll(target: CallOptions): Promise<readonly DataKeys[]> {
  const keys: DataKeys[] = [];
  let pageToken = '';
  do {
    const page = await call(AdminService.method.listDataKeys, { pageSize: 1000, pageToken }, target);
    keys.push(...page.dataKeys);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return keys;
}

const row = ({ namespace, versions, createTime, wrappedBy }: DataKeys): readonly string[] => [
  namespace,
  String(versions),
  instant(createTime),
  wrappedBy.join(' '),
];
