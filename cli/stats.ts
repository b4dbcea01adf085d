// onced stats, onced compact, onced audit: how the server is, and what was done to it.

import { toJson } from '@bufbuild/protobuf';
import { durationMs } from '@bufbuild/protobuf/wkt';
import { Command } from 'commander';
import {
  AdminService,
  AuditEventSchema,
  GetStatsResponseSchema,
  type AuditEvent,
  type GetStatsResponse,
} from '../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../proto/gen/onced/v1/record_pb.js';
import { chainHash } from '../server/audit.ts';
import { call, type CallOptions } from './client.ts';
import { conflictTable } from './conflicts.ts';
import { EXIT } from './exit.ts';
import {
  age,
  endProgress,
  instant,
  operate,
  operatorCommand,
  progress,
  type ServerFlags,
  wholeNumber,
} from './operate.ts';
import { table } from './table.ts';

export function statsCommand(): Command {
  return operatorCommand('stats', 'records by namespace and state, orphans, counters, latencies')
    .argument('[namespace]', 'exactly this namespace; all without it')
    .addHelpText('after', '\nExamples:\n  onced stats\n  onced stats payments --json\n')
    .action(async (namespace: string | undefined, flags: ServerFlags) =>
      operate(flags, async (target) => {
        const stats = await call(AdminService.method.getStats, { namespace: namespace ?? '' }, target);
        if (flags.json === true) console.log(JSON.stringify(toJson(GetStatsResponseSchema, stats), null, 2));
        else console.log(statsText(stats));
      }),
    );
}

function statsText(stats: GetStatsResponse): string {
  const oldest = stats.oldestOrphanTime === undefined ? '' : `, the oldest for ${age(stats.oldestOrphanTime)}`;
  const counters = stats.counters.filter(({ value }) => value !== 0);
  const ms = (duration: GetStatsResponse['latencies'][number]['p50']): string =>
    duration === undefined ? '' : `${durationMs(duration).toFixed(1)} ms`;
  return [
    `store ${stats.store} (${stats.tier}), ${stats.storeHealthy ? 'healthy' : 'NOT ANSWERING'}, ${stats.storeBytes} bytes`,
    `orphans ${stats.orphans}${oldest}`,
    `journal ${stats.journalRows} rows that wait for the store`,
    ...conflictLines(stats),
    '',
    table(
      ['namespace', 'state', 'records', 'bytes'],
      stats.records.map((row) => [row.namespace, IntentState[row.state], String(row.records), String(row.bytes)]),
    ),
    '',
    table(
      ['figure', 'labels', 'value'],
      counters.map(({ name, labels, value }) => [name, labelText(labels), String(value)]),
    ),
    '',
    table(
      ['latency', 'labels', 'count', 'p50', 'p95', 'p99'],
      stats.latencies.map((row) => [
        row.name,
        labelText(row.labels),
        String(row.count),
        ms(row.p50),
        ms(row.p95),
        ms(row.p99),
      ]),
    ),
  ].join('\n');
}

/** Side effects that may have happened twice come before all figures. */
function conflictLines({ degradedConflicts }: GetStatsResponse): readonly string[] {
  if (degradedConflicts.length === 0) return [];
  return ['', 'ran without the store and may be duplicates (onced conflicts):', conflictTable(degradedConflicts)];
}

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

export function compactCommand(): Command {
  return operatorCommand('compact', 'drop results and records past their time, now instead of in the next round')
    .option('--limit <count>', 'at most so many records; 0: all that are due', '0')
    .option('--reason <text>', 'why, for the audit log')
    .addHelpText('after', '\nExample:\n  onced compact --limit 10000\n')
    .action(async (flags: ServerFlags & { readonly limit: string; readonly reason?: string }) =>
      operate(flags, async (target) => {
        const request = { limit: BigInt(wholeNumber('--limit', flags.limit, 0)), reason: flags.reason ?? '' };
        const done = await call(AdminService.method.runCompaction, request, { ...target, timeoutMs: 3_600_000 });
        const { resultsDropped, recordsRemoved } = done;
        if (flags.json === true) {
          console.log(
            JSON.stringify({ resultsDropped: Number(resultsDropped), recordsRemoved: Number(recordsRemoved) }),
          );
        } else console.log(`${resultsDropped} results dropped, ${recordsRemoved} records removed`);
      }),
    );
}

