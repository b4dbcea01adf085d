// runOnce against a real server, over both transports: who runs, who gets it replayed, and what becomes of work that throws.

import { expect, test } from 'vitest';
import {
  FinalError,
  InProgressError,
  IntentFailedError,
  InvalidFieldError,
  KeyReusedError,
  OrphanedError,
  OutcomeNotRecordedError,
  ResultDroppedError,
  RetryableError,
  RetryLaterError,
  UnknownOutcomeError,
  type WorkContext,
} from '../../clients/node/index.ts';
import { acquire, describeTransports, later, thrown, until } from './support/scene.ts';

describeTransports('runOnce', (scene) => {
  test('a caller without the time to wait is told at once that somebody is at it', async () => {
    const place = scene.place();
    await acquire(scene, place);
    const startMs = performance.now();
    const hasty = scene.client.runOnce(place.namespace, place.key, null, () => 1, { whenBusy: 'reject' });
    await expect(hasty).rejects.toThrow(InProgressError);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });

  test('the work runs once and every caller gets its result', async () => {
    const { namespace, key } = scene.place();
    let runs = 0;
    const work = async ({ attempt }: WorkContext): Promise<unknown> => {
      runs += 1;
      await later(20);
      return { charge: 'ch_1', attempt };
    };
    const racers = await Promise.all(
      Array.from({ length: 30 }, async () => scene.client.runOnce(namespace, key, { amount: 10 }, work)),
    );
    expect(runs).toBe(1);
    for (const { value } of racers) expect(value).toEqual({ charge: 'ch_1', attempt: 1 });
    expect(racers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const again = await scene.client.runOnce(namespace, key, { amount: 10 }, work);
    const { fencingToken, expireMs } = racers[0] ?? {};
    expect(again).toEqual({
      value: { charge: 'ch_1', attempt: 1 },
      replayed: true,
      attempt: 1,
      fencingToken,
      expireMs,
      contentType: 'application/json',
      labels: {},
    });
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['zero', 0],
    ['an empty string', ''],
    ['text with NUL, emoji and half of a surrogate pair', '\0\u{1f600}\ud800'],
    ['a large number', 2 ** 60],
    ['an array', [1, [2, { a: null }]]],
    ['an object with a member named __proto__', JSON.parse('{"__proto__":{"a":1}}')],
    ['no bytes', new Uint8Array()],
    ['bytes', Uint8Array.from([0, 255, 10, 13])],
  ])('%s comes back as it was, to the first caller and to the next', async (_name, value) => {
    const { namespace, key } = scene.place();
    const first = await scene.client.runOnce(namespace, key, null, () => value);
    const second = await scene.client.runOnce<unknown>(namespace, key, null, () => 'not run');
    expect(second.replayed).toBe(true);
    for (const { value: got } of [first, second]) {
      if (value instanceof Uint8Array) expect(Buffer.from(got as Uint8Array).equals(Buffer.from(value))).toBe(true);
      else expect(got).toStrictEqual(value);
    }
  });

  test('a Date in a result is text to the first caller too', async () => {
    const { namespace, key } = scene.place();
    const { value } = await scene.client.runOnce<unknown>(namespace, key, null, () => ({ at: new Date(0) }));
    expect(value).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  test('a key that stands for another request is refused without running the work', async () => {
    const { namespace, key } = scene.place();
    await scene.client.runOnce(namespace, key, { amount: 10, at: 1 }, () => 1, { exclude: ['/at'] });
    const same = await scene.client.runOnce(namespace, key, { at: 2, amount: 10 }, () => 2, { exclude: ['/at'] });
    expect(same.replayed).toBe(true);
    await expect(scene.client.runOnce(namespace, key, { amount: 12 }, () => 3)).rejects.toThrow(KeyReusedError);
  });

  test('a request without a value is refused, so that a forgotten argument is noticed', async () => {
    const { namespace, key } = scene.place();
    await expect(scene.client.runOnce(namespace, key, undefined, () => 1)).rejects.toThrow(/undefined/u);
  });

  test('a FinalError is replayed to every later caller, marked as such', async () => {
    const { namespace, key } = scene.place();
    const decline = new FinalError('no money', { code: 'DECLINED', detail: Buffer.from('{"card":"x"}') });
    const first = await thrown(scene.client.runOnce(namespace, key, null, () => Promise.reject(decline)));
    const second = await thrown(scene.client.runOnce(namespace, key, null, () => 1));
    for (const error of [first, second]) {
      expect(error).toBeInstanceOf(IntentFailedError);
      expect((error as IntentFailedError).error).toMatchObject({ code: 'DECLINED', message: 'no money' });
    }
    expect([first, second].map((error) => (error as IntentFailedError).replayed)).toEqual([false, true]);
    expect((first as Error).cause).toBe(decline);
  });

  test('a RetryableError reaches its caller, and the next caller runs the work and is told', async () => {
    const { namespace, key } = scene.place();
    const refused = new RetryableError('provider is down', { code: 'DOWN' });
    const work = (): never => {
      throw refused;
    };
    expect(await thrown(scene.client.runOnce(namespace, key, null, work))).toBe(refused);
    const next = await scene.client.runOnce(namespace, key, null, ({ attempt, lastError }) => ({ attempt, lastError }));
    expect(next.value).toMatchObject({ attempt: 2, lastError: { code: 'DOWN', message: 'provider is down' } });
  });

  test('a delay after a RetryableError is waited out within the time, and told when it is longer', async () => {
    const { namespace, key } = scene.place();
    const fail = (retryAfterMs: number) => async (): Promise<never> =>
      Promise.reject(new RetryableError('busy', { retryAfterMs }));
    await thrown(scene.client.runOnce(namespace, key, null, fail(200)));
    const startMs = performance.now();
    const next = scene.client.runOnce(namespace, key, null, fail(60_000));
    await expect(next).rejects.toThrow(RetryableError);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(195);
    const tooLong = scene.client.runOnce(namespace, key, null, () => 1, { timeoutMs: 1_000 });
    await expect(tooLong).rejects.toThrow(RetryLaterError);
    expect(performance.now() - startMs).toBeLessThan(3_000);
  });

  test('an error that says nothing holds the key: the side effect may have happened', async () => {
    const { namespace, key } = scene.place();
    const reset = new TypeError('fetch failed');
    const work = (): never => {
      throw reset;
    };
    expect(await thrown(scene.client.runOnce(namespace, key, null, work))).toBe(reset);
    const next = await thrown(scene.client.runOnce(namespace, key, null, () => 'charged twice'));
    expect(next).toBeInstanceOf(OrphanedError);
    expect((next as OrphanedError).answer).toMatchObject({
      orphan: { cause: 'holder-unknown' },
      lastError: { code: 'TypeError', message: 'fetch failed' },
    });
  });

  test('onThrow decides what an error that says nothing means', async () => {
    const { namespace, key } = scene.place();
    const work = (): never => {
      throw new TypeError('fetch failed');
    };
    await thrown(scene.client.runOnce(namespace, key, null, work, { onThrow: () => 'retryable' }));
    const next = await scene.client.runOnce(namespace, key, null, ({ attempt }) => attempt);
    expect(next.value).toBe(2);
  });

  test('an onThrow that throws itself holds the key too', async () => {
    const { namespace, key } = scene.place();
    const fail = (): never => {
      throw new Error('no idea');
    };
    await thrown(scene.client.runOnce(namespace, key, null, fail, { onThrow: fail }));
    await expect(scene.client.runOnce(namespace, key, null, () => 1)).rejects.toThrow(OrphanedError);
  });

  test('a token that cannot be had for a while does not lose an outcome', async () => {
    const { namespace, key } = scene.place();
    let downUntilMs = 0;
    const token = async (): Promise<string> => {
      if (performance.now() < downUntilMs) throw new TypeError('fetch failed');
      return 'secret';
    };
    const client = scene.connect({ token, session: { idleMs: 1 } });
    const { value } = await client.runOnce(namespace, key, null, async () => {
      await later(150);
      downUntilMs = performance.now() + 700;
      return 'charged';
    });
    expect(value).toBe('charged');
    expect(performance.now()).toBeGreaterThanOrEqual(downUntilMs);
  });

  test('reconcile settles an orphan, and the next caller gets the result', async () => {
    const { namespace, key } = scene.place();
    const work = async (context: WorkContext): Promise<never> => {
      await context.checkpoint('tx-5');
      throw new UnknownOutcomeError('no answer from the provider');
    };
    await thrown(scene.client.runOnce(namespace, key, null, work, { labels: { order: '5' } }));
    const failed: unknown[] = [];
    const done = await scene.client.reconcile(
      namespace,
      (record, { previousCheckpoint }) => ({
        found: Buffer.from(previousCheckpoint ?? []).toString(),
        order: record.labels['order'],
      }),
      { onError: (_record, error) => failed.push(error) },
    );
    expect([done, failed]).toEqual([{ claimed: 1, completed: 1, failed: 0, released: 0, kept: 0 }, []]);
    const next = await scene.client.runOnce(namespace, key, null, () => 'not run');
    expect(next).toMatchObject({ value: { found: 'tx-5', order: '5' }, replayed: true });
  });

  test('a review that does not know leaves the orphan for the next', async () => {
    const { namespace, key } = scene.place();
    const unknown = async (): Promise<never> => Promise.reject(new Error('provider is down'));
    await thrown(scene.client.runOnce(namespace, key, null, unknown));
    expect(await scene.client.reconcile(namespace, unknown)).toMatchObject({ claimed: 1, kept: 1 });
    const never = async (): Promise<never> => Promise.reject(new RetryableError('the provider has no such charge'));
    expect(await scene.client.reconcile(namespace, never)).toMatchObject({ claimed: 1, released: 1 });
    expect((await scene.client.runOnce(namespace, key, null, ({ attempt }) => attempt)).value).toBe(4);
  });

  test('a result that cannot be stored holds the key instead of letting it run again', async () => {
    for (const result of [new Uint8Array(256 * 1024 + 1), 10n, () => 1]) {
      const { namespace, key } = scene.place();
      const error = await thrown(scene.client.runOnce(namespace, key, null, () => result));
      expect(error).toBeInstanceOf(OutcomeNotRecordedError);
      const { cause } = error as Error;
      expect(cause instanceof InvalidFieldError || cause instanceof TypeError).toBe(true);
      await expect(scene.client.runOnce(namespace, key, null, () => 'again')).rejects.toThrow(OrphanedError);
    }
  });

  test('a message that is too long is cut, not lost', async () => {
    const { namespace, key } = scene.place();
    const long = async (): Promise<never> => Promise.reject(new FinalError('\u{1f600}'.repeat(1000)));
    const error = await thrown(scene.client.runOnce(namespace, key, null, long));
    expect((error as IntentFailedError).error.message).toBe('\u{1f600}'.repeat(256));
  });

  test('a result whose bytes were dropped is told apart from one that was never made', async () => {
    const place = scene.place();
    await scene.server.admin.putNamespace({
      namespace: place.namespace,
      policy: { resultTtl: { seconds: 1n, nanos: 0 } },
      reason: 'test',
    });
    await scene.client.runOnce(place.namespace, place.key, null, () => 'gone soon');
    scene.advance(2_000);
    await until(async () => {
      await scene.server.admin.runCompaction({});
      return (await scene.client.lookup(place)).resultDropped;
    });
    await expect(scene.client.runOnce(place.namespace, place.key, null, () => 1)).rejects.toThrow(ResultDroppedError);
  });
});
