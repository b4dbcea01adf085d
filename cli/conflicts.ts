// onced conflicts: attempts that ran while the store was down and may be duplicates, and a person's word on each.

import { toJson } from '@bufbuild/protobuf';
import { Command } from 'commander';
import { AdminService, DegradedConflictSchema, type DegradedConflict } from '../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../proto/gen/onced/v1/record_pb.js';
import { printable } from '../server/printable.ts';
import { call, type CallOptions } from './client.ts';
import { age, operate, operatorCommand, type ServerFlags } from './operate.ts';
import { table } from './table.ts';

export function conflictsCommand(): Command {
  return new Command('conflicts')
    .description('attempts that ran while the store was down and may be duplicates')
    .addCommand(list())
    .addCommand(resolve());
}

const list = (): Command =>
  operatorCommand('list', 'those that nobody has resolved yet')
    .addHelpText('after', '\nExample:\n  onced conflicts list payments\n')
    .argument('[namespace]', 'exactly this namespace; all without it')
    .action(async (namespace: string | undefined, flags: ServerFlags) =>
      operate(flags, async (target) => {
        const conflicts = await readAll(namespace ?? '', target);
        if (flags.json === true) {
          const json = conflicts.map((conflict) => toJson(DegradedConflictSchema, conflict));
          console.log(JSON.stringify(json, null, 2));
        } else {
          console.log(conflicts.length === 0 ? 'no conflicts' : conflictTable(conflicts));
        }
      }),
    );

const resolve = (): Command =>
  operatorCommand('resolve', 'tick one off: what became of it is known, and dealt with')
    .argument('<namespace>')
    .argument('<id>', 'as list shows it')
    .requiredOption('--reason <text>', 'what was found, for the audit log')
    .addHelpText(
      'after',
      `
The record of the key stays as it is; onced resolve changes that.

Example:
  onced conflicts resolve payments 9f86d081884c7d65 --reason "charged twice; ch_18 refunded, ticket 1234"
`,
    )
    .action(async (namespace: string, id: string, flags: ServerFlags & { readonly reason: string }) =>
      operate(flags, async (target) => {
        const request = { namespace, id, reason: flags.reason };
        const { conflict } = await call(AdminService.method.resolveDegradedConflict, request, target);
        if (conflict === undefined) return;
        if (flags.json === true) console.log(JSON.stringify(toJson(DegradedConflictSchema, conflict), null, 2));
        else console.log(`${namespace} ${printable(conflict.key)} ${conflict.cause} is resolved`);
      }),
    );

async function readAll(namespace: string, target: CallOptions): Promise<readonly DegradedConflict[]> {
  const conflicts: DegradedConflict[] = [];
  let pageToken = '';
  do {
    const request = { namespace, pageSize: 1000, pageToken };
    const page = await call(AdminService.method.listDegradedConflicts, request, target);
    conflicts.push(...page.conflicts);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return conflicts;
}

const HEAD = ['id', 'namespace', 'key', 'cause', 'it came to', 'owner', 'listed'];

export const conflictTable = (conflicts: readonly DegradedConflict[]): string =>
  table(
    HEAD,
    conflicts.map(({ id, namespace, key, cause, state, owner, listTime }) => [
      id,
      namespace,
      key,
      cause,
      IntentState[state],
      owner,
      `${age(listTime)} ago`,
    ]),
  );
