// What both gRPC adapters promise. The service that is made idempotent borrows the shape of Lookup, whose response has maps.

import { Client, credentials, Metadata, status as Codes } from '@grpc/grpc-js';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { OncedClient } from '../../clients/node/index.ts';
import type { RpcOptions } from '../../clients/node/rpc/options.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import {
  LookupRequestSchema,
  LookupResponseSchema,
  type LookupResponse,
} from '../../proto/gen/onced/v1/idempotency_pb.js';
import { until } from '../client/support/scene.ts';
import { createFaults } from '../clients/faults.ts';
import { joinHttp2 } from '../clients/faulty-http2.ts';
import { freshNamespace, openShop, setOnced, type Service, type Shop } from './scene.ts';

/** The method's answer: a status with details where `status` says so. */
export interface RpcShop extends Shop {
  status: Uint8Array | undefined;
}

export type ServeRpc = (
  client: OncedClient,
  options: Omit<RpcOptions<never>, 'scope'>,
  shop: RpcShop,
) => Promise<Service>;

export const METHOD = '/onced.v1.IdempotencyService/Lookup';
const REQUESTS = 1_000;
const SENDINGS = 6;
const AT_ONCE = 24;
const SHARE_DROPPED = 0.3;

/** What the method of both services does: an effect whose number is in the response. */
export async function lookUp(shop: RpcShop, key: string): Promise<LookupResponse> {
  shop.waiting += 1;
  await shop.gate;
  shop.effects += 1;
  const labels = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`label-${i}`, String(shop.effects)]));
  return create(LookupResponseSchema, { record: { labels: { request: key, ...labels } } });
}

interface Reply {
  readonly bytes: Buffer | undefined;
  readonly code: number;
  readonly details: Buffer | undefined;
  readonly isReplayed: boolean;
}

interface Sending {
  readonly key?: string;
  readonly request?: string;
  readonly tenant?: string;
  readonly signal?: AbortSignal;
}

const asIs = (bytes: Buffer): Buffer => bytes;

async function call(caller: Client, { key, request = 'r', tenant = 'acme', signal }: Sending): Promise<Reply> {
  const metadata = new Metadata();
  metadata.set('tenant', tenant);
  if (key !== undefined) metadata.set('idempotency-key', key);
  const message = Buffer.from(toBinary(LookupRequestSchema, create(LookupRequestSchema, { key: request })));
  return new Promise((resolve) => {
    let isReplayed = false;
    const deadline = Date.now() + 30_000;
    const sent = caller.makeUnaryRequest(METHOD, asIs, asIs, message, metadata, { deadline }, (error, bytes) => {
      const details = error?.metadata.get('grpc-status-details-bin')[0];
      isReplayed ||= error?.metadata.get('idempotency-replayed')[0] === 'true';
      resolve({ bytes, code: error?.code ?? 0, details: Buffer.isBuffer(details) ? details : undefined, isReplayed });
    });
    sent.on('metadata', (header) => (isReplayed = header.get('idempotency-replayed')[0] === 'true'));
    signal?.addEventListener('abort', () => sent.cancel());
  });
}

const reasonOf = ({ details }: Reply): string => {
  const [info] = details === undefined ? [] : fromBinary(StatusSchema, details).details;
  return info === undefined ? '' : fromBinary(ErrorInfoSchema, info.value).reason;
};

function statusBytes(code: number, retryAfterSeconds?: number): Uint8Array {
  const metadata = { b: '2', a: '1', c: randomUUID() };
  const details = [anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason: 'NO_CREDIT', metadata }))];
  if (retryAfterSeconds !== undefined) {
    const retryDelay = { seconds: BigInt(retryAfterSeconds), nanos: 0 };
    details.push(anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay })));
  }
  return toBinary(StatusSchema, create(StatusSchema, { code, message: 'as asked', details }));
}

