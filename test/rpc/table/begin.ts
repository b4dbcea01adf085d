// DESIGN.md 3, the table of BeginIntent, row by row over real gRPC.

import { randomUUID } from 'node:crypto';
import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState, OrphanCause } from '../../../proto/gen/onced/v1/record_pb.js';
import { bytes, type OpenScene, ms, msOf, refusal, type RpcScene } from '../scene.ts';

const fingerprint = (digest: string, scheme = 'sha256-v1'): { scheme: string; digest: Uint8Array } => ({
  scheme,
  digest: bytes(digest),
});

export function beginTable(open: OpenScene): void {
  describe('a begin under TAKE_OVER', () => {
    let scene: RpcScene;
    beforeAll(async () => {
      scene = await open();
    });
    afterAll(async () => scene[Symbol.asyncDispose]());

    test('on a key never seen acquires attempt 1', async () => {
      const lease = await scene.acquire({ key: 'fresh', lease: ms(5000) });
      expect(lease).toMatchObject({ attempt: 1, takenOver: false, lateRetry: false, degraded: false });
      expect(lease.leaseToken).toHaveLength(16);
      expect(lease.leaseRemaining && msOf(lease.leaseRemaining)).toBe(5000);
      expect(lease.fencingToken).toBeGreaterThan(0n);
    });

    test('repeated with the same attempt id gets the same token, its lease counted anew', async () => {
      const attemptId = randomUUID();
      const first = await scene.acquire({ key: 'repeat', attemptId, lease: ms(5000) });
      scene.advance(2000);
      const again = await scene.acquire({ key: 'repeat', attemptId, lease: ms(5000) });
      expect(again.leaseToken).toEqual(first.leaseToken);
      expect(again.fencingToken).toBe(first.fencingToken);
      expect(again.leaseRemaining && msOf(again.leaseRemaining)).toBe(5000);
    });

    test('on a lease of somebody else is told who holds it and when to ask again', async () => {
      await scene.acquire({ key: 'held', owner: 'worker-7', lease: ms(30_000) });
      const { outcome } = await scene.begin({ key: 'held' });
      expect(outcome).toMatchObject({ case: 'inProgress', value: { attempt: 1, owner: 'worker-7' } });
      const retryAfter = outcome.case === 'inProgress' ? outcome.value.retryAfter : undefined;
      expect(retryAfter && msOf(retryAfter)).toBeGreaterThan(0);
      expect(retryAfter && msOf(retryAfter)).toBeLessThanOrEqual(1000);
    });

    test('with another fingerprint is KEY_REUSED, in flight and after the outcome, and echoes nothing', async () => {
      const lease = await scene.acquire({ key: 'reused', fingerprints: [fingerprint('amount-10')] });
      const other = { key: 'reused', fingerprints: [fingerprint('amount-12')] };
      const inFlight = await refusal(scene.begin(other));
      expect(inFlight).toMatchObject({ code: Code.FAILED_PRECONDITION, reason: 'KEY_REUSED' });
      expect(JSON.stringify(inFlight)).not.toContain('amount');
      await scene.client.complete({ ...scene.holder(lease, 'reused'), result: bytes('secret') });
      const after = await refusal(scene.begin(other));
      expect(after.reason).toBe('KEY_REUSED');
      expect(JSON.stringify(after)).not.toContain('secret');
    });

    test('with one fingerprint in common agrees, so that a scheme can change during a roll-out', async () => {
      await scene.acquire({ key: 'rollout', fingerprints: [fingerprint('a', 'v1'), fingerprint('b', 'v2')] });
      const { outcome } = await scene.begin({ key: 'rollout', fingerprints: [fingerprint('b', 'v2')] });
      expect(outcome.case).toBe('inProgress');
    });

    test('on a completed key replays the result byte for byte', async () => {
      const lease = await scene.acquire({ key: 'done' });
      const result = Uint8Array.from({ length: 256 }, (_, index) => index);
      const facts = { contentType: 'application/json', contentEncoding: 'gzip', labels: { 'http.status': '201' } };
      await scene.client.complete({ ...scene.holder(lease, 'done'), result, ...facts });
      const { outcome } = await scene.begin({ key: 'done' });
      expect(outcome).toMatchObject({ case: 'completed', value: { ...facts, attempt: 1 } });
      expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).equals(result)).toBe(true);
    });

    test('on a finally failed key gets the stored error', async () => {
      const lease = await scene.acquire({ key: 'failed' });
      const error = { code: 'card_declined', message: 'no', detail: bytes('{}'), contentType: 'application/json' };
      await scene.client.fail({ ...scene.holder(lease, 'failed'), kind: FailKind.FINAL, error });
      const { outcome } = await scene.begin({ key: 'failed' });
      const stored = { ...error, detail: Buffer.from('{}') };
      expect(outcome).toMatchObject({ case: 'failed', value: { attemptsExhausted: false, error: stored } });
    });

    test('after a release acquires the next attempt, with the last error and the checkpoint', async () => {
      const lease = await scene.acquire({ key: 'released' });
      await scene.client.checkpoint({ ...scene.holder(lease, 'released'), data: bytes('tx-9') });
      const failure = { kind: FailKind.RETRYABLE, error: { code: 'timeout', message: 'slow' } };
      await scene.client.fail({ ...scene.holder(lease, 'released'), ...failure });
      const next = await scene.acquire({ key: 'released' });
      expect(next).toMatchObject({ attempt: 2, takenOver: false, lastError: { code: 'timeout' } });
      expect(Buffer.from(next.checkpoint ?? []).toString()).toBe('tx-9');
      expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    });

    test('before the retry time is told to come later, and acquires from then on', async () => {
      const lease = await scene.acquire({ key: 'later' });
      const failure = { kind: FailKind.RETRYABLE, retryAfter: ms(10_000), error: { code: 'busy' } };
      await scene.client.fail({ ...scene.holder(lease, 'later'), ...failure });
      const { outcome } = await scene.begin({ key: 'later' });
      expect(outcome).toMatchObject({ case: 'retryLater', value: { attempt: 1, lastError: { code: 'busy' } } });
      scene.advance(10_001);
      expect(await scene.acquire({ key: 'later' })).toMatchObject({ attempt: 2 });
    });

    test('that arrives late, after its attempt was released, is not given a lease that nobody knows of', async () => {
      const attemptId = randomUUID();
      const lease = await scene.acquire({ key: 'ended', attemptId });
      await scene.client.fail({ ...scene.holder(lease, 'ended'), kind: FailKind.RETRYABLE });
      const late = await refusal(scene.begin({ key: 'ended', attemptId }));
      expect(late).toMatchObject({ code: Code.FAILED_PRECONDITION, reason: 'ATTEMPT_ENDED' });
    });

    test('after the lease ran out takes over, is told so, and is told so again when repeated', async () => {
      const lease = await scene.acquire({ key: 'lapsed', lease: ms(1000) });
      await scene.client.checkpoint({ ...scene.holder(lease, 'lapsed'), data: bytes('tx-1'), lease: ms(1000) });
      scene.advance(1001);
      const attemptId = randomUUID();
      const next = await scene.acquire({ key: 'lapsed', attemptId });
      expect(next).toMatchObject({ attempt: 2, takenOver: true });
      expect(Buffer.from(next.checkpoint ?? []).toString()).toBe('tx-1');
      expect(await scene.acquire({ key: 'lapsed', attemptId })).toMatchObject({ attempt: 2, takenOver: true });
    });

    test('after expiry starts over at attempt 1 and says that it is a late retry', async () => {
      const lease = await scene.acquire({ key: 'expired', ttl: ms(1000) });
      await scene.client.complete(scene.holder(lease, 'expired'));
      scene.advance(1001);
      const next = await scene.acquire({ key: 'expired' });
      expect(next).toMatchObject({ attempt: 1, lateRetry: true });
      expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    });

    test('on an unknown outcome is told that nobody knows', async () => {
      const lease = await scene.acquire({ key: 'unknown' });
      const failure = { kind: FailKind.UNKNOWN, error: { code: 'reply_lost' } };
      await scene.client.fail({ ...scene.holder(lease, 'unknown'), ...failure });
      const { outcome } = await scene.begin({ key: 'unknown' });
      const orphan = { cause: OrphanCause.HOLDER_UNKNOWN };
      expect(outcome).toMatchObject({
        case: 'orphaned',
        value: { attempt: 1, orphan, lastError: { code: 'reply_lost' } },
      });
    });

    test('of 100 at once on one key: one acquires, the others are told that it is in progress', async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, async () => scene.begin({ key: 'race' })));
      const cases = answers.map(({ outcome }) => outcome.case);
      expect(cases.filter((name) => name === 'acquired')).toHaveLength(1);
      expect(cases.filter((name) => name === 'inProgress')).toHaveLength(99);
    });
  });

  describe('a begin under HOLD', () => {
    test('after the lease ran out is told that nobody knows, without the checkpoint; the late holder may still complete', async () => {
      await using scene = await open({ policy: { onLeaseExpiry: 'HOLD' } });
      const lease = await scene.acquire({ lease: ms(1000), owner: 'worker-1' });
      await scene.client.checkpoint({ ...scene.holder(lease), data: bytes('tx-secret'), lease: ms(1000) });
      scene.advance(1001);
      const { outcome } = await scene.begin();
      const orphan = { cause: OrphanCause.LEASE_EXPIRED };
      expect(outcome).toMatchObject({ case: 'orphaned', value: { attempt: 1, owner: 'worker-1', orphan } });
      expect(outcome.case === 'orphaned' && 'checkpoint' in outcome.value).toBe(false);
      await scene.client.complete({ ...scene.holder(lease), result: bytes('late but true') });
      expect((await scene.begin()).outcome.case).toBe('completed');
    });
  });

  describe('a begin with its attempts used up', () => {
    test('fails for good after the last release', async () => {
      await using scene = await open({ policy: { attemptsMax: 2 } });
      const first = await scene.acquire();
      await scene.client.fail({ ...scene.holder(first), kind: FailKind.RETRYABLE, error: { code: 'e1' } });
      const second = await scene.acquire();
      const last = { ...scene.holder(second), kind: FailKind.RETRYABLE, error: { code: 'e2' } };
      expect((await scene.client.fail(last)).record).toMatchObject({ state: IntentState.FAILED, attempt: 2 });
      expect(await scene.client.fail(last)).toMatchObject({ alreadyApplied: true });
      const { outcome } = await scene.begin();
      const error = { code: 'ATTEMPTS_EXHAUSTED' };
      expect(outcome).toMatchObject({ case: 'failed', value: { attemptsExhausted: true, attempt: 2, error } });
      expect(outcome.case === 'failed' && outcome.value.error?.message).toContain('e2');
    });

    test('fails for good when the last holder vanished', async () => {
      await using scene = await open({ policy: { attemptsMax: 1 } });
      await scene.acquire({ lease: ms(1000) });
      scene.advance(1001);
      expect((await scene.begin()).outcome).toMatchObject({ case: 'failed', value: { attemptsExhausted: true } });
    });
  });
}
