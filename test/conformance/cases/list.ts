// Listing: every record exactly once over all pages, and every filter.

import { expect } from 'vitest';
import {
  durationMs,
  type Key,
  type ListFilter,
  type ListPage,
  type StoredRecord,
} from '../../../storage/contract/index.ts';
import { byToken, bytes, completed, drain, expectSame, failed, keyOf, newNamespace, released } from '../scene.ts';
import { unknown, type Cases, type Scene } from '../scene.ts';

export const listCases: Cases = {
  'pages together show each record exactly once, none over the limit, the last one without a cursor': async (scene) => {
    const keys = await acquireMany(scene, 50);
    const pages = await scene.pages({ namespace: scene.namespace }, 7);
    expect(keysOf(pages).toSorted()).toEqual(keys.toSorted());
    for (const page of pages) expect(page.records.length).toBeLessThanOrEqual(7);
    expect(pages.at(-1)?.next).toBeUndefined();
  },

  'a page of exactly as many records as there are needs no further record': async (scene) => {
    const keys = await acquireMany(scene, 10);
    const pages = await scene.pages({ namespace: scene.namespace }, 10);
    expect(keysOf(pages).toSorted()).toEqual(keys.toSorted());
  },

  'records written meanwhile move no other record out of sight or into it twice': async (scene) => {
    const still = await acquireMany(scene, 30, 'still');
    const moving = await acquireMany(scene, 30, 'moving');
    const seen: Key[] = [];
    let after: string | undefined;
    for (let round = 0; round < 100; round += 1) {
      const page = await scene.page({ namespace: scene.namespace }, 5, after);
      seen.push(...page.records.map((record) => record.key));
      after = page.next;
      if (after === undefined) break;
      await disturb(scene, moving, round);
    }
    expect(seen.filter((key) => still.includes(key)).toSorted()).toEqual(still.toSorted());
  },

  'an empty namespace has one empty page': async (scene) => {
    const page = await scene.page({ namespace: scene.namespace }, 10);
    expect(page).toMatchObject({ nowMs: scene.now(), records: [], next: undefined });
  },

  'a listed record has every field of the stored one but its result': async (scene) => {
    const holder = await scene.acquire();
    await scene.extend(byToken(holder), { checkpoint: bytes('tx-9') });
    const { leaseToken: _held, ...inProgress } = await scene.record();
    expectSame(withoutToken((await scene.list())[0]), inProgress);
    await scene.finish(byToken(holder), completed());
    const { leaseToken: _settled, ...stored } = await scene.record();
    const listed = withoutToken((await scene.list())[0]);
    expectSame(listed, { ...stored, result: undefined });
  },

  'a namespace is matched whole, never as a prefix': async (scene) => {
    const { key } = await scene.acquire();
    await scene.acquire({ namespace: `${scene.namespace}/child` as typeof scene.namespace });
    await scene.acquire({ namespace: `${scene.namespace}2` as typeof scene.namespace });
    expect(await listed(scene, {})).toEqual([key]);
  },

  'without a namespace all are listed': async (scene) => {
    await drain(scene.store);
    const namespaces = [newNamespace(), newNamespace(), newNamespace()];
    for (const namespace of namespaces) await acquireMany(scene, 4, 'key', namespace);
    const pages = await scene.pages({}, 5);
    const found = pages.flatMap((page) => page.records.map((record) => record.namespace));
    expect(found.toSorted()).toEqual(namespaces.flatMap((name) => [name, name, name, name]).toSorted());
  },

  'states select records in any of them': async (scene) => {
    await oneOfEach(scene);
    expect(await listed(scene, { states: ['COMPLETED'] })).toEqual(['completed']);
    expect(await listed(scene, { states: ['FAILED', 'RELEASED'] })).toEqual(['failed', 'released']);
    expect(await listed(scene, { states: ['IN_PROGRESS'] })).toEqual(['held']);
    expect(await listed(scene, { states: ['UNKNOWN', 'IN_PROGRESS'] })).toEqual(['held', 'unknown']);
    expect(await listed(scene, { states: [] })).toEqual([]);
  },

  'orphans are lapsed leases and unknown outcomes': async (scene) => {
    await oneOfEach(scene);
    expect(await listed(scene, { orphanedOnly: true })).toEqual(['unknown']);
    scene.advance(30_000);
    expect(await listed(scene, { orphanedOnly: true })).toEqual(['held', 'unknown']);
    expect(await listed(scene, { orphanedOnly: true, states: ['IN_PROGRESS'] })).toEqual(['held']);
    expect(await listed(scene, { orphanedOnly: false })).toHaveLength(5);
  },

  'an expired orphan is none': async (scene) => {
    const holder = await scene.acquire();
    scene.setNow(holder.expireMs);
    expect(await listed(scene, { orphanedOnly: true })).toEqual([]);
  },

  'a key prefix is matched byte for byte, wildcards of no language included': async (scene) => {
    const keys = ['a%b', 'a_b', 'aXb', 'a*b', 'a?b', 'a[1]', 'a\\b', "a'b", 'A%b', 'z'];
    for (const key of keys) await scene.acquire({ key: keyOf(key) });
    for (const prefix of ['a%', 'a_', 'a*', 'a?', 'a[', 'a\\', "a'", 'A']) {
      expect(await listed(scene, { keyPrefix: prefix })).toEqual(keys.filter((key) => key.startsWith(prefix)));
    }
    expect(await listed(scene, { keyPrefix: 'a' })).toHaveLength(8);
    expect(await listed(scene, { keyPrefix: 'b' })).toEqual([]);
    expect(await listed(scene, { keyPrefix: '' })).toHaveLength(keys.length);
  },

  'a key prefix outside ASCII is matched byte for byte': async (scene) => {
    const keys = ['é-composed', 'e\u0301-apart', '😀-1', '😁-2', '\uffff-last', '日本', '日'];
    for (const key of keys) await scene.acquire({ key: keyOf(key) });
    for (const prefix of ['é', 'e\u0301', '😀', '\uffff', '日', '日本']) {
      const expected = keys.filter((key) => key.startsWith(prefix)).toSorted();
      expect(await listed(scene, { keyPrefix: prefix })).toEqual(expected);
    }
  },

  'a prefix works across pages': async (scene) => {
    const wanted = await acquireMany(scene, 23, 'order/');
    await acquireMany(scene, 23, 'refund/');
    const pages = await scene.pages({ namespace: scene.namespace, keyPrefix: 'order/' }, 4);
    expect(keysOf(pages).toSorted()).toEqual(wanted.toSorted());
  },

  'an owner is matched whole': async (scene) => {
    for (const owner of ['worker', 'worker-1', 'WORKER', '']) await scene.acquire({ key: keyOf(`of ${owner}`), owner });
    expect(await listed(scene, { owner: 'worker' })).toEqual(['of worker']);
    expect(await listed(scene, { owner: '' })).toEqual(['of ']);
  },

  'an age counts from the last write': async (scene) => {
    const renewed = await scene.acquire({ key: keyOf('renewed') });
    await scene.acquire({ key: keyOf('idle') });
    scene.advance(20_000);
    await scene.extend(byToken(renewed), { key: keyOf('renewed') });
    expect(await listed(scene, { ageMsMin: durationMs(20_000) })).toEqual(['idle']);
    expect(await listed(scene, { ageMsMin: durationMs(0) })).toEqual(['idle', 'renewed']);
  },

  'expired records are listed only when asked for': async (scene) => {
    const gone = await scene.acquire({ key: keyOf('gone') });
    scene.setNow(gone.expireMs);
    await scene.acquire({ key: keyOf('here') });
    expect(await listed(scene, {})).toEqual(['here']);
    expect(await listed(scene, { includeExpired: true })).toEqual(['gone', 'here']);
  },

  'all given conditions must hold': async (scene) => {
    await oneOfEach(scene);
    const filter: ListFilter = { states: ['COMPLETED', 'FAILED'], owner: 'owner of failed', keyPrefix: 'f' };
    expect(await listed(scene, filter)).toEqual(['failed']);
    expect(await listed(scene, { ...filter, keyPrefix: 'c' })).toEqual([]);
    expect(await listed(scene, { ...filter, owner: 'owner of held' })).toEqual([]);
    expect(await listed(scene, { ...filter, ageMsMin: durationMs(1) })).toEqual([]);
  },
};

