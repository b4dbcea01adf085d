// onced namespaces: policies, and where each value comes from.

import { fromJson, toJson, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { Command } from 'commander';
import {
  AdminService,
  NamespaceInfoSchema,
  NamespacePolicySchema,
  type NamespaceInfo,
  type NamespacePolicy,
} from '../proto/gen/onced/v1/admin_pb.js';
import { call, type CallOptions } from './client.ts';
import { confirm, instant, milliseconds, operate, operatorCommand, UsageError, type ServerFlags } from './operate.ts';
import { table } from './table.ts';

interface SetFlags extends ServerFlags {
  readonly reason: string;
  readonly yes?: true;
}

export function namespacesCommand(): Command {
  return new Command('namespaces')
    .description('policies of namespaces')
    .addCommand(list())
    .addCommand(get())
    .addCommand(set())
    .addCommand(remove());
}

const list = (): Command =>
  operatorCommand('list', 'namespaces that have a policy of their own')
    .addHelpText('after', '\nExample:\n  onced namespaces list --json\n')
    .action(async (flags: ServerFlags) =>
      operate(flags, async (target) => {
        const namespaces: NamespaceInfo[] = [];
        let pageToken = '';
        do {
          const page = await call(AdminService.method.listNamespaces, { pageSize: 1000, pageToken }, target);
          namespaces.push(...page.namespaces);
          pageToken = page.nextPageToken;
        } while (pageToken !== '');
        if (flags.json === true) return console.log(JSON.stringify(namespaces.map(infoJson), null, 2));
        if (namespaces.length === 0) return console.log('no namespace has a policy of its own');
        const rows = namespaces.map(({ namespace, policy, updateTime }) => [
          namespace,
          own(policy),
          instant(updateTime),
        ]);
        console.log(table(['namespace', 'sets', 'changed'], rows));
      }),
    );

const get = (): Command =>
  operatorCommand('get', 'the policy in effect, and the source of each value')
    .argument('<namespace>')
    .addHelpText('after', '\nExample:\n  onced namespaces get payments/charge\n')
    .action(async (namespace: string, flags: ServerFlags) =>
      operate(flags, async (target) => {
        const info = await read(namespace, target);
        if (flags.json === true) console.log(JSON.stringify(infoJson(info), null, 2));
        else console.log(table(['value', 'is', 'from'], effectiveRows(info)));
      }),
    );

const set = (): Command =>
  operatorCommand('set', 'change values of a policy; an empty value goes back to what is inherited')
    .argument('<namespace>')
    .argument('<value...>', 'such as lease=10s on_lease_expiry=HOLD max_attempts=3 result_ttl=')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      `
Examples:
  onced namespaces set payments ttl=7d on_lease_expiry=HOLD --reason "charges need a look"
  onced namespaces set payments ttl= --reason "back to what is inherited"
`,
    )
    .action(async (namespace: string, values: readonly string[], flags: SetFlags) =>
      operate(flags, async (target) => {
        const before = await read(namespace, target);
        const policy = changed(before.policy, values);
        const request = { namespace, policy, reason: flags.reason, revision: before.revision };
        const { namespace: after } = await call(AdminService.method.putNamespace, request, target);
        if (after === undefined) return;
        if (flags.json === true) console.log(JSON.stringify(infoJson(after), null, 2));
        else console.log(table(['value', 'is', 'from'], effectiveRows(after)));
      }),
    );

const remove = (): Command =>
  operatorCommand('delete', "remove a namespace's own policy; its records stay")
    .argument('<namespace>')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do it without being asked')
    .addHelpText('after', '\nExample:\n  onced namespaces delete load-test --reason "the test is over"\n')
    .action(async (namespace: string, flags: SetFlags) =>
      operate(flags, async (target) => {
        const { policy, revision } = await read(namespace, target);
        const question = `Remove the policy of ${namespace} (${own(policy)})?`;
        if (!(await confirm(question, flags.yes === true))) return;
        await call(AdminService.method.deleteNamespace, { namespace, revision, reason: flags.reason }, target);
        console.log(`${namespace} follows the policy above it now`);
      }),
    );

async function read(namespace: string, target: CallOptions): Promise<NamespaceInfo> {
  const { namespace: info } = await call(AdminService.method.getNamespace, { namespace }, target);
  if (info === undefined) throw new Error('the server answered no namespace');
  return info;
}

/** The policy with `name=value` applied; JSON does the reading, so that names and units are those of the API. */
function changed(before: NamespacePolicy | undefined, values: readonly string[]): NamespacePolicy {
  const policy: Record<string, JsonValue> = before === undefined ? {} : { ...policyJson(before) };
  for (const text of values) {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`"${text}" is not NAME=VALUE`);
    const [name, value] = [text.slice(0, at), text.slice(at + 1)];
    const field = NamespacePolicySchema.fields.find((candidate) => candidate.name === name);
    if (field === undefined) {
      throw new UsageError(
        `there is no ${name}; there is ${NamespacePolicySchema.fields.map((f) => f.name).join(', ')}`,
      );
    }
    if (value === '') delete policy[name];
    else if (field.fieldKind === 'enum')
      policy[name] = `${field.enum.sharedPrefix?.toUpperCase() ?? ''}${value.toUpperCase()}`;
    else if (field.fieldKind === 'message') policy[name] = `${milliseconds(name, value) / 1000}s`;
    else policy[name] = JSON.parse(value) as JsonValue;
  }
  try {
    return fromJson(NamespacePolicySchema, policy);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const policyJson = (policy: NamespacePolicy): JsonObject =>
  toJson(NamespacePolicySchema, policy, { useProtoFieldName: true }) as JsonObject;

const infoJson = (info: NamespaceInfo): JsonValue => toJson(NamespaceInfoSchema, info, { useProtoFieldName: true });

const own = (policy: NamespacePolicy | undefined): string =>
  policy === undefined
    ? ''
    : Object.entries(policyJson(policy))
        .map(([name, value]) => `${name}=${shown(value)}`)
        .join(' ');

function effectiveRows({ effective, sources }: NamespaceInfo): readonly (readonly string[])[] {
  if (effective === undefined) return [];
  const values = policyJson(effective);
  return sources.map(({ field, source }) => [field, shown(values[field] ?? ''), source]);
}

const shown = (value: JsonValue): string =>
  typeof value === 'string' ? value.replace(/^ON_(LEASE_EXPIRY|STORE_OUTAGE)_/, '') : JSON.stringify(value);
