// A store that goes away, in a namespace that rejects. One that goes on: features/outage.ts.

import { status as Code } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { openManaged } from './managed.ts';
import { openOutage } from './outage-scene.ts';
import { refusal } from './scene.ts';

describe('while the store is down, a namespace that rejects', () => {
  test.each(['down', 'hanging'] as const)(
    'answers UNAVAILABLE within 100 ms, and nothing ran (%s)',
    async (how) => {
      await using outage = await openOutage(openManaged, {});
      const { scene, faulty } = outage;
      await scene.begin({ key: 'before' });
      const writes = faulty.writes();
      faulty.set(how);
      // Until it is noticed a silent store costs its time-out.
      const first = Array.from({ length: 20 }, async (_, index) => refusal(scene.begin({ key: `first-${index}` })));
      for (const { code } of await Promise.all(first)) expect(code).toBe(Code.UNAVAILABLE);
      const tookMs: number[] = [];
      for (let index = 0; index < 50; index += 1) {
        const startMs = performance.now();
        const refused = await refusal(scene.begin({ key: `k-${index}` }));
        tookMs.push(performance.now() - startMs);
        expect(refused).toMatchObject({ code: Code.UNAVAILABLE, reason: 'STORE_UNAVAILABLE' });
        expect(refused.retryMs).toBeGreaterThan(0);
      }
      // The median: a single one also waits for whatever else this machine does.
      expect(tookMs.toSorted((a, b) => a - b)[25]).toBeLessThan(100);
      expect(faulty.writes()).toBe(writes);
      faulty.set('up');
      await expect
        .poll(async () => (await scene.begin({ key: 'after' }).catch(() => undefined))?.outcome.case, { timeout: 5000 })
        .toBe('acquired');
    },
    30_000,
  );
});
