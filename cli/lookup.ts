// onced lookup: what a running server knows of one key.

import { status } from '@grpc/grpc-js';
import { toJson } from '@bufbuild/protobuf';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { IdempotencyService } from '../proto/gen/onced/v1/idempotency_pb.js';
import { IntentRecordSchema, IntentState, OrphanCause, type IntentRecord } from '../proto/gen/onced/v1/record_pb.js';
import { call, isServiceError } from './client.ts';
import { EXIT } from './exit.ts';
import { operate, operatorCommand, type ServerFlags } from './operate.ts';
import { printable } from '../server/printable.ts';
import { table } from './table.ts';

interface LookupOptions extends ServerFlags {
  readonly result?: true;
}

export function lookupCommand(): Command {
  return operatorCommand('lookup', 'show the record of one key; takes nothing and changes nothing')
    .argument('<namespace>')
    .argument('<key>')
    .option('--result', 'print the bytes of the result and nothing else; with --json, among the rest')
    .addHelpText(
      'after',
      `
Exit codes: 0 found, 1 not found, 2 a mistake in the call, 3 no answer, 4 refused.
The server is --server, or ONCED_SERVER. A key that begins with a dash goes after --.

Examples:
  onced lookup payments order-17
  onced lookup payments order-17 --result > receipt.json
  onced lookup payments --json -- -17
`,
    )
    .action(lookup);
}

async function lookup(namespace: string, key: string, options: LookupOptions): Promise<void> {
  await operate(options, async (target) => {
    const request = { namespace, key, includeResult: options.result === true };
    try {
      const { record } = await call(IdempotencyService.method.lookup, request, target);
      if (record !== undefined) show(record, options);
    } catch (error) {
      if (!isServiceError(error) || error.code !== status.NOT_FOUND) throw error;
      console.error(`not found: ${printable(namespace)} ${printable(key)}: ${printable(error.details)}`);
      process.exitCode = EXIT.no;
    }
  });
}

function show(record: IntentRecord, options: LookupOptions): void {
  if (options.json === true) {
    console.log(JSON.stringify(toJson(IntentRecordSchema, record, { useProtoFieldName: true }), null, 2));
  } else if (options.result === true) {
    showResult(record);
  } else {
    console.log(table(['field', 'value'], rowsOf(record)));
  }
}

/** Bytes for a file or a pipe; on a terminal nothing that could steer it. */
function showResult({ result, resultDropped }: IntentRecord): void {
  if (result === undefined) {
    console.error(resultDropped ? 'the result was dropped at its time' : 'there is no result');
    process.exitCode = EXIT.no;
    return;
  }
  if (process.stdout.isTTY) console.log(printable(Buffer.from(result).toString()));
  else process.stdout.write(result);
}

function rowsOf(record: IntentRecord): (readonly [string, string])[] {
  const { summary, orphan, error } = record;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['namespace', summary?.namespace],
    ['key', summary?.key],
    ['state', summary === undefined ? undefined : IntentState[summary.state]],
    ['attempt', summary === undefined ? undefined : `${summary.attempt}, fencing token ${summary.fencingToken}`],
    ['owner', record.owner],
    ['lease until', instant(record.leaseExpireTime)],
    ['orphan', orphan === undefined ? undefined : `${OrphanCause[orphan.cause]} since ${instant(orphan.orphanTime)}`],
    ['result', summary?.state === IntentState.COMPLETED ? resultLine(record) : undefined],
    ['error', error === undefined ? undefined : `${error.code}: ${error.message}`],
    ['checkpoint', record.checkpoint === undefined ? undefined : `${record.checkpoint.length} bytes`],
    ['retry from', instant(record.retryTime)],
    ['labels', labelLine(record.labels)],
    ['outcome labels', labelLine(record.outcomeLabels)],
    ['created', instant(summary?.createTime)],
    ['written', instant(summary?.updateTime)],
    ['settled', instant(summary?.settleTime)],
    ['expires', instant(summary?.expireTime)],
  ];
  return rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '');
}

function resultLine({ resultBytes, contentType, resultDropped }: IntentRecord): string {
  const type = contentType === '' ? '' : ` of ${contentType}`;
  return `${resultBytes} bytes${type}${resultDropped ? ', dropped' : '; --result prints them'}`;
}

const labelLine = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');

const instant = (time: Timestamp | undefined): string | undefined =>
  time === undefined ? undefined : timestampDate(time).toISOString();
