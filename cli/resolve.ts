// onced resolve: a person says what became of a key.

import { readFileSync } from 'node:fs';
import { toJson, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Command } from 'commander';
import { AdminService, type ResolveIntentRequestSchema } from '../proto/gen/onced/v1/admin_pb.js';
import { IntentRecordSchema, IntentState } from '../proto/gen/onced/v1/record_pb.js';
import { call } from './client.ts';
import { milliseconds, operate, operatorCommand, UsageError, type ServerFlags } from './operate.ts';

interface ResolveFlags extends ServerFlags {
  readonly completed?: string;
  readonly contentType?: string;
  readonly failed?: string;
  readonly message?: string;
  readonly released?: true;
  readonly retryAfter?: string;
  readonly reason: string;
  readonly revision?: string;
  readonly force?: true;
}

type Resolution = NonNullable<MessageInitShape<typeof ResolveIntentRequestSchema>['resolution']>;

export function resolveCommand(): Command {
  return operatorCommand('resolve', 'say what became of a key that is stuck: completed, failed, or free to try again')
    .argument('<namespace>')
    .argument('<key>')
    .option('--completed <file>', 'it was done, with the bytes of this file as its result; - reads standard input')
    .option('--content-type <type>', 'media type of the result')
    .option('--failed <code>', 'it was not done and must not be: later callers get this error')
    .option('--message <text>', 'words to the error')
    .option('--released', 'it was not done: the next begin may start')
    .option('--retry-after <duration>', 'with --released: not before so long')
    .requiredOption('--reason <text>', 'why, for the audit log')
    .option('--revision <number>', 'refuse if the record has changed since this revision (see lookup --json)')
    .option('--force', 'also when a holder has a live lease: it loses it')
    .addHelpText(
      'after',
      `
Examples:
  onced resolve payments order-17 --released --reason "provider has no charge"
  onced resolve payments order-17 --completed receipt.json --content-type application/json --reason "found ch_17"
  onced resolve payments order-17 --failed cancelled --message "cancelled by support" --reason "ticket 1234"
`,
    )
    .action(async (namespace: string, key: string, flags: ResolveFlags) =>
      operate(flags, async (target) => {
        const request = {
          namespace,
          key,
          reason: flags.reason,
          force: flags.force === true,
          revision: BigInt(flags.revision ?? 0),
          resolution: resolutionOf(flags),
        };
        const { record } = await call(AdminService.method.resolveIntent, request, target);
        if (record === undefined) return;
        if (flags.json === true) console.log(JSON.stringify(toJson(IntentRecordSchema, record), null, 2));
        else console.log(`${namespace} ${key} is ${IntentState[record.summary?.state ?? IntentState.UNSPECIFIED]} now`);
      }),
    );
}

function resolutionOf(flags: ResolveFlags): Resolution {
  const given = [flags.completed, flags.failed, flags.released].filter((flag) => flag !== undefined);
  if (given.length !== 1) throw new UsageError('give one of --completed FILE, --failed CODE and --released');
  if (flags.completed !== undefined) {
    const result = readFileSync(flags.completed === '-' ? 0 : flags.completed);
    return { case: 'completed', value: { result, contentType: flags.contentType ?? '' } };
  }
  if (flags.failed !== undefined) {
    return { case: 'failed', value: { error: { code: flags.failed, message: flags.message ?? '' } } };
  }
  const { retryAfter } = flags;
  return {
    case: 'released',
    value: retryAfter === undefined ? {} : { retryAfter: durationFromMs(milliseconds('--retry-after', retryAfter)) },
  };
}
