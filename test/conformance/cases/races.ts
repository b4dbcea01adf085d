// Many at once on one key: exactly one is applied, and everybody else sees that one.

import { expect } from 'vitest';
import type { ClaimRequest, ClaimResult } from '../../../storage/contract/index.ts';
import { byRevision, byToken, bytes, completed, expectSame, keyOf, type Cases, type Scene } from '../scene.ts';

const RACERS = 100;

export const raceCases: Cases = {
  'of 100 claims on an empty key one is applied, and the others see it': async (scene) => {
    await expectOneWinner(scene, await race(scene));
  },

  "of 100 claims by the store's own clock one is applied": async (scene) => {
    const claims = Array.from({ length: RACERS }, () => scene.store.claim(scene.claimRequest()));
    const results = await Promise.all(claims);
    const winners = results.filter((result) => result.applied);
    expect(winners).toHaveLength(1);
    for (const result of results) expectSame(result.record, winners[0]?.record);
  },

  'of 100 claims on a just-lapsed lease one is applied, and the others see it': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs);
    const winner = await expectOneWinner(scene, await race(scene, { expected: holder.revision }));
    expect(winner.record).toMatchObject({ attempt: 2 });
  },

  'of 100 claims on an expired record one is applied, and it alone counts the late retry': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    const results = await race(scene);
    const winner = await expectOneWinner(scene, results);
    expect(winner).toMatchObject({ replacedExpired: true, record: { attempt: 1 } });
    expect(results.filter((result) => result.replacedExpired)).toHaveLength(1);
  },

  'of 50 outcomes told with one token one is applied, and it is the one that stands': async (scene) => {
    const holder = await scene.acquire();
    const texts = Array.from({ length: 50 }, (_, index) => `outcome ${index}`);
    const written = await Promise.all(texts.map((text) => scene.settle(byToken(holder), completed(bytes(text)))));
    const winners = texts.filter((_, index) => written[index]?.applied === true);
    expect(winners).toHaveLength(1);
    expectSame((await scene.record()).result, bytes(winners[0] ?? ''));
    const losers = written.filter((result) => !result.applied);
    for (const loser of losers) expectSame(loser.record?.result, bytes(winners[0] ?? ''));
  },

  'a takeover and a late completion at once: one is applied': async (scene) => {
    for (let round = 0; round < 20; round += 1) {
      const key = keyOf(`round-${round}`);
      const holder = await scene.acquire({ key });
      scene.setNow(holder.leaseExpireMs);
      const complete = () => scene.settle(byToken(holder), completed(), { key });
      const takeOver = () => scene.claim({ key, expected: holder.revision });
      const written = await Promise.all(round % 2 === 0 ? [complete(), takeOver()] : [takeOver(), complete()]);
      expect(written.filter((result) => result.applied)).toHaveLength(1);
      const settledWon = written[round % 2]?.applied === true;
      expect((await scene.record({ key })).state).toBe(settledWon ? 'COMPLETED' : 'IN_PROGRESS');
    }
  },

  'a takeover and a late renewal at once: one is applied': async (scene) => {
    for (let round = 0; round < 20; round += 1) {
      const key = keyOf(`round-${round}`);
      const holder = await scene.acquire({ key });
      scene.setNow(holder.leaseExpireMs);
      const written = await Promise.all([
        scene.extend(byToken(holder), { key }),
        scene.claim({ key, expected: holder.revision }),
      ]);
      expect(written.filter((result) => result.applied)).toHaveLength(1);
    }
  },

  'a removal and a takeover at once: the record is gone or taken over, never both': async (scene) => {
    for (let round = 0; round < 20; round += 1) {
      const key = keyOf(`round-${round}`);
      const holder = await scene.acquire({ key });
      scene.setNow(holder.leaseExpireMs);
      const [removed, taken] = await Promise.all([
        scene.store.remove({ ...scene.id, key, revision: holder.revision, force: false }, scene.at()),
        scene.claim({ key, expected: holder.revision }),
      ]);
      expect(removed).not.toBe(taken.applied);
      expect((await scene.find({ key }))?.leaseToken).toBe(taken.applied ? taken.record?.leaseToken : undefined);
    }
  },

  'of 20 operators who resolve the same revision one is applied': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.leaseExpireMs);
    const settles = Array.from({ length: 20 }, () => scene.settle(byRevision(holder), completed()));
    expect((await Promise.all(settles)).filter((result) => result.applied)).toHaveLength(1);
  },

  '300 operations on distinct keys in one turn each answer for their own key': async (scene) => {
    const keys = Array.from({ length: 300 }, (_, index) => keyOf(`key-${index}`));
    const holders = await Promise.all(keys.map((key) => scene.acquire({ key, owner: `owner of ${key}` })));
    expect(holders.map((holder) => holder.key)).toEqual(keys);
    const settled = await Promise.all(
      holders.map((holder) =>
        scene.finish(byToken(holder), completed(bytes(`result of ${holder.key}`)), { key: holder.key }),
      ),
    );
    expect(settled.map((record) => record.owner)).toEqual(keys.map((key) => `owner of ${key}`));
    const found = await Promise.all(keys.map((key) => scene.record({ key })));
    expectSame(
      found.map((record) => record.result),
      keys.map((key) => bytes(`result of ${key}`)),
    );
  },

  'claim, extend, settle and read of one key in one turn answer as if one came after the other': async (scene) => {
    for (let round = 0; round < 20; round += 1) {
      const key = keyOf(`round-${round}`);
      const asked = scene.claimRequest({ key });
      const [claimed, extended, settled] = await Promise.all([
        scene.claim(asked),
        scene.extend(byToken(asked), { key, checkpoint: bytes('saved') }),
        scene.settle(byToken(asked), completed(), { key }),
        scene.find({ key }),
      ]);
      expect(claimed.applied).toBe(true);
      const record = await scene.record({ key });
      const writes = [claimed, extended, settled].filter((written) => written.applied).length;
      expect(record.revision).toBe(scene.now() + writes - 1);
      expect(record.state).toBe(settled.applied ? 'COMPLETED' : 'IN_PROGRESS');
    }
  },
};

function race(scene: Scene, over?: Partial<ClaimRequest>): Promise<readonly ClaimResult[]> {
  return Promise.all(Array.from({ length: RACERS }, (_, racer) => scene.claim({ ...over, owner: `racer-${racer}` })));
}

async function expectOneWinner(scene: Scene, results: readonly ClaimResult[]): Promise<ClaimResult> {
  const winners = results.filter((result) => result.applied);
  expect(winners).toHaveLength(1);
  const [winner] = winners;
  if (winner === undefined) throw new Error('nobody won');
  for (const result of results) expectSame(result.record, winner.record);
  expectSame(await scene.find(), winner.record);
  return winner;
}
