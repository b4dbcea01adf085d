// Byte for byte: keys, results, labels and texts come back as they were given, and near misses stay apart.

import { expect } from 'vitest';
import { byToken, bytes, completed, expectSame, keyOf, type Cases, type Scene } from '../scene.ts';

// Grouped with what a careless store would take for the same: another case, form, padding, width, or a cut at NUL.
const KEYS = [
  ['plain', 'Plain', 'PLAIN', 'plain ', 'plain  ', ' plain', 'plain\t', 'plain\n', 'plain\0', 'plain\0tail', '\0'],
  ['caf\u00e9', 'cafe\u0301', 'cafe', 'stra\u00dfe', 'strasse', '\u212b', '\u00c5', 'A\u030a', 'ﬁ', 'fi', 'Ⅷ', 'VIII'],
  ['😀', '😁', '👩‍👩‍👧', '👩👩👧', '\u{10ffff}', '\uffff', '\ufeffbom', 'bom', '日本', 'ı', 'i', 'İ'],
  ['{tag}a', '{tag}b', 'tag', '{}', '{', '}', 'a{b}c', '{{x}}'],
  ["quote'", "quote''", 'quote"', 'back\\slash', 'back\\\\slash', '`tick`', '$1', ':name', '?', '--', ';', '/*'],
  ['100%', '100_', '*', '[a-z]', 'a:b', 'a:b:c', 'a/b', 'a//b', '/', '.', '..', '0', '00', '0.0', '-0', 'null'],
  ['a'.repeat(512), `${'a'.repeat(511)}b`, 'a'.repeat(511), '😀'.repeat(128), `${'é'.repeat(255)}ab`],
  ['__proto__', 'constructor', 'toString'],
].flat();