export function describeRpc(name: string, serve: ServeRpc): void {
  describe(name, () => {
    const onced = setOnced();
    const inScene = async (
      run: (caller: Client, shop: RpcShop, address: string) => Promise<void>,
      options: Partial<Omit<RpcOptions<never>, 'scope'>> = {},
    ): Promise<void> => {
      const shop = { ...openShop(), status: undefined };
      const service = await serve(onced.client, { namespace: freshNamespace(), ...options }, shop);
      const caller = new Client(service.url, credentials.createInsecure());
      try {
        await run(caller, shop, service.url);
      } finally {
        caller.close();
        await service.close();
      }
    };
    const expectRefusal = (reply: Reply, code: number, reason: string): void => {
      expect([reply.code, reasonOf(reply)]).toEqual([code, reason]);
    };

    test('a repeated call gets the first response byte for byte', async () =>
      inScene(async (caller, shop) => {
        const first = await call(caller, { key: 'k' });
        expect([first.code, first.isReplayed]).toEqual([0, false]);
        for (let times = 0; times < 5; times++)
          expect(await call(caller, { key: 'k' })).toEqual({ ...first, isReplayed: true });
        const read = fromBinary(LookupResponseSchema, first.bytes ?? new Uint8Array());
        expect([Object.keys(read.record?.labels ?? {}).length, shop.effects]).toEqual([13, 1]);
        expect(shop.lastFencingToken).toBeGreaterThan(0);
      }));

    test('a repeated call gets the first status with its details byte for byte', async () =>
      inScene(async (caller, shop) => {
        shop.status = statusBytes(Codes.FAILED_PRECONDITION);
        const first = await call(caller, { key: 'k' });
        expect([first.code, first.details]).toEqual([Codes.FAILED_PRECONDITION, Buffer.from(shop.status)]);
        expect(await call(caller, { key: 'k' })).toEqual({ ...first, isReplayed: true });
        expect(shop.effects).toBe(1);
      }));

    test('a status that is too large to be kept is cut for its first caller too', async () =>
      inScene(async (caller, shop) => {
        const info = create(ErrorInfoSchema, { reason: 'NO_CREDIT', metadata: { a: 'x'.repeat(4_096) } });
        const large = { message: 'as asked', details: [anyPack(ErrorInfoSchema, info)] };
        for (const [key, content] of Object.entries({ large, long: { message: 'x'.repeat(4_096) } })) {
          shop.status = toBinary(StatusSchema, create(StatusSchema, { code: Codes.NOT_FOUND, ...content }));
          const first = await call(caller, { key });
          expect([key, first.code, first.details]).toEqual([key, Codes.NOT_FOUND, undefined]);
          expect(await call(caller, { key })).toEqual({ ...first, isReplayed: true });
        }
        expect(shop.effects).toBe(2);
      }));

    test('what a status means for its key', async () =>
      inScene(async (caller, shop) => {
        const runsOf = { NOT_FOUND: 1, UNAVAILABLE: 2, PERMISSION_DENIED: 2, INTERNAL: 1, UNKNOWN: 1 } as const;
        for (const [code, runs] of Object.entries(runsOf)) {
          shop.effects = 0;
          const number = Codes[code as keyof typeof runsOf];
          shop.status = statusBytes(number);
          const [first, again] = [await call(caller, { key: code }), await call(caller, { key: code })];
          expect([code, first.code, shop.effects]).toEqual([code, number, runs]);
          if (runs === 1 && code !== 'NOT_FOUND') expectRefusal(again, Codes.ABORTED, 'OUTCOME_UNKNOWN');
          else expect(again.code).toBe(number);
        }
      }));

    test('a released call is delayed as its method asked', async () =>
      inScene(
        async (caller, shop) => {
          shop.status = statusBytes(Codes.UNAVAILABLE, 60);
          await call(caller, { key: 'k' });
          expectRefusal(await call(caller, { key: 'k' }), Codes.UNAVAILABLE, 'RETRY_LATER');
        },
        { run: { whenBusy: 'reject' } },
      ));

    test('calls that cannot be made idempotent are refused', async () =>
      inScene(
        async (caller, shop) => {
          expectRefusal(await call(caller, {}), Codes.INVALID_ARGUMENT, 'KEY_MISSING');
          expectRefusal(await call(caller, { key: 'k'.repeat(256) }), Codes.INVALID_ARGUMENT, 'KEY_MALFORMED');
          expectRefusal(await call(caller, { key: 'k', tenant: '' }), Codes.UNAUTHENTICATED, 'UNAUTHENTICATED');
          await call(caller, { key: 'k' });
          expectRefusal(await call(caller, { key: 'k', request: 'another' }), Codes.FAILED_PRECONDITION, 'KEY_REUSED');
          const other = await call(caller, { key: 'k', request: 'another', tenant: 'other' });
          expect([other.code, shop.effects]).toEqual([0, 2]);
        },
        { need: () => 'required' },
      ));

    test('a call without a key is the method itself', async () =>
      inScene(async (caller, shop) => {
        await call(caller, {});
        await call(caller, {});
        expect(shop.effects).toBe(2);
      }));

    test('a call in flight is waited for', async () =>
      inScene(async (caller, shop) => {
        const open = Promise.withResolvers<void>();
        shop.gate = open.promise;
        const first = call(caller, { key: 'k' });
        await until(() => shop.waiting === 1);
        const second = call(caller, { key: 'k' });
        setTimeout(open.resolve, 100);
        expect((await first).bytes).toEqual((await second).bytes);
        expect(shop.effects).toBe(1);
      }));

    test('a caller who leaves cancels nothing', async () =>
      inScene(async (caller, shop) => {
        const open = Promise.withResolvers<void>();
        shop.gate = open.promise;
        const leaving = new AbortController();
        const first = call(caller, { key: 'k', signal: leaving.signal });
        await until(() => shop.waiting === 1);
        leaving.abort();
        expect((await first).code).toBe(Codes.CANCELLED);
        open.resolve();
        const again = await call(caller, { key: 'k' });
        expect([again.code, again.isReplayed, shop.effects]).toEqual([0, true, 1]);
      }));

    test(
      `${REQUESTS} calls, each sent ${SENDINGS} times over a network that loses replies, take effect once`,
      async () =>
        inScene(async (_, shop, address) => {
          const seed = Math.floor(Math.random() * 2 ** 31);
          console.log(`${name}: replies lost by seed ${seed}`);
          const faults = createFaults(seed);
          faults.set([{ fault: 'drop_reply', share: SHARE_DROPPED }]);
          const proxy = createServer();
          const upstream = joinHttp2(proxy, `http://${address}`, faults);
          await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
          const lossy = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
          // A connection for each line, and another after each loss: a lost reply is one call's own.
          const connect = (): Client =>
            new Client(lossy, credentials.createInsecure(), {
              'grpc.use_local_subchannel_pool': 1,
              'grpc.enable_retries': 0,
            });
          let lost = 0;
          const wrong: string[] = [];
          const lines = Array.from({ length: AT_ONCE }, async (_line, line) => {
            let caller = connect();
            for (let order = line; order < REQUESTS; order += AT_ONCE) {
              const replies = new Set<string>();
              for (let sending = 0; sending < SENDINGS; sending++) {
                const reply = await call(caller, { key: `order-${order}`, request: `order-${order}` });
                // What grpc-js makes of a connection that was cut. A refusal would have details.
                if (reply.code !== 0 && reply.details === undefined) {
                  lost += 1;
                  caller.close();
                  caller = connect();
                } else replies.add(`${reply.code} ${reply.bytes?.toString('base64')}`);
              }
              const isGood = replies.size <= 1 && [...replies].every((reply) => reply.startsWith('0 '));
              if (!isGood) wrong.push(`order-${order}: ${[...replies].join()}`);
            }
            caller.close();
          });
          await Promise.all(lines);
          upstream.close();
          proxy.close();
          expect(wrong.slice(0, 5)).toEqual([]);
          expect(shop.effects).toBe(REQUESTS);
          expect(lost / (REQUESTS * SENDINGS)).toBeCloseTo(SHARE_DROPPED, 1);
        }),
      240_000,
    );
  });
}