interface AuditFlags extends ServerFlags {
  readonly limit: string;
  readonly actor?: string;
  readonly namespace?: string;
}

export function auditCommand(): Command {
  const list = operatorCommand('list', 'who did what and why, newest first')
    .option('--limit <count>', 'at most so many', '50')
    .option('--actor <name>', 'only by this principal')
    .option('--namespace <name>', 'only in this namespace')
    .addHelpText(
      'after',
      '\nExamples:\n  onced audit list --limit 20\n  onced audit list --namespace payments --json\n',
    )
    .action(async (flags: AuditFlags) =>
      operate(flags, async (target) => {
        const { events } = await readAudit(target, wholeNumber('--limit', flags.limit), flags);
        if (flags.json === true)
          console.log(
            JSON.stringify(
              events.map((event) => toJson(AuditEventSchema, event)),
              null,
              2,
            ),
          );
        else console.log(events.length === 0 ? 'no events' : table(AUDIT_HEAD, events.map(auditRow)));
      }),
    );
  const verify = operatorCommand('verify', 'check that no event was changed or removed')
    .addHelpText('after', '\nExits with 1 when the chain is broken.\n\nExample:\n  onced audit verify --json\n')
    .action(async (flags: ServerFlags) => operate(flags, async (target) => verifyAudit(target, flags)));
  return new Command('audit').description('the audit log').addCommand(list).addCommand(verify);
}

async function readAudit(
  target: CallOptions,
  limit: number,
  { actor = '', namespace = '' }: Pick<AuditFlags, 'actor' | 'namespace'>,
): Promise<{ readonly events: readonly AuditEvent[]; readonly newest: bigint }> {
  const events: AuditEvent[] = [];
  let newest: bigint | undefined;
  let pageToken = '';
  do {
    const request = { pageSize: Math.min(1000, limit), pageToken, actor, namespace };
    const page = await call(AdminService.method.listAuditEvents, request, target);
    events.push(...page.events);
    // Of the first page: what is written meanwhile is not read any more.
    newest ??= page.newestSequence;
    pageToken = page.nextPageToken;
    progress(`${events.length} events read`);
  } while (pageToken !== '' && events.length < limit);
  endProgress();
  return { events: events.slice(0, limit), newest: newest ?? 0n };
}

/** Works the chain out again from the first event. What it proves ends at the newest hash: keep that elsewhere to prove more. */
async function verifyAudit(target: CallOptions, flags: ServerFlags): Promise<void> {
  const read = await readAudit(target, Infinity, {});
  const events = read.events.toReversed();
  let before = '';
  let expected = 1n;
  for (const event of events) {
    const computed = chainHash(before, {
      sequence: Number(event.sequence),
      timeMs: Number(event.time?.seconds ?? 0n) * 1000 + Math.round((event.time?.nanos ?? 0) / 1e6),
      actor: event.actor,
      action: event.action,
      target: event.target,
      namespace: event.namespace,
      reason: event.reason,
      requestId: event.requestId,
      before: event.before,
      after: event.after,
    });
    const found = Buffer.from(event.hash).toString('hex');
    if (event.sequence !== expected) return tellBroken(expected, 'it is missing');
    if (computed !== found) return tellBroken(expected, 'it was changed, or one before it');
    before = found;
    expected += 1n;
  }
  if (expected <= read.newest) return tellBroken(expected, 'it is missing');
  if (flags.json === true) console.log(JSON.stringify({ events: events.length, unbroken: true, newestHash: before }));
  else console.log(`${events.length} events, unbroken${before === '' ? '' : `; the newest hash is ${before}`}`);
}

function tellBroken(sequence: bigint, how: string): void {
  console.error(`the audit log is broken at event ${sequence}: ${how}`);
  process.exitCode = EXIT.no;
}

const AUDIT_HEAD = ['event', 'time', 'who', 'what', 'on', 'why'];

const auditRow = ({ sequence, time, actor, action, target, reason }: AuditEvent): readonly string[] => [
  String(sequence),
  instant(time),
  actor,
  action,
  target,
  reason,
];