export const byteCases: Cases = {
  'keys are compared byte for byte': async (scene) => {
    await Promise.all(KEYS.map((key) => scene.acquire({ key: keyOf(key), owner: ownerOf(key) })));
    for (const key of KEYS) {
      expect(await scene.find({ key: keyOf(key) })).toMatchObject({ key, owner: ownerOf(key), attempt: 1 });
    }
  },

  'listed keys are the bytes that were given': async (scene) => {
    await Promise.all(KEYS.map((key) => scene.acquire({ key: keyOf(key) })));
    expect((await scene.list()).map((record) => record.key).toSorted()).toEqual(KEYS.toSorted());
  },

  'every key is settled, listed by its prefix and removed as itself': async (scene) => {
    for (const key of KEYS.map(keyOf)) {
      await scene.finish(byToken(await scene.acquire({ key })), completed(bytes(`of ${key}`)), { key });
    }
    scene.advance(2);
    for (const key of KEYS.map(keyOf)) {
      const record = await scene.record({ key });
      expectSame(record.result, bytes(`of ${key}`));
      expect((await scene.list({ keyPrefix: key })).map((found) => found.key)).toContain(key);
      expect(await scene.store.remove({ ...record, force: false }, scene.at())).toBe(true);
    }
    expect(await scene.list()).toEqual([]);
  },

  'an empty result is a result': async (scene) => {
    await expectResult(scene, new Uint8Array(0));
    expect(await scene.record()).toMatchObject({ state: 'COMPLETED', resultBytes: 0, resultDropped: false });
    expectSame((await scene.claim()).record?.result, new Uint8Array(0));
  },

  'a result of all 256 byte values comes back': async (scene) => {
    await expectResult(
      scene,
      Uint8Array.from({ length: 256 }, (_, index) => index),
    );
  },

  'a result of 256 KiB comes back': async (scene) => {
    await expectResult(scene, noise(256 * 1024));
  },

  'a result of 1 MiB comes back': async (scene) => {
    await expectResult(scene, noise(1024 * 1024));
  },

  'a result that is a view into a larger buffer is stored as the view alone': async (scene) => {
    await expectResult(scene, noise(1_000).subarray(10, 20));
  },

  'the bytes that a caller hands over are still its own, and as they were': async (scene) => {
    const [result, checkpoint, digest] = [noise(100_000), noise(5_000), noise(64)];
    const holder = await scene.acquire({ fingerprints: [{ scheme: 'v1', digest }] });
    await scene.extend(byToken(holder), { checkpoint });
    await scene.finish(byToken(holder), completed(result));
    expectSame([result, checkpoint, digest], [noise(100_000), noise(5_000), noise(64)]);
  },

  'a checkpoint of 16 KiB of any bytes comes back, also through takeover': async (scene) => {
    const holder = await scene.acquire();
    const saved = await scene.extend(byToken(holder), { checkpoint: noise(16 * 1024) });
    expectSame(saved.record?.checkpoint, noise(16 * 1024));
    scene.setNow(holder.leaseExpireMs);
    expectSame((await scene.acquire({ expected: saved.record?.revision ?? 0 })).checkpoint, noise(16 * 1024));
  },

  'an error of 4 KiB of detail and difficult text comes back': async (scene) => {
    const error = { code: AWKWARD, message: AWKWARD, detail: noise(4 * 1024), contentType: AWKWARD };
    await scene.finish(byToken(await scene.acquire()), { kind: 'failed', error });
    expectSame((await scene.record()).error, error);
  },

  'an error of empty parts is still an error': async (scene) => {
    const error = { code: '', message: '', detail: new Uint8Array(0), contentType: '' };
    await scene.finish(byToken(await scene.acquire()), { kind: 'failed', error });
    expectSame((await scene.record()).error, error);
  },

  'labels of difficult names and texts come back, on both sides': async (scene) => {
    const names = [AWKWARD, '', ' ', '__proto__', 'constructor', 'a.b', 'a', 'A', '1', '0', '😀', 'n'.repeat(64)];
    const labels = Object.fromEntries(names.map((name) => [name, `${AWKWARD} of ${name}`]));
    const holder = await scene.acquire({ labels });
    await scene.finish(byToken(holder), { ...completed(), labels });
    const record = await scene.record();
    const expected = new Map(Object.entries(labels));
    expect(new Map(Object.entries(record.labels))).toEqual(expected);
    expect(new Map(Object.entries(record.outcomeLabels))).toEqual(expected);
  },

  'no labels and no fingerprints come back as none': async (scene) => {
    await scene.acquire({ labels: {}, fingerprints: [] });
    expect(await scene.record()).toMatchObject({ labels: {}, fingerprints: [], outcomeLabels: {} });
  },

  'fingerprints come back in order, with digests of any bytes': async (scene) => {
    const fingerprints = [noise(64), new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0, 0)].map((digest, index) => ({
      scheme: `${AWKWARD}${3 - index}`,
      digest,
    }));
    await scene.acquire({ fingerprints });
    expectSame((await scene.record()).fingerprints, fingerprints);
  },

  'owner, attempt id, content type and encoding come back as they were given': async (scene) => {
    const holder = await scene.acquire({ owner: AWKWARD, attemptId: AWKWARD });
    await scene.finish(byToken(holder), { ...completed(), contentType: AWKWARD, contentEncoding: AWKWARD });
    expect(await scene.record()).toMatchObject({
      owner: AWKWARD,
      attemptId: AWKWARD,
      contentType: AWKWARD,
      contentEncoding: AWKWARD,
    });
  },
};

// NUL included: nothing stops a caller from sending one in an owner, a label or an error message.
const AWKWARD = 'a\0b \'"\\`$1 {x} %_ \n\t\u0001\u007f \u00e9 e\u0301 😀 \u{10ffff} \uffff null';

const ownerOf = (key: string): string => `owner of ${Buffer.from(key).toString('hex').slice(-200)}`;

async function expectResult(scene: Scene, result: Uint8Array): Promise<void> {
  await scene.finish(byToken(await scene.acquire()), completed(result));
  const record = await scene.record();
  expect(record.resultBytes).toBe(result.length);
  expect(Buffer.compare(record.result ?? bytes('nothing'), result)).toBe(0);
}

/** Bytes that no compression or text encoding leaves alone; the same each time. */
function noise(length: number): Uint8Array {
  let state = 0x9e3779b9;
  return Uint8Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x7f4a7c15;
    return state >>> 24;
  });
}
