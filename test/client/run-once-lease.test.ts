// runOnce and time, over both transports: waiting for others, leaving, and leases that are kept, ended or lost.

import { expect, test } from 'vitest';
import { InProgressError, LeaseEndingError, OrphanedError, OutcomeNotRecordedError } from '../../clients/node/index.ts';
import { keepLease } from '../../clients/node/work/lease-keeper.ts';
import { acquire, describeTransports, later, thrown, until } from './support/scene.ts';

describeTransports('runOnce and time', (scene) => {
  test('a caller waits for whoever is at it and gets that result', async () => {
    const place = scene.place();
    const leaseToken = (await acquire(scene, place)).leaseToken;
    const waiting = scene.client.runOnce<unknown>(place.namespace, place.key, null, () => 'not run', {
      timeoutMs: 5_000,
    });
    await later(50);
    const result = Buffer.from('"theirs"');
    await scene.client.complete({ ...place, leaseToken, result, contentType: 'application/json' });
    expect(await waiting).toMatchObject({ value: 'theirs', replayed: true });
  });

  test('a namespace that allows no waiting is asked now and then instead', async () => {
    const place = scene.place();
    const policy = { waitMax: { seconds: 0n, nanos: 0 } };
    await scene.server.admin.putNamespace({ namespace: place.namespace, policy, reason: 'test' });
    const { leaseToken } = await acquire(scene, place);
    const waiting = scene.client.runOnce<unknown>(place.namespace, place.key, null, () => 'not run');
    await later(300);
    const result = Buffer.from('"theirs"');
    await scene.client.complete({ ...place, leaseToken, result, contentType: 'application/json' });
    expect(await waiting).toMatchObject({ value: 'theirs', replayed: true });
  });

  test('a caller whose time is over before the other is done is told who is at it', async () => {
    const place = scene.place();
    await acquire(scene, place);
    const startMs = performance.now();
    const error = await thrown(scene.client.runOnce(place.namespace, place.key, null, () => 1, { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(InProgressError);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('a caller who leaves while waiting gives back the lease that it wins afterwards', async () => {
    const place = scene.place();
    const leaseToken = (await acquire(scene, place)).leaseToken;
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = scene.client.runOnce(place.namespace, place.key, null, () => 'ran', { signal });
    await later(50);
    controller.abort(new Error('client hung up'));
    await expect(waiting).rejects.toThrow('client hung up');
    await scene.client.fail({ ...place, leaseToken, kind: 'retryable' });
    await until(async () => (await scene.client.lookup(place)).attempt === 2);
    await until(async () => (await scene.client.lookup(place)).state === 'released');
    expect((await scene.client.runOnce(place.namespace, place.key, null, () => 'mine')).value).toBe('mine');
  });

  test('work that has begun is finished and recorded although its caller has left', async () => {
    const { namespace, key } = scene.place();
    const controller = new AbortController();
    const running = scene.client.runOnce(
      namespace,
      key,
      null,
      async (context) => {
        controller.abort(new Error('client hung up'));
        await later(50);
        return context.signal.aborted;
      },
      { signal: controller.signal },
    );
    expect((await running).value).toBe(false);
    expect((await scene.client.lookup({ namespace, key })).state).toBe('completed');
  });

  test('the lease is renewed for as long as the work takes', async () => {
    const { namespace, key } = scene.place();
    const running = scene.client.runOnce(
      namespace,
      key,
      null,
      async (context) => {
        await later(2_500);
        return { lost: context.signal.aborted, remains: context.leaseRemainingMs > 0 };
      },
      { leaseMs: 1_000 },
    );
    await later(1_500);
    expect(await scene.client.begin({ namespace, key })).toMatchObject({ kind: 'in-progress', attempt: 1 });
    expect((await running).value).toEqual({ lost: false, remains: true });
  });

  test('work that takes longer than it may is told before its lease ends, and not renewed', async () => {
    const { namespace, key } = scene.place();
    const running = scene.client.runOnce(
      namespace,
      key,
      null,
      async ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
      { leaseMs: 300, holdMsMax: 500 },
    );
    const startMs = performance.now();
    await expect(running).rejects.toThrow(LeaseEndingError);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await expect(scene.client.runOnce(namespace, key, null, () => 1)).rejects.toThrow(OrphanedError);
  });

  test('a holder that was taken over is told at its next renewal, and its outcome is refused', async () => {
    const { namespace, key } = scene.place();
    let wasTold: unknown;
    const running = scene.client.runOnce(
      namespace,
      key,
      null,
      async ({ signal }) => {
        scene.advance(10_001);
        await scene.client.begin({ namespace, key });
        await until(() => signal.aborted, 5_000);
        wasTold = signal.reason;
        return 'done twice';
      },
      { leaseMs: 1_000 },
    );
    const error = await thrown(running);
    expect(wasTold).toBeInstanceOf(LeaseEndingError);
    expect((wasTold as Error).cause).toMatchObject({ reason: 'LEASE_LOST' });
    expect(error).toBeInstanceOf(OutcomeNotRecordedError);
    expect(error).toMatchObject({ value: 'done twice', cause: { reason: 'LEASE_LOST' } });
  });

  test('a renewal that meets the outcome being recorded is no news', async () => {
    const place = scene.place();
    const acquired = await acquire(scene, place);
    const said: string[] = [];
    const hold = { ...place, leaseToken: acquired.leaseToken };
    const log = (_: unknown, message: string): void => void said.push(message);
    const keeper = keepLease(scene.client, hold, acquired, {
      leaseMs: 300,
      marginMs: undefined,
      holdMsMax: undefined,
      log,
    });
    keeper.workEnded();
    await scene.client.complete({ ...hold, result: new Uint8Array() });
    keeper.extended({ ...acquired, leaseUntilMonotonicMs: performance.now() + 300, leaseRemainingMs: 300 });
    await later(400);
    keeper.stop();
    expect(said).toEqual([]);
  });

  test('a takeover is told to the next attempt, with the checkpoint', async () => {
    const place = scene.place();
    const leaseToken = (await acquire(scene, place)).leaseToken;
    await scene.client.checkpoint({ ...place, leaseToken, data: Buffer.from('tx-3') });
    scene.advance(30_001);
    const { value } = await scene.client.runOnce(place.namespace, place.key, null, (context) => ({
      attempt: context.attempt,
      takenOver: context.takenOver,
      checkpoint: Buffer.from(context.previousCheckpoint ?? []).toString(),
    }));
    expect(value).toEqual({ attempt: 2, takenOver: true, checkpoint: 'tx-3' });
  });

  test('work that blocks the event loop beyond its lease sees so at once, and is told that a timer was late', async () => {
    const { namespace, key } = scene.place();
    const { value } = await scene.client.runOnce(
      namespace,
      key,
      null,
      async (context) => {
        const endMs = performance.now() + 700;
        while (performance.now() < endMs);
        const remainedMs = context.leaseRemainingMs;
        await until(() => context.signal.aborted);
        return { remainedMs };
      },
      { leaseMs: 300 },
    );
    // Nobody took over, so that the late holder keeps its work.
    expect(value.remainedMs).toBeLessThan(0);
    expect(scene.logged.some(({ message }) => message.includes('event loop was blocked'))).toBe(true);
  });
});
