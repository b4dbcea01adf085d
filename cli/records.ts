// onced list, onced orphans, onced purge, onced export: many records at once.

import { create, toJson, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { InvalidArgumentError, type Command } from 'commander';
import { AdminService, RecordFilterSchema, type RecordFilter } from '../proto/gen/onced/v1/admin_pb.js';
import { IntentRecordSchema, IntentState, OrphanCause, type IntentRecord } from '../proto/gen/onced/v1/record_pb.js';
import { call, follow, type CallOptions } from './client.ts';
import {
  age,
  bar,
  confirm,
  endProgress,
  instant,
  milliseconds,
  operate,
  operatorCommand,
  progress,
  UsageError,
  wholeNumber,
  type ServerFlags,
} from './operate.ts';
import { table } from './table.ts';

interface FilterFlags extends ServerFlags {
  readonly state?: readonly IntentState[];
  readonly prefix?: string;
  readonly key?: string;
  readonly owner?: string;
  readonly older?: string;
  readonly expired?: true;
}

const STATES = Object.values(IntentState).filter((name) => typeof name === 'string' && name !== 'UNSPECIFIED');

function state(text: string, before: readonly IntentState[] = []): readonly IntentState[] {
  const name = text.toUpperCase();
  const value = IntentState[name as keyof typeof IntentState];
  if (!STATES.includes(name)) throw new InvalidArgumentError(`There is ${STATES.join(', ').toLowerCase()}.`);
  return [...before, value];
}

function withFilter(command: Command): Command {
  return command
    .option('--state <state>', `${STATES.join(', ').toLowerCase()}; may be given several times`, state)
    .option('--prefix <text>', 'only keys that begin so')
    .option('--key <key>', 'only this key (needs a namespace)')
    .option('--owner <text>', 'only records whose latest attempt was this owner’s')
    .option('--older <duration>', 'only records last written at least so long ago: 90s, 15m, 24h, 7d')
    .option('--expired', 'also records past their time that are still there');
}

function filterOf(namespace: string | undefined, flags: FilterFlags): RecordFilter {
  return create(RecordFilterSchema, {
    namespace: namespace ?? '',
    states: [...(flags.state ?? [])],
    keyPrefix: flags.prefix ?? '',
    key: flags.key ?? '',
    owner: flags.owner ?? '',
    includeExpired: flags.expired === true,
    ...(flags.older === undefined ? {} : { ageMin: durationFromMs(milliseconds('--older', flags.older)) }),
  });
}

const LIMIT = '100';

export function listCommand(): Command {
  return withFilter(operatorCommand('list', 'list records, newest facts first where the store can'))
    .argument('[namespace]', 'exactly this namespace; all without it')
    .option('--limit <count>', 'at most so many', LIMIT)
    .addHelpText(
      'after',
      `
Examples:
  onced list payments --state in_progress --older 10m     what has been running for long
  onced list payments --prefix order-17                   keys that begin so
  onced list --state orphaned --state unknown --json      everything that somebody must look at
`,
    )
    .action(async (namespace: string | undefined, flags: FilterFlags & { readonly limit: string }) =>
      operate(flags, async (target) => {
        const records = await listAll(filterOf(namespace, flags), wholeNumber('--limit', flags.limit), target);
        if (flags.json === true) printJson(records);
        else console.log(records.length === 0 ? 'no record matches' : table(LIST_HEAD, records.map(listRow)));
      }),
    );
}

export function orphansCommand(): Command {
  return operatorCommand('orphans', 'list keys of which nobody knows whether their side effect happened')
    .argument('[namespace]', 'exactly this namespace; all without it')
    .option('--limit <count>', 'at most so many', LIMIT)
    .addHelpText(
      'after',
      `
A key is an orphan when its lease ran out, or when its holder said that it does not know. Ask the provider what happened
(the checkpoint often has its transaction id), then tell Onced.

Examples:
  onced orphans payments
  onced resolve payments order-17 --released --reason "provider has no charge"
  onced resolve payments order-17 --completed receipt.json --reason "charge ch_17 found"
`,
    )
    .action(async (namespace: string | undefined, flags: ServerFlags & { readonly limit: string }) =>
      operate(flags, async (target) => {
        const states = [IntentState.ORPHANED, IntentState.UNKNOWN];
        const filter = create(RecordFilterSchema, { namespace: namespace ?? '', states });
        const records = await listAll(filter, wholeNumber('--limit', flags.limit), target);
        if (flags.json === true) printJson(records);
        else console.log(records.length === 0 ? 'no orphans' : table(ORPHAN_HEAD, records.map(orphanRow)));
      }),
    );
}

interface PurgeFlags extends FilterFlags {
  readonly reason?: string;
  readonly force?: true;
  readonly dryRun?: true;
  readonly yes?: true;
}

export function purgeCommand(): Command {
  return withFilter(operatorCommand('purge', 'remove records; counts first and asks'))
    .argument('[namespace]', 'exactly this namespace')
    .option('--reason <text>', 'why, for the audit log')
    .option('--force', 'also records with a live lease: their holders lose it')
    .option('--dry-run', 'only count')
    .option('--yes', 'do it without being asked')
    .addHelpText(
      'after',
      `
Removed records are forgotten: a retry of theirs runs again. May be interrupted and called again.

Examples:
  onced purge load-test --dry-run
  onced purge load-test --reason "end of the load test" --yes
  onced purge payments --state failed --older 30d --reason "ticket 1234"
`,
    )
    .action(async (namespace: string | undefined, flags: PurgeFlags) =>
      operate(flags, async (target) => purge(filterOf(namespace, flags), flags, target)),
    );
}

async function purge(filter: RecordFilter, flags: PurgeFlags, target: CallOptions): Promise<void> {
  if (flags.dryRun !== true && (flags.reason ?? '') === '') throw new UsageError('--reason is required');
  let count = 0n;
  await follow(AdminService.method.purgeRecords, { filter, dryRun: true }, target, ({ matched }) => {
    count = matched;
    progress(`${matched} records match so far`);
  });
  endProgress();
  if (flags.dryRun === true || count === 0n) {
    printPurge({ matched: count, removed: 0n, kept: 0n }, flags);
    return;
  }
  const warning = flags.force === true ? ' Holders of live leases lose them.' : '';
  if (!(await confirm(`Remove ${count} records for good?${warning}`, flags.yes === true))) return;
  const request = { filter, reason: flags.reason ?? '', force: flags.force === true, expectedCount: count };
  let last = { matched: 0n, removed: 0n, kept: 0n };
  await follow(AdminService.method.purgeRecords, request, target, (answer) => {
    last = answer;
    progress(`${bar(answer.matched, count)}  ${answer.removed} of ${count} removed`);
  });
  endProgress();
  printPurge(last, flags);
}

interface Purged {
  readonly matched: bigint;
  readonly removed: bigint;
  readonly kept: bigint;
}

function printPurge({ matched, removed, kept }: Purged, flags: PurgeFlags): void {
  if (flags.json === true) {
    console.log(JSON.stringify({ matched: Number(matched), removed: Number(removed), kept: Number(kept) }));
  } else if (flags.dryRun === true || matched === 0n) {
    console.log(`${matched} records match`);
  } else {
    console.log(`${removed} removed, ${kept} kept (a live lease, or changed meanwhile)`);
  }
}

export function exportCommand(): Command {
  return withFilter(operatorCommand('export', 'print records as JSON, one a line'))
    .argument('[namespace]', 'exactly this namespace; all without it')
    .option('--payloads', 'also results and checkpoints')
    .addHelpText(
      'after',
      `
Examples:
  onced export payments --state completed | jq .summary.key
  onced export payments --payloads > payments.jsonl
`,
    )
    .action(async (namespace: string | undefined, flags: FilterFlags & { readonly payloads?: true }) =>
      operate(flags, async (target) => {
        const request = { filter: filterOf(namespace, flags), includePayloads: flags.payloads === true };
        let printed = 0;
        await follow(AdminService.method.exportRecords, request, target, ({ records }) => {
          for (const record of records) console.log(JSON.stringify(toJson(IntentRecordSchema, record)));
          printed += records.length;
          if (!process.stdout.isTTY) progress(`${printed} records printed`);
        });
        endProgress();
      }),
    );
}

async function listAll(filter: RecordFilter, limit: number, target: CallOptions): Promise<readonly IntentRecord[]> {
  const records: IntentRecord[] = [];
  let pageToken = '';
  do {
    const request: MessageInitShape<typeof AdminService.method.listRecords.input> = {
      filter,
      pageSize: Math.min(1000, limit),
      pageToken,
    };
    const page = await call(AdminService.method.listRecords, request, target);
    records.push(...page.records);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && records.length < limit);
  return records.slice(0, limit);
}

const printJson = (records: readonly IntentRecord[]): void =>
  console.log(
    JSON.stringify(
      records.map((record) => toJson(IntentRecordSchema, record)),
      null,
      2,
    ),
  );

const LIST_HEAD = ['namespace', 'key', 'state', 'attempt', 'owner', 'written', 'expires'];

function listRow({ summary, owner }: IntentRecord): readonly string[] {
  if (summary === undefined) return [];
  const { namespace, key, attempt, updateTime, expireTime } = summary;
  return [
    namespace,
    key,
    IntentState[summary.state],
    String(attempt),
    owner,
    `${age(updateTime)} ago`,
    instant(expireTime),
  ];
}

const ORPHAN_HEAD = ['namespace', 'key', 'since', 'why', 'attempt', 'owner', 'checkpoint', 'last error'];

function orphanRow({ summary, orphan, owner, checkpoint, error }: IntentRecord): readonly string[] {
  return [
    summary?.namespace ?? '',
    summary?.key ?? '',
    `${age(orphan?.orphanTime)} ago`,
    orphan?.cause === OrphanCause.HOLDER_UNKNOWN ? 'holder does not know' : 'lease ran out',
    String(summary?.attempt ?? ''),
    owner,
    checkpoint === undefined ? '' : Buffer.from(checkpoint).toString('utf8').slice(0, 40),
    error?.code ?? '',
  ];
}
