// Random operations, packed into Session streams; some streams then get bytes that are no message.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  BeginIntentRequestSchema,
  CheckpointRequestSchema,
  CompleteRequestSchema,
  FailRequestSchema,
  LookupRequestSchema,
  RenewRequestSchema,
  SessionRequestSchema,
  SessionResponseSchema,
  type Operation,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { Random } from '../model/random.ts';
import { mutated } from './mutate.ts';
import type { Values } from './values.ts';
import { createUnframer, framed, GRPC_HEADERS, type Wire } from './wire.ts';

const PATH = '/onced.v1.IdempotencyService/Session';
const PACK = 200;
/** Below the server's bound of unanswered operations. */
const PACKS_IN_FLIGHT = 4;
const ANSWERS_MS_MAX = 60_000;

const KINDS = {
  beginIntent: BeginIntentRequestSchema,
  complete: CompleteRequestSchema,
  fail: FailRequestSchema,
  renew: RenewRequestSchema,
  checkpoint: CheckpointRequestSchema,
  lookup: LookupRequestSchema,
} as const;
const NAMES = Object.keys(KINDS) as (keyof typeof KINDS)[];

export interface SessionFuzz {
  readonly random: Random;
  readonly values: Values;
  /** Each answer's gRPC code, 0 for an answer without error. */
  readonly onCode: (code: number, what: string) => void;
}

/** Sends `count` operations over one stream; resolves when each is answered. */
export async function fuzzSession(wire: Wire, count: number, { random, values, onCode }: SessionFuzz): Promise<void> {
  const stream = wire.session.request({ ...GRPC_HEADERS, ':path': PATH });
  const asked = new Map<bigint, Operation>();
  let nextId = 1n;
  let [sent, answered] = [0, 0];

  const pack = (): Buffer => {
    const operations = Array.from({ length: Math.min(PACK, count - sent) }, () => {
      const name = random.pick(NAMES);
      const init = {
        id: nextId,
        timeoutMs: 0,
        operation: { case: name, value: create(KINDS[name], values.message(KINDS[name])) },
      };
      nextId += 1n;
      return init;
    });
    sent += operations.length;
    const message = create(SessionRequestSchema, { operations: operations as never });
    for (const operation of message.operations) asked.set(operation.id, operation);
    return framed(toBinary(SessionRequestSchema, message));
  };

  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`${sent - answered} of ${sent} operations without an answer`));
    }, ANSWERS_MS_MAX);
    const fill = (): void => {
      if (sent >= count || sent - answered > (PACKS_IN_FLIGHT - 1) * PACK) return;
      stream.write(pack());
      fill();
    };
    const unframe = createUnframer((bytes) => {
      for (const { id, result } of fromBinary(SessionResponseSchema, bytes).results) {
        answered += 1;
        timer.refresh();
        const operation = asked.get(id)?.operation;
        asked.delete(id);
        onCode(result.case === 'error' ? result.value.code : 0, `Session ${operation?.case}`);
        if (
          result.case === 'beginIntent' &&
          result.value.outcome.case === 'acquired' &&
          operation?.case === 'beginIntent'
        ) {
          const { namespace, key } = operation.value;
          values.remember({ namespace, key, leaseToken: result.value.outcome.value.leaseToken });
        }
      }
      if (answered >= count) {
        clearTimeout(timer);
        resolve();
      } else fill();
    });
    stream.on('data', unframe);
    stream.on('error', reject);
    stream.on('close', () => {
      clearTimeout(timer);
      if (answered < count) reject(new Error(`the stream ended with ${sent - answered} operations unanswered`));
    });
    fill();
  }).finally(() => stream.end());
}

/** A stream whose only message was damaged on the way; its status, if it came to one. */
export async function fuzzSessionBytes(wire: Wire, { random, values }: SessionFuzz): Promise<number | undefined> {
  const name = random.pick(NAMES);
  const operation = { id: 1n, operation: { case: name, value: create(KINDS[name], values.message(KINDS[name])) } };
  const message = create(SessionRequestSchema, { operations: [operation] as never });
  const { status } = await wire.call(PATH, mutated(random, toBinary(SessionRequestSchema, message)));
  return status;
}
