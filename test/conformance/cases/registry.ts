// The registry: small shared documents, changed by compare and set.

import { expect } from 'vitest';
import { newNamespace, type Cases, type Scene } from '../scene.ts';

export const registryCases: Cases = {
  'nothing is there before the first put': async (scene) => {
    const { collection, registry } = shelf(scene);
    expect(await registry.get({ collection, name: 'a' })).toBeUndefined();
    expect(await registry.list({ collection, limit: 10 })).toEqual([]);
    expect(await registry.remove({ collection, name: 'a' })).toBe(false);
  },

  'the first put has revision 1, each further one adds 1, and a get shows the last': async (scene) => {
    const { collection, registry } = shelf(scene);
    for (const revision of [1, 2, 3]) {
      const entry = { collection, name: 'a', value: `{"n":${revision}}` };
      expect(await registry.put(entry)).toEqual({ ...entry, revision });
      expect(await registry.get({ collection, name: 'a' })).toEqual({ ...entry, revision });
    }
  },

  'an expected revision of 0 creates, and never replaces': async (scene) => {
    const { collection, registry } = shelf(scene);
    const entry = { collection, name: 'a', value: '1' };
    expect(await registry.put({ ...entry, expectedRevision: 0 })).toMatchObject({ revision: 1 });
    expect(await registry.put({ ...entry, value: '2', expectedRevision: 0 })).toBeUndefined();
    expect(await registry.get(entry)).toMatchObject({ value: '1', revision: 1 });
  },

  'an expected revision replaces that revision and no other': async (scene) => {
    const { collection, registry } = shelf(scene);
    const entry = { collection, name: 'a', value: '1' };
    expect(await registry.put({ ...entry, expectedRevision: 1 })).toBeUndefined();
    await registry.put(entry);
    await registry.put({ ...entry, value: '2' });
    for (const expectedRevision of [1, 3]) {
      expect(await registry.put({ ...entry, value: '3', expectedRevision })).toBeUndefined();
    }
    expect(await registry.get(entry)).toMatchObject({ value: '2', revision: 2 });
    expect(await registry.put({ ...entry, value: '3', expectedRevision: 2 })).toMatchObject({
      value: '3',
      revision: 3,
    });
  },

  'a removal fits its revision, and the name starts over': async (scene) => {
    const { collection, registry } = shelf(scene);
    const entry = { collection, name: 'a', value: '1' };
    await registry.put(entry);
    await registry.put(entry);
    expect(await registry.remove({ ...entry, expectedRevision: 1 })).toBe(false);
    expect(await registry.get(entry)).toMatchObject({ revision: 2 });
    expect(await registry.remove({ ...entry, expectedRevision: 2 })).toBe(true);
    expect(await registry.get(entry)).toBeUndefined();
    expect(await registry.put({ ...entry, expectedRevision: 0 })).toMatchObject({ revision: 1 });
    expect(await registry.remove(entry)).toBe(true);
  },

  'collections never meet': async (scene) => {
    const { collection, registry } = shelf(scene);
    const other = newNamespace();
    await registry.put({ collection, name: 'a', value: '1' });
    expect(await registry.get({ collection: other, name: 'a' })).toBeUndefined();
    await registry.put({ collection: other, name: 'a', value: '2' });
    await registry.remove({ collection: other, name: 'a' });
    expect(await registry.get({ collection, name: 'a' })).toMatchObject({ value: '1' });
  },

  'a list is in ascending order of the names as UTF-8 bytes': async (scene) => {
    const { collection, registry } = shelf(scene);
    // Ordered as bytes. UTF-16 units put the emoji before U+FF5E, and a locale puts "a" before "B" and "é" before "z".
    const names = ['', ' ', '0', '1', '10', '2', 'A', 'B', '_', 'a', 'a b', 'aa', 'ab', 'z', 'é', '日', '\uff5e', '😀'];
    for (const name of names.toReversed()) await registry.put({ collection, name, value: '{}' });
    expect((await registry.list({ collection, limit: 100 })).map((entry) => entry.name)).toEqual(names);
  },

  'pages go on after a name, whether it is still there or not': async (scene) => {
    const { collection, registry } = shelf(scene);
    const names = Array.from({ length: 25 }, (_, index) => `name-${String(index).padStart(2, '0')}`);
    for (const name of names) await registry.put({ collection, name, value: '{}' });
    const seen: string[] = [];
    for (let after: string | undefined; seen.length < names.length; after = seen.at(-1)) {
      const page = await registry.list({ collection, limit: 10, ...(after !== undefined && { after }) });
      expect(page.length).toBeLessThanOrEqual(10);
      if (page.length === 0) break;
      seen.push(...page.map((entry) => entry.name));
      await registry.remove({ collection, name: seen.at(-1) ?? '' });
    }
    expect(seen).toEqual(names);
    expect(await registry.list({ collection, after: 'name-24', limit: 10 })).toEqual([]);
    expect(await registry.list({ collection, after: '😀', limit: 10 })).toEqual([]);
  },

  'a listed entry is the whole entry': async (scene) => {
    const { collection, registry } = shelf(scene);
    await registry.put({ collection, name: 'a', value: '1' });
    await registry.put({ collection, name: 'a', value: '2' });
    expect(await registry.list({ collection, limit: 1 })).toEqual([{ collection, name: 'a', value: '2', revision: 2 }]);
  },

  'a value comes back as the text that was given, up to 64 KiB': async (scene) => {
    const { collection, registry } = shelf(scene);
    const texts = [
      '{"b":1, "a" : 2,\n "a":3}',
      '1.0',
      '"\\u0000 \\ud83d\\ude00 é 😀"',
      JSON.stringify('x'.repeat(64 * 1024 - 2)),
    ];
    for (const [index, value] of texts.entries()) {
      await registry.put({ collection, name: `n${index}`, value });
      expect((await registry.get({ collection, name: `n${index}` }))?.value).toBe(value);
    }
  },

  'names are compared byte for byte': async (scene) => {
    const { collection, registry } = shelf(scene);
    const names = ['a', 'A', 'a ', 'caf\u00e9', 'cafe\u0301', 'a/b', "a'b", 'a%', 'a_', '{a}', '__proto__'];
    for (const name of names) await registry.put({ collection, name, value: JSON.stringify(name) });
    for (const name of names) expect((await registry.get({ collection, name }))?.value).toBe(JSON.stringify(name));
    expect(await registry.list({ collection, limit: 100 })).toHaveLength(names.length);
  },

  'of 50 creations at once one succeeds': async (scene) => {
    const { collection, registry } = shelf(scene);
    const puts = Array.from({ length: 50 }, (_, n) =>
      registry.put({ collection, name: 'a', value: `${n}`, expectedRevision: 0 }),
    );
    const entries = (await Promise.all(puts)).filter((entry) => entry !== undefined);
    expect(entries).toHaveLength(1);
    expect(await registry.get({ collection, name: 'a' })).toEqual(entries[0]);
  },

  'of 50 changes to one revision one succeeds': async (scene) => {
    const { collection, registry } = shelf(scene);
    await registry.put({ collection, name: 'a', value: '{}' });
    const puts = Array.from({ length: 50 }, (_, n) =>
      registry.put({ collection, name: 'a', value: `${n}`, expectedRevision: 1 }),
    );
    expect((await Promise.all(puts)).filter((entry) => entry !== undefined)).toHaveLength(1);
    expect(await registry.get({ collection, name: 'a' })).toMatchObject({ revision: 2 });
  },

  '30 puts at once without an expectation have 30 revisions': async (scene) => {
    const { collection, registry } = shelf(scene);
    const puts = Array.from({ length: 30 }, (_, n) => registry.put({ collection, name: 'a', value: `${n}` }));
    const revisions = (await Promise.all(puts)).map((entry) => entry?.revision ?? 0);
    expect(revisions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
  },
};

/** The registry and a collection of this case's own. */
const shelf = (scene: Scene) => ({ registry: scene.store.registry, collection: scene.namespace });
