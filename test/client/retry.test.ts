// Repeats: what is repeated, what never is, how often, and that a repeat finds its own work.

import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import {
  InProgressError,
  OncedError,
  OverloadedError,
  UnreachableError,
  type CallStart,
} from '../../clients/node/index.ts';
import { ErrorInfoSchema, RetryInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../proto/gen/google/rpc/status_pb.js';
import { startGateway, type Gateway, type Refusal } from './support/gateway.ts';
import { acquire, bytes, describeTransports, rejection, setScene, thrown } from './support/scene.ts';

describeTransports('a reply that is lost after the server did its work', (scene) => {
  test('is found again by the repeat of each call', async () => {
    const client = scene.shaky({ retry: { triesMax: 10 } });
    await client.lookup(scene.place()).catch(() => {});
    const place = scene.place();
    const losing = async <T>(call: () => Promise<T>): Promise<T> => {
      // Whatever is sent next: the call itself, since nothing else is under way.
      const lost = scene.proxy.swallowNextReply((request) => request.includes(place.key));
      const answer = await call();
      await lost;
      return answer;
    };
    const begun = await losing(async () => client.begin(place));
    if (begun.kind !== 'acquired') throw new Error(`begun by nobody else, but ${begun.kind}`);
    expect(begun.attempt).toBe(1);
    const hold = { ...place, leaseToken: begun.leaseToken };
    await losing(async () => client.renew(hold));
    await losing(async () => client.checkpoint({ ...hold, data: bytes('tx') }));
    const completed = await losing(async () => client.complete({ ...hold, result: bytes('done') }));
    expect(completed.alreadyApplied).toBe(true);
    const other = { ...place, key: 'order-2' };
    const { leaseToken } = await acquire({ ...scene, client }, other);
    const lost = scene.proxy.swallowNextReply((request) => request.includes('order-2'));
    const failed = await client.fail({ ...other, leaseToken, kind: 'retryable' });
    await lost;
    expect(failed.alreadyApplied).toBe(true);
  });

  test('makes runOnce neither wait for itself nor run twice', async () => {
    const client = scene.shaky({ retry: { triesMax: 10 } });
    for (let index = 0; index < 10; index++) {
      const { namespace } = scene.place();
      const key = `lost-${index}`;
      let runs = 0;
      const lost = scene.proxy.swallowNextReply((request) => request.includes(key));
      const startMs = performance.now();
      const work = async (): Promise<number> => {
        runs += 1;
        void scene.proxy.swallowNextReply((request) => request.includes(key));
        return runs;
      };
      const result = await client.runOnce(namespace, key, null, work);
      await lost;
      expect(result).toMatchObject({ value: 1, replayed: false, attempt: 1 });
      expect(performance.now() - startMs).toBeLessThan(5_000);
    }
  });
});

describe('what is repeated', () => {
  const scene = setScene('unary');

  async function behind<T>(
    refuse: (method: string, count: number) => Refusal | undefined,
    act: (gateway: Gateway) => Promise<T>,
  ): Promise<T> {
    const gateway = await startGateway(scene.server.address, refuse);
    try {
      return await act(gateway);
    } finally {
      gateway.close();
    }
  }
  const upTo = (times: number, refusal: Refusal) => (method: string, count: number) =>
    method === 'beginIntent' && count <= times ? refusal : undefined;

  test('UNAVAILABLE is, with the same attempt id', async () => {
    const seen: CallStart[] = [];
    const answer = await behind(upTo(2, { code: 14, details: 'restarting' }), async (gateway) => {
      const client = scene.connect({ address: gateway.address, onCall: (call) => void seen.push(call) });
      return client.begin(scene.place());
    });
    expect(answer.kind).toBe('acquired');
    expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  });

  test('a load shed with a delay is, and not before the delay has passed', async () => {
    const startMs = performance.now();
    await behind(upTo(1, shed(300)), async (gateway) =>
      scene.connect({ address: gateway.address }).begin(scene.place()),
    );
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(295);
  });

  test('a load shed is no try: it is repeated while there is time', async () => {
    await behind(upTo(6, shed(20)), async (gateway) => {
      const client = scene.connect({ address: gateway.address, retry: { backoffMsMax: 1 } });
      expect((await client.begin(scene.place())).kind).toBe('acquired');
      expect(gateway.calls['beginIntent']).toBe(7);
    });
    await behind(upTo(1, shed(20)), async (gateway) => {
      const client = scene.connect({ address: gateway.address, retry: { triesMax: 1 } });
      await expect(client.begin(scene.place())).rejects.toThrow(OverloadedError);
    });
  });

  test('runOnce asks again after the delay too, once the tries of a call are used up', async () => {
    const startMs = performance.now();
    const { namespace, key } = scene.place();
    const { attempt } = await behind(upTo(2, shed(300)), async (gateway) => {
      const client = scene.connect({ address: gateway.address, retry: { triesMax: 1 } });
      return client.runOnce(namespace, key, null, () => 1);
    });
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(595);
    expect(attempt).toBe(1);
  });

  test('runOnce tells who is at it, and not only that its own time was too short to hear so again', async () => {
    const place = scene.place();
    await acquire(scene, place);
    const afterFirst = (method: string, count: number): Refusal | undefined =>
      method === 'beginIntent' && count > 1 ? { code: 4, details: 'late' } : undefined;
    await behind(afterFirst, async (gateway) => {
      const client = scene.connect({ address: gateway.address });
      const waiting = client.runOnce(place.namespace, place.key, null, () => 1, { waitMs: 0, timeoutMs: 1_500 });
      await expect(waiting).rejects.toThrow(InProgressError);
      expect(gateway.calls['beginIntent']).toBeGreaterThan(1);
    });
  });

  test('a delay beyond the call’s time is handed to the caller at once', async () => {
    const startMs = performance.now();
    const error = await behind(upTo(1, shed(60_000)), async (gateway) =>
      rejection(scene.connect({ address: gateway.address }).begin(scene.place())),
    );
    expect(error).toBeInstanceOf(OverloadedError);
    expect(error.retryAfterMs).toBe(60_000);
    expect(performance.now() - startMs).toBeLessThan(500);
  });

  test.each<[string, Refusal]>([
    ['RESOURCE_EXHAUSTED without a delay', { code: 8, details: 'too large' }],
    ['INVALID_ARGUMENT', { code: 3, details: 'no' }],
    ['FAILED_PRECONDITION', { code: 9, details: 'no' }],
    ['ABORTED', { code: 10, details: 'no' }],
    ['UNAUTHENTICATED', { code: 16, details: 'who?' }],
    ['PERMISSION_DENIED', { code: 7, details: 'no' }],
  ])('%s is not', async (_name, refusal) => {
    await behind(upTo(1, refusal), async (gateway) => {
      const error = await rejection(scene.connect({ address: gateway.address }).begin(scene.place()));
      expect(error.isRetryable).toBe(false);
      expect(gateway.calls['beginIntent']).toBe(1);
    });
  });

  test('a call tries four times and no more', async () => {
    await behind(upTo(100, { code: 14, details: 'down' }), async (gateway) => {
      const client = scene.connect({ address: gateway.address, retry: { backoffMsMax: 1 } });
      await expect(client.begin(scene.place())).rejects.toThrow(UnreachableError);
      expect(gateway.calls['beginIntent']).toBe(4);
    });
  });

  test('a server in trouble is spared: the budget stops repeats for all calls of the client', async () => {
    await behind(upTo(10_000, { code: 14, details: 'down' }), async (gateway) => {
      const client = scene.connect({ address: gateway.address, retry: { backoffMsMax: 1 } });
      await Promise.all(Array.from({ length: 200 }, async () => thrown(client.begin(scene.place()))));
      expect(gateway.calls['beginIntent']).toBeLessThan(210);
    });
  });

  test('a signal ends the wait between tries', async () => {
    await behind(upTo(10, shed(1_000)), async (gateway) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('enough')), 50);
      const call = scene.connect({ address: gateway.address }).begin(scene.place(), { signal: controller.signal });
      await expect(call).rejects.toThrow('enough');
    });
  });

  test('an error that is not ours is an OncedError by its code', async () => {
    const error = await behind(upTo(1, { code: 5, details: 'no such route' }), async (gateway) =>
      rejection(scene.connect({ address: gateway.address }).begin(scene.place())),
    );
    expect(error.constructor).toBe(OncedError);
    expect(error).toMatchObject({ code: 'NOT_FOUND', reason: 'UNKNOWN', message: 'no such route' });
  });
});

/** What a server says that sheds load. */
function shed(retryAfterMs: number): Refusal {
  const info = create(ErrorInfoSchema, { reason: 'OVERLOADED', domain: 'onced.v1' });
  const retry = create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) });
  const details = [anyPack(ErrorInfoSchema, info), anyPack(RetryInfoSchema, retry)];
  const metadata = new Metadata();
  const status = create(StatusSchema, { code: 8, message: 'busy', details });
  metadata.set('grpc-status-details-bin', Buffer.from(toBinary(StatusSchema, status)));
  return { code: 8, details: 'busy', metadata };
}
