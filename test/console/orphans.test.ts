// Orphans in the console: resolved each way, many at once, taken, and by two operators at a time.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { letLapse, loseTrack, stateOf } from './records.ts';
import { describeOnEachStore, freshNamespace, pathTo, type Scene } from './scene.ts';

describeOnEachStore('orphans', (open) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  const resolveRow = async (page: Page, key: string): Promise<void> => {
    await page.getByRole('button', { name: `Resolve ${key}`, exact: true }).click();
    await page.getByRole('dialog').waitFor();
  };
  const send = async (page: Page, reason: string): Promise<void> => {
    await page.getByLabel('Reason, for the audit log').fill(reason);
    await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
  };

  test('show since when, why and what was saved; each is resolved as completed, failed or released', async () => {
    const namespace = freshNamespace();
    for (const key of ['a-done', 'b-failed']) await loseTrack(scene, { namespace, key });
    await letLapse(scene, { namespace, key: 'c-again' });
    await using console = await scene.open(pathTo('/orphans', { namespace }));
    const { page } = console;
    await page.getByText('3 orphans, all there are').waitFor();
    await page.getByText('holder unsure').first().waitFor();
    await page.getByText('lease ran out').waitFor();
    await page.getByText('{"step":"charged"}').first().waitFor();

    await resolveRow(page, 'a-done');
    await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
    await page.getByText('Choose what happened.').waitFor();
    await page.getByLabel('It was done').check();
    await page.getByRole('textbox', { name: 'Result' }).fill('{"charge":"ch_1"}');
    await send(page, 'found ch_1');
    await page.getByText('Resolved: the audit log has it.').waitFor();
    await page.getByRole('button', { name: 'Close' }).last().click();

    await resolveRow(page, 'b-failed');
    await page.getByLabel('It was not done, and must not be').check();
    await page.getByLabel('Error code').fill('cancelled');
    await send(page, 'cancelled by support');
    await page.getByText('Resolved: the audit log has it.').waitFor();
    await page.getByRole('button', { name: 'Close' }).last().click();

    await resolveRow(page, 'c-again');
    await page.getByLabel('It was not done: try again').check();
    await send(page, 'the provider has no charge');
    await page.getByText('Resolved: the audit log has it.').waitFor();
    await page.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('No orphans: every outcome is known.').waitFor();

    const { record } = await scene.client.lookup({ namespace, key: 'a-done', includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe('{"charge":"ch_1"}');
    expect(record?.contentType).toBe('application/json');
    expect(await stateOf(scene, { namespace, key: 'b-failed' })).toBe('FAILED');
    expect(await stateOf(scene, { namespace, key: 'c-again' })).toBe('RELEASED');
    const { events } = await scene.admin.listAuditEvents({ namespace });
    expect(events.map(({ reason }) => reason)).toContain('the provider has no charge');
    expect(console.faults).toEqual([]);
  });

  test('many are resolved at once, counted, and those that changed meanwhile are named', async () => {
    const namespace = freshNamespace();
    const keys = ['one', 'two', 'three', 'four'];
    for (const key of keys) await loseTrack(scene, { namespace, key });
    await using console = await scene.open(pathTo('/orphans', { namespace }));
    const { page } = console;
    await page.getByRole('button', { name: 'Choose all 4 orphans' }).click();
    await page.getByRole('button', { name: 'Resolve 4 orphans …' }).click();
    await page.getByLabel('It was not done: try again').check();
    await page.getByLabel('Reason, for the audit log').fill('nothing was charged');
    const failed = { case: 'failed', value: { error: { code: 'x' } } } as const;
    await scene.admin.resolveIntent({ namespace, key: 'two', reason: 'somebody else', resolution: failed });
    await page.getByRole('dialog').getByRole('button', { name: 'Resolve 4 orphans' }).click();
    await page.getByText('3 orphans resolved.').waitFor();
    await page.getByText('1 orphan left as they were:').waitFor();
    await page.getByText('two: Somebody settled it first').waitFor();
    expect(await Promise.all(keys.map(async (key) => stateOf(scene, { namespace, key })))).toEqual([
      'RELEASED',
      'FAILED',
      'RELEASED',
      'RELEASED',
    ]);
    expect(console.faults).toEqual([]);
  });

  test('a decision on many shows how far it is, and stops when told: what was sent counts, the rest stays', async () => {
    const namespace = freshNamespace();
    const keys = Array.from({ length: 9 }, (_, index) => `key-${index}`);
    for (const key of keys) await loseTrack(scene, { namespace, key });
    await using console = await scene.open(pathTo('/orphans', { namespace }));
    const { page } = console;
    let send = (): void => undefined;
    const sent = new Promise<void>((resolve) => (send = resolve));
    await page.route('**/ResolveIntent', async (route) => {
      await sent;
      return route.continue();
    });
    await page.getByRole('button', { name: 'Choose all 9 orphans' }).click();
    await page.getByRole('button', { name: 'Resolve 9 orphans …' }).click();
    await page.getByLabel('It was not done: try again').check();
    await page.getByLabel('Reason, for the audit log').fill('nothing was charged');
    await page.getByRole('dialog').getByRole('button', { name: 'Resolve 9 orphans' }).click();
    await page.getByText('0 of 9 orphans').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    send();
    await page.getByText('4 orphans resolved.').waitFor();
    await page.getByRole('button', { name: 'Close' }).last().click();
    await page.getByText('5 orphans, all there are').waitFor();
    const states = await Promise.all(keys.map(async (key) => stateOf(scene, { namespace, key })));
    expect(states.filter((state) => state === 'RELEASED').length).toBe(4);
    expect(console.faults).toEqual([]);
  });

  test('the oldest are taken under a lease, and resolved by whoever took them', async () => {
    const namespace = freshNamespace();
    await loseTrack(scene, { namespace, key: 'taken' });
    await using console = await scene.open(pathTo('/orphans', { namespace }));
    const { page } = console;
    await page.getByRole('button', { name: 'Take …' }).click();
    await page.getByRole('button', { name: 'Take 1 orphan' }).click();
    await page.getByText('1 orphan taken by you').waitFor();
    await page.getByText(/^yours for \d/).waitFor();
    const { record } = await scene.client.lookup({ namespace, key: 'taken' });
    expect(record?.owner).toBe('console: anonymous');
    await resolveRow(page, 'taken');
    await page.getByLabel('It was done').check();
    await page.getByLabel(/A holder has a live lease/).check();
    await send(page, 'found the charge');
    await page.getByText('Resolved: the audit log has it.').waitFor();
    expect(await stateOf(scene, { namespace, key: 'taken' })).toBe('COMPLETED');
    expect(console.faults).toEqual([]);
  });

  test('two operators on one orphan: one wins, the other is told and has changed nothing', async () => {
    const id = { namespace: freshNamespace(), key: 'wanted' };
    await loseTrack(scene, id);
    await using first = await scene.open(pathTo('/intent', id));
    await using second = await scene.open(pathTo('/orphans', { namespace: id.namespace }));
    await first.page.getByRole('button', { name: 'Resolve …' }).click();
    await first.page.getByLabel('It was done').check();
    await resolveRow(second.page, id.key);
    await second.page.getByLabel('It was not done, and must not be').check();
    await second.page.getByLabel('Error code').fill('never');
    await send(first.page, 'first');
    await first.page.getByText('Resolved: the audit log has it.').waitFor();
    await send(second.page, 'second');
    await second.page.getByText('Somebody settled it first').waitFor();
    await second.page.getByText('The outcome is final and nothing overwrites it. Look at it again.').waitFor();
    await second.page.getByRole('button', { name: 'Look again' }).last().click();
    await second.page.getByText('No orphans: every outcome is known.').waitFor();
    expect(await stateOf(scene, id)).toBe('COMPLETED');
    expect([...first.faults, ...second.faults]).toEqual([]);
  });
});
