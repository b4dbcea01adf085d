// A Session through a faulty network: a message is judged as a call of its first operation. A lost request cuts the
// connection before its message has passed, a lost reply once the server has answered; replies can be late. Nothing is
// repeated: within a stream the network cannot.

import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromBinary } from '@bufbuild/protobuf';
import { SessionRequestSchema } from '../../proto/gen/onced/v1/idempotency_pb.js';
import type { Faults } from './faults.ts';

/** Length of what stands before each message: whether it is compressed (never here), and its size. */
const PREFIX_BYTES = 5;

export function joinSession(stream: ServerHttp2Stream, request: Duplex, faults: Faults, cut: () => void): void {
  let isReplyLost = false;
  let lateMs = 0;
  const passMessage = (message: Buffer): void => {
    const { operations } = fromBinary(SessionRequestSchema, message.subarray(PREFIX_BYTES));
    const { kind, ms } = faults.judge(rpcOf(operations[0]?.operation.case ?? ''));
    if (kind === 'drop_request') return cut();
    if (kind === 'drop_reply') isReplyLost = true;
    if (kind === 'delay_reply') lateMs = ms;
    request.write(message);
  };
  let rest = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= PREFIX_BYTES && rest.length >= PREFIX_BYTES + rest.readUInt32BE(1)) {
      const bytes = PREFIX_BYTES + rest.readUInt32BE(1);
      passMessage(rest.subarray(0, bytes));
      rest = rest.subarray(bytes);
    }
  });
  stream.on('end', () => request.end());
  let line = Promise.resolve();
  request.on('data', (chunk: Buffer) => {
    if (isReplyLost) return cut();
    const ms = lateMs;
    line = line.then(async () => {
      await sleep(ms);
      if (!stream.destroyed) stream.write(chunk);
    });
  });
  request.on('end', () => void line.then(() => stream.end()));
}

/** beginIntent is BeginIntent. */
const rpcOf = (operation: string): string => operation.charAt(0).toUpperCase() + operation.slice(1);
