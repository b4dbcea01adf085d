// Each call of the typed client against a real server, over both transports, and what it answers.

import { expect, test } from 'vitest';
import {
  AlreadySettledError,
  fingerprintJson,
  IntentNotFoundError,
  LeaseLostError,
  type CallEnd,
  type CallStart,
} from '../../clients/node/index.ts';
import { acquire, bytes, describeTransports, rejection } from './support/scene.ts';

describeTransports('calls', (scene) => {
  test('a lease counts from when its request was sent, not from when the answer came', async () => {
    const client = scene.shaky();
    const { namespace } = scene.place();
    await client.serverInfo();
    scene.proxy.delay(200);
    try {
      const answer = await client.begin({ namespace, key: 'late', leaseMs: 10_000 }, { timeoutMs: 10_000 });
      if (answer.kind !== 'acquired') throw new Error(answer.kind);
      expect(answer.leaseUntilMonotonicMs - performance.now()).toBeLessThan(10_000 - 390);
    } finally {
      scene.proxy.delay(0);
    }
  });

  test('a first begin is acquired, with its lease counted from when it was sent', async () => {
    const before = performance.now();
    const answer = await acquire(scene, { ...scene.place(), leaseMs: 10_000, attemptId: 'a-1' });
    expect(answer).toMatchObject({ attempt: 1, takenOver: false, degraded: false, lateRetry: false, attemptId: 'a-1' });
    expect(answer.leaseToken).toHaveLength(16);
    expect(answer.leaseRemainingMs).toBe(10_000);
    expect(answer.leaseUntilMonotonicMs).toBeGreaterThanOrEqual(before + 10_000);
    expect(answer.leaseUntilMonotonicMs).toBeLessThanOrEqual(performance.now() + 10_000);
    expect([answer.checkpoint, answer.lastError]).toEqual([undefined, undefined]);
    expect(answer.fencingToken).toBeGreaterThan(1_600_000_000_000);
  });

  test('a completed intent is replayed byte for byte', async () => {
    const place = scene.place();
    const { leaseToken, fencingToken } = await acquire(scene, place);
    const result = Uint8Array.from({ length: 256 }, (_, index) => index);
    const settled = await scene.client.complete({
      ...place,
      leaseToken,
      result,
      contentType: 'image/png',
      contentEncoding: 'gzip',
      labels: { status: '201', __proto__x: 'y' },
      ttlMs: 60_000,
    });
    expect(settled).toMatchObject({ alreadyApplied: false, record: { ...place, state: 'completed', attempt: 1 } });
    const replay = await scene.client.begin(place);
    if (replay.kind !== 'completed') throw new Error(replay.kind);
    expect(new Uint8Array(replay.result)).toEqual(result);
    expect(replay).toMatchObject({ contentType: 'image/png', contentEncoding: 'gzip', attempt: 1, fencingToken });
    expect({ ...replay.labels }).toEqual({ status: '201', __proto__x: 'y' });
    expect(replay.expireMs - replay.completeMs).toBe(60_000);
  });

  test('a complete repeated with the same content says so; with other content it is refused', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    await scene.client.complete({ ...place, leaseToken, result: bytes('a') });
    const again = await scene.client.complete({ ...place, leaseToken, result: bytes('a') });
    expect(again.alreadyApplied).toBe(true);
    const other = scene.client.complete({ ...place, leaseToken, result: bytes('b') });
    await expect(other).rejects.toThrow(AlreadySettledError);
  });

  test('a final failure is replayed with all its parts', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    const error = { code: 'DECLINED', message: 'no money', detail: bytes('{}'), contentType: 'application/json' };
    await scene.client.fail({ ...place, leaseToken, kind: 'final', error });
    const replay = await scene.client.begin(place);
    if (replay.kind !== 'failed') throw new Error(replay.kind);
    expect(replay).toMatchObject({ attemptsExhausted: false, error: { code: 'DECLINED', message: 'no money' } });
    expect(Buffer.from(replay.error.detail ?? []).toString()).toBe('{}');
  });

  test('a retryable failure delays the next attempt, which is told of it and gets the checkpoint', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    await scene.client.checkpoint({ ...place, leaseToken, data: bytes('tx-1'), leaseMs: 20_000 });
    const error = { code: 'TIMEOUT', message: 'slow' };
    await scene.client.fail({ ...place, leaseToken, kind: 'retryable', error, retryAfterMs: 5_000 });
    const later = await scene.client.begin(place);
    expect(later).toMatchObject({ kind: 'retry-later', attempt: 1, lastError: { code: 'TIMEOUT' } });
    scene.advance(5_001);
    const next = await acquire(scene, place);
    expect(next).toMatchObject({ attempt: 2, takenOver: false, lastError: { code: 'TIMEOUT', message: 'slow' } });
    expect(Buffer.from(next.checkpoint ?? []).toString()).toBe('tx-1');
  });

  test('an unknown outcome makes an orphan', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, { ...place, owner: 'worker-7' });
    await scene.client.fail({ ...place, leaseToken, kind: 'unknown', error: { code: 'RESET', message: '' } });
    const answer = await scene.client.begin(place);
    expect(answer).toMatchObject({ kind: 'orphaned', orphan: { cause: 'holder-unknown' }, owner: 'worker-7' });
  });

  test('a held key is in progress, and a waiting begin gets the outcome when it comes', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    const standing = await scene.client.begin(place);
    expect(standing).toMatchObject({ kind: 'in-progress', attempt: 1 });
    const waiting = scene.client.begin({ ...place, waitMs: 5_000 });
    await scene.client.complete({ ...place, leaseToken, result: bytes('done') });
    const startMs = performance.now();
    expect(await waiting).toMatchObject({ kind: 'completed' });
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });

  test('renew moves the lease on; after a takeover the old token is refused on every call', async () => {
    const place = scene.place();
    const first = await acquire(scene, { ...place, leaseMs: 10_000 });
    const { leaseToken } = first;
    const renewed = await scene.client.renew({ ...place, leaseToken, leaseMs: 60_000 });
    expect(renewed.leaseRemainingMs).toBe(60_000);
    scene.advance(60_001);
    const second = await acquire(scene, place);
    expect(second).toMatchObject({ attempt: 2, takenOver: true });
    expect(second.fencingToken).toBeGreaterThan(first.fencingToken);
    const stale = { ...place, leaseToken };
    const refused = [
      scene.client.renew(stale),
      scene.client.checkpoint({ ...stale, data: bytes('x') }),
      scene.client.complete({ ...stale, result: bytes('x') }),
      scene.client.fail({ ...stale, kind: 'retryable' }),
    ];
    for (const error of await Promise.allSettled(refused)) {
      expect(error).toMatchObject({ status: 'rejected', reason: { code: 'ABORTED', metadata: { attempt: '2' } } });
      expect(error.status === 'rejected' && error.reason).toBeInstanceOf(LeaseLostError);
    }
  });

  test('a begin repeated with the same attempt id gets the same lease', async () => {
    const asked = { ...scene.place(), attemptId: 'same' };
    const [first, second] = [await acquire(scene, asked), await acquire(scene, asked)];
    expect(Buffer.from(second.leaseToken).equals(Buffer.from(first.leaseToken))).toBe(true);
  });

  test('lookup shows the record without taking anything', async () => {
    const place = scene.place();
    await expect(scene.client.lookup(place)).rejects.toThrow(IntentNotFoundError);
    const fingerprints = [fingerprintJson({ amount: 10 })];
    const { leaseToken } = await acquire(scene, { ...place, fingerprints, labels: { trace: 'abc' }, owner: 'me' });
    await scene.client.complete({ ...place, leaseToken, result: new Uint8Array() });
    const bare = await scene.client.lookup(place);
    expect(bare).toMatchObject({
      ...place,
      state: 'completed',
      owner: 'me',
      labels: { trace: 'abc' },
      result: undefined,
    });
    expect(bare.fingerprints[0]?.scheme).toBe('jcs-sha256-v1');
    const whole = await scene.client.lookup({ ...place, includeResult: true });
    expect(whole.result).toHaveLength(0);
  });

  test('keys, labels and results keep every byte: emoji, NFC and NFD, NUL in results', async () => {
    const { namespace } = scene.place();
    const keys = ['caf\u{e9}', 'cafe\u{301}', '\u{1f600}', 'a b', '\u{2028}x'];
    for (const key of keys) {
      const { leaseToken } = await acquire(scene, { namespace, key, labels: { '\u{1f600}': key } });
      await scene.client.complete({ namespace, key, leaseToken, result: bytes(`\0${key}\u{1f600}`) });
    }
    for (const key of keys) {
      const record = await scene.client.lookup({ namespace, key, includeResult: true });
      expect([record.key, record.labels['\u{1f600}']]).toEqual([key, key]);
      expect(Buffer.from(record.result ?? []).toString()).toBe(`\0${key}\u{1f600}`);
    }
  });

  test('watch follows a key to its outcome', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    const seen: string[] = [];
    for await (const { record, isFinal } of scene.client.watch(place)) {
      seen.push(record.state);
      if (record.state === 'in-progress') {
        await scene.client.complete({ ...place, leaseToken, result: bytes('done') });
      }
      if (isFinal) expect(Buffer.from(record.result ?? []).toString()).toBe('done');
    }
    expect(seen).toEqual(['in-progress', 'completed']);
    await expect(scene.client.watch(scene.place())[Symbol.asyncIterator]().next()).rejects.toThrow(IntentNotFoundError);
  });

  test('orphans are claimed with what their holder left', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, { ...place, owner: 'gone', labels: { order: '7' } });
    await scene.client.checkpoint({ ...place, leaseToken, data: bytes('tx-9') });
    await scene.client.fail({ ...place, leaseToken, kind: 'unknown', error: { code: 'RESET', message: 'reset' } });
    const orphans = await scene.client.claimOrphans({ namespace: place.namespace, limit: 5, leaseMs: 9_000 });
    expect(orphans).toHaveLength(1);
    const [orphan] = orphans;
    expect(orphan?.record).toMatchObject({ ...place, owner: 'gone', labels: { order: '7' }, error: { code: 'RESET' } });
    expect(Buffer.from(orphan?.record.checkpoint ?? []).toString()).toBe('tx-9');
    expect(orphan?.acquired).toMatchObject({ attempt: 2, leaseRemainingMs: 9_000 });
  });

  test('server info says what the server is', async () => {
    const info = await scene.client.serverInfo();
    expect(info).toMatchObject({ store: 'memory', tier: 'none' });
    expect(info.capabilities).toContain('session');
    expect(info.requestBytesMax).toBeGreaterThan(1024 * 1024);
  });

  test('hooks are told of each try, and a hook that throws breaks nothing', async () => {
    const calls: (CallStart & Partial<CallEnd>)[] = [];
    const client = scene.connect({
      onCall: (start) => (end) => {
        calls.push({ ...start, ...end });
      },
    });
    const place = scene.place();
    await client.begin(place);
    await rejection(client.begin({ ...place, namespace: 'NOT VALID' }));
    expect(calls).toMatchObject([
      {
        rpc: 'BeginIntent',
        namespace: place.namespace,
        attempt: 1,
        transport: scene.transport,
        code: 'OK',
        reason: '',
      },
      { rpc: 'BeginIntent', attempt: 1, code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' },
    ]);
    const broken = scene.connect({
      onCall: () => {
        throw new Error('hook');
      },
      log: () => {
        throw new Error('hook');
      },
    });
    expect((await broken.begin(scene.place())).kind).toBe('acquired');
  });
});
