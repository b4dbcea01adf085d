// DESIGN.md 3, the table of Complete, Fail, Renew and Checkpoint, and Lookup, over real gRPC.

import { status as Code } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../../proto/gen/onced/v1/record_pb.js';
import { durationMs } from '../../../storage/contract/index.ts';
import { bytes, type OpenScene, ms, msOf, refusal, type RpcScene } from '../scene.ts';

export function holderTable(open: OpenScene): void {
  describe('a holder', () => {
    let scene: RpcScene;
    beforeAll(async () => {
      scene = await open();
    });
    afterAll(async () => scene[Symbol.asyncDispose]());

    test('may repeat Complete with the same content, not with other content', async () => {
      const holder = scene.holder(await scene.acquire({ key: 'c' }), 'c');
      expect(await scene.client.complete({ ...holder, result: bytes('a') })).toMatchObject({ alreadyApplied: false });
      expect(await scene.client.complete({ ...holder, result: bytes('a') })).toMatchObject({ alreadyApplied: true });
      for (const other of [{ result: bytes('b') }, { contentType: 'x' }, { labels: { x: 'y' } }]) {
        expect(await refusal(scene.client.complete({ ...holder, result: bytes('a'), ...other }))).toMatchObject({
          code: Code.FAILED_PRECONDITION,
          reason: 'ALREADY_SETTLED',
          metadata: { state: 'COMPLETED' },
        });
      }
    });

    test.each([FailKind.RETRYABLE, FailKind.FINAL, FailKind.UNKNOWN])('may repeat Fail of kind %i', async (kind) => {
      const key = `f-${kind}`;
      const holder = scene.holder(await scene.acquire({ key }), key);
      const failure = { ...holder, kind, error: { code: 'e', message: 'm' } };
      await scene.client.fail(failure);
      await scene.client.fail(failure);
      if (kind === FailKind.UNKNOWN) return;
      const refused = await refusal(scene.client.complete({ ...holder, result: bytes('no') }));
      expect(refused.reason).toBe('ALREADY_SETTLED');
    });

    test('that said unknown may still complete once it knows', async () => {
      const holder = scene.holder(await scene.acquire({ key: 'u' }), 'u');
      await scene.client.fail({ ...holder, kind: FailKind.UNKNOWN });
      await scene.client.complete({ ...holder, result: bytes('it did happen') });
      expect((await scene.begin({ key: 'u' })).outcome.case).toBe('completed');
    });

    test('that was superseded changes nothing by any call', async () => {
      const old = scene.holder(await scene.acquire({ key: 's', lease: ms(1000) }), 's');
      scene.advance(1001);
      const current = scene.holder(await scene.acquire({ key: 's' }), 's');
      const refusals = await Promise.all([
        refusal(scene.client.complete({ ...old, result: bytes('zombie') })),
        refusal(scene.client.fail({ ...old, kind: FailKind.FINAL, error: { code: 'zombie' } })),
        refusal(scene.client.renew(old)),
        refusal(scene.client.checkpoint({ ...old, data: bytes('zombie') })),
      ]);
      for (const refused of refusals) {
        const metadata = { state: 'IN_PROGRESS', attempt: '2' };
        expect(refused).toMatchObject({ code: Code.ABORTED, reason: 'LEASE_LOST', metadata });
      }
      await scene.client.complete({ ...current, result: bytes('real') });
      const { outcome } = await scene.begin({ key: 's' });
      expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).toString()).toBe('real');
    });

    test('whose lease ran out but was not taken over keeps its work', async () => {
      const holder = scene.holder(await scene.acquire({ key: 'l', lease: ms(1000) }), 'l');
      scene.advance(5000);
      const renewed = await scene.client.renew({ ...holder, lease: ms(1000) });
      expect(renewed.leaseRemaining && msOf(renewed.leaseRemaining)).toBe(1000);
      scene.advance(5000);
      await scene.client.checkpoint({ ...holder, data: bytes('x'), lease: ms(1000) });
      scene.advance(5000);
      await scene.client.complete({ ...holder, result: bytes('kept') });
      expect((await scene.begin({ key: 'l' })).outcome.case).toBe('completed');
    });

    test('of a record that is gone or expired hears INTENT_NOT_FOUND', async () => {
      const lease = await scene.acquire({ key: 'g', lease: ms(1000), ttl: ms(1000) });
      const never = await refusal(scene.client.renew(scene.holder(lease, 'never')));
      expect(never.reason).toBe('INTENT_NOT_FOUND');
      scene.advance(2001);
      const gone = await refusal(scene.client.complete({ ...scene.holder(lease, 'g'), result: bytes('x') }));
      expect(gone).toMatchObject({ code: Code.NOT_FOUND, reason: 'INTENT_NOT_FOUND' });
    });

    test('renews for as long as it began its ttl, not for the default', async () => {
      const holder = scene.holder(await scene.acquire({ key: 't', lease: ms(1000), ttl: ms(5000) }), 't');
      const { leaseExpireTime, expireTime } = await scene.client.renew({ ...holder, lease: ms(1000) });
      expect(Number(expireTime?.seconds ?? 0n) - Number(leaseExpireTime?.seconds ?? 0n)).toBe(5);
    });

    test('cannot renew past the total hold', async () => {
      await using short = await open({ policy: { holdMsMax: durationMs(60_000) } });
      const holder = short.holder(await short.acquire({ lease: ms(50_000) }));
      short.advance(40_000);
      const renewed = await short.client.renew({ ...holder, lease: ms(50_000) });
      expect(renewed.leaseRemaining && msOf(renewed.leaseRemaining)).toBeLessThanOrEqual(20_000);
    });

    test('with an empty result has a result', async () => {
      await scene.client.complete(scene.holder(await scene.acquire({ key: 'e' }), 'e'));
      const { outcome } = await scene.begin({ key: 'e' });
      expect(outcome).toMatchObject({ case: 'completed', value: { resultDropped: false } });
    });
  });

  describe('Lookup', () => {
    test('shows the record as it is now, without its token', async () => {
      await using scene = await open();
      const lease = await scene.acquire({ lease: ms(1000), labels: { trace: 't1' }, owner: 'me' });
      const id = { namespace: scene.namespace, key: 'order-1' };
      const live = await scene.client.lookup(id);
      const summary = { state: IntentState.IN_PROGRESS };
      expect(live.record).toMatchObject({ owner: 'me', labels: { trace: 't1' }, summary });
      const shown = JSON.stringify(live, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
      expect(shown).not.toContain(Buffer.from(lease.leaseToken).toString('hex'));
      scene.advance(1000);
      expect((await scene.client.lookup(id)).record?.summary?.state).toBe(IntentState.ORPHANED);
      await scene.client.complete({ ...scene.holder(lease), result: bytes('r') });
      expect((await scene.client.lookup(id)).record?.result).toBeUndefined();
      const whole = await scene.client.lookup({ ...id, includeResult: true });
      expect(Buffer.from(whole.record?.result ?? []).toString()).toBe('r');
    });

    test('of a key never seen is INTENT_NOT_FOUND', async () => {
      await using scene = await open();
      const refused = await refusal(scene.client.lookup({ namespace: scene.namespace, key: 'never' }));
      expect(refused).toMatchObject({ code: Code.NOT_FOUND, reason: 'INTENT_NOT_FOUND' });
    });
  });
}