const keysOf = (pages: readonly ListPage[]): readonly Key[] =>
  pages.flatMap((page) => page.records.map((record) => record.key));

const withoutToken = ({ leaseToken: _token, ...rest }: Partial<StoredRecord> = {}) => rest;

/** Keys of this case's namespace that match, sorted. */
async function listed(scene: Scene, filter: ListFilter): Promise<readonly string[]> {
  return (await scene.list(filter)).map((record) => record.key);
}

async function acquireMany(scene: Scene, count: number, prefix = 'key', namespace = scene.namespace) {
  const keys = Array.from({ length: count }, (_, index) => keyOf(`${prefix}${index}`));
  await Promise.all(keys.map((key) => scene.acquire({ key, namespace })));
  return keys;
}

/** Between two pages: one record comes, one goes, one changes. */
async function disturb(scene: Scene, moving: readonly Key[], round: number): Promise<void> {
  scene.advance(1);
  await scene.acquire({ key: keyOf(`new-${round}`) });
  const leaving = moving[round];
  const changing = moving[moving.length - 1 - round];
  if (leaving === undefined || changing === undefined || round >= moving.length / 2) return;
  await scene.store.remove({ ...(await scene.record({ key: leaving })), force: true }, scene.at());
  await scene.extend(byToken(await scene.record({ key: changing })), { key: changing });
}

/** One record in each state, named after it. */
async function oneOfEach(scene: Scene): Promise<void> {
  for (const settlement of [completed(), failed, released, unknown]) {
    const key = keyOf(settlement.kind);
    const holder = await scene.acquire({ key, owner: `owner of ${key}` });
    await scene.finish(byToken(holder), settlement, { key });
  }
  await scene.acquire({ key: keyOf('held'), owner: 'owner of held' });
}
