// onced token: API keys. A secret is printed once, and is nowhere to be had afterwards.

import { toJson, type JsonValue } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Command, InvalidArgumentError } from 'commander';
import { AdminService, ApiKeySchema, Role, type ApiKey } from '../proto/gen/onced/v1/admin_pb.js';
import { call } from './client.ts';
import { confirm, instant, milliseconds, operate, operatorCommand, type ServerFlags } from './operate.ts';
import { table } from './table.ts';

interface Grant {
  readonly role: Role;
  readonly namespacePattern: string;
}

const ROLES = ['READER', 'WRITER', 'OPERATOR', 'ADMIN'] as const;

function grant(text: string, before: readonly Grant[] = []): readonly Grant[] {
  const [name = '', namespacePattern = ''] = text.split(':', 2);
  const role = ROLES.find((candidate) => candidate === name.toUpperCase());
  if (role === undefined || namespacePattern === '') throw new InvalidArgumentError('Write it as writer:payments/*');
  return [...before, { role: Role[role], namespacePattern }];
}

export function tokenCommand(): Command {
  return new Command('token')
    .description('API keys: make, list, rotate, revoke')
    .addCommand(create())
    .addCommand(list())
    .addCommand(rotate())
    .addCommand(revoke());
}

interface CreateFlags extends ServerFlags {
  readonly grant: readonly Grant[];
  readonly ttl?: string;
  readonly reason?: string;
}

const create = (): Command =>
  operatorCommand('create', 'make an API key and print its secret, once')
    .argument('<name>', 'for people: the service it is for')
    .requiredOption(
      '--grant <role:pattern>',
      'reader, writer, operator or admin, and where; may be given several times',
      grant,
    )
    .option('--ttl <duration>', 'how long it is good; until revoked without it')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText(
      'after',
      `
Examples:
  onced token create checkout --grant writer:payments/*
  onced token create on-call --grant operator:* --ttl 30d
`,
    )
    .action(async (name: string, flags: CreateFlags) =>
      operate(flags, async (target) => {
        const { ttl } = flags;
        const request = {
          name,
          grants: [...flags.grant],
          reason: flags.reason ?? '',
          ...(ttl === undefined ? {} : { ttl: durationFromMs(milliseconds('--ttl', ttl)) }),
        };
        print(await call(AdminService.method.createApiKey, request, target), flags);
      }),
    );

const list = (): Command =>
  operatorCommand('list', 'API keys, without their secrets')
    .addHelpText('after', '\nExample:\n  onced token list\n')
    .action(async (flags: ServerFlags) =>
      operate(flags, async (target) => {
        const keys: ApiKey[] = [];
        let pageToken = '';
        do {
          const page = await call(AdminService.method.listApiKeys, { pageSize: 1000, pageToken }, target);
          keys.push(...page.apiKeys);
          pageToken = page.nextPageToken;
        } while (pageToken !== '');
        if (flags.json === true) return console.log(JSON.stringify(keys.map(keyJson), null, 2));
        if (keys.length === 0) return console.log('no API keys');
        console.log(table(['id', 'name', 'grants', 'made', 'expires', 'secrets'], keys.map(row)));
      }),
    );

const rotate = (): Command =>
  operatorCommand('rotate', 'give a key a new secret; the one before stays good until the next rotation')
    .argument('<id>')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  onced token rotate 3f9c1a2b4d5e6f70 --reason "yearly"\n')
    .action(async (id: string, flags: ServerFlags & { readonly reason?: string }) =>
      operate(flags, async (target) => {
        print(await call(AdminService.method.rotateApiKey, { id, reason: flags.reason ?? '' }, target), flags);
      }),
    );

interface RevokeFlags extends ServerFlags {
  readonly older?: true;
  readonly reason?: string;
  readonly yes?: true;
}

const revoke = (): Command =>
  operatorCommand('revoke', 'end a key; bites on every server within 5 s')
    .argument('<id>')
    .option('--older', 'only the secret before the latest rotation')
    .option('--reason <text>', 'why, for the audit log')
    .option('--yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Examples:
  onced token revoke 3f9c1a2b4d5e6f70 --reason "left the team"
  onced token revoke 3f9c1a2b4d5e6f70 --older   the rotation is over
`,
    )
    .action(async (id: string, flags: RevokeFlags) =>
      operate(flags, async (target) => {
        const olderSecretOnly = flags.older === true;
        const question = olderSecretOnly ? `End the older secret of ${id}?` : `End the API key ${id}?`;
        if (!(await confirm(question, flags.yes === true))) return;
        await call(AdminService.method.revokeApiKey, { id, olderSecretOnly, reason: flags.reason ?? '' }, target);
        if (flags.json === true) console.log(JSON.stringify({ id, revoked: true }));
        else console.log(`${id} is revoked`);
      }),
    );

function print(
  { apiKey, secret }: { readonly apiKey?: ApiKey | undefined; readonly secret: string },
  flags: ServerFlags,
): void {
  if (flags.json === true) console.log(JSON.stringify({ apiKey: apiKey && keyJson(apiKey), secret }, null, 2));
  else console.log(secret);
}

const keyJson = (key: ApiKey): JsonValue => toJson(ApiKeySchema, key);

const row = ({ id, name, grants, createTime, expireTime, secrets }: ApiKey): readonly string[] => [
  id,
  name,
  grants.map(({ role, namespacePattern }) => `${Role[role].toLowerCase()}:${namespacePattern}`).join(' '),
  instant(createTime),
  expireTime === undefined ? 'never' : instant(expireTime),
  String(secrets),
];
