// What operators change in the console: policies, purges; and where that is written, the audit log.

import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ListAuditEventsResponseSchema } from '../../proto/gen/onced/v1/admin_pb.js';
import { framed } from '../fuzz/wire.ts';
import { begin, complete, utf8 } from './records.ts';
import { describeOnEachStore, freshNamespace, pathTo, type Scene } from './scene.ts';

describeOnEachStore('operating', (open) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await open();
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  test('a policy shows where each value comes from, is edited with its difference shown, and removed', async () => {
    const parent = freshNamespace();
    const namespace = `${parent}/charge`;
    await scene.admin.putNamespace({ namespace: parent, policy: { maxAttempts: 3 }, reason: 'scene' });
    await using console = await scene.open(pathTo('/namespaces', { namespace }));
    const { page } = console;
    const valueOf = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) });
    await valueOf('max_attempts').getByRole('link', { name: parent }).waitFor();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('lease', { exact: true }).fill('soon');
    await page.getByText('write it as 30s, 10m, 2h or 7d').waitFor();
    await page.getByLabel('lease', { exact: true }).fill('10s');
    await page.getByLabel('on_lease_expiry').selectOption('HOLD');
    await page.getByRole('button', { name: 'Review changes …' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('row', { name: 'lease inherited 10s' }).waitFor();
    await dialog.getByRole('row', { name: 'on_lease_expiry inherited HOLD' }).waitFor();
    expect(await dialog.getByRole('row').count()).toBe(3);
    await dialog.getByLabel('Reason, for the audit log').fill('short calls');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await valueOf('lease').getByText('here').waitFor();
    await valueOf('lease').getByText('10s').waitFor();

    await page.getByRole('button', { name: 'Remove …' }).click();
    await page.getByLabel('Reason, for the audit log').fill('not needed');
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('no policy of its own').waitFor();
    await valueOf('lease').getByText('default').waitFor();
    expect(console.faults).toEqual([]);
  });

  test('the tree leads to each namespace and to those above it, and says which have a policy', async () => {
    const parent = freshNamespace();
    const child = `${parent}/charge`;
    await scene.admin.putNamespace({ namespace: parent, policy: { maxAttempts: 3 }, reason: 'scene' });
    await complete(scene, { namespace: child, key: 'order-1' }, utf8('x'));
    await using console = await scene.open('/namespaces');
    const { page } = console;
    const tree = page.getByRole('navigation', { name: 'Namespaces' });
    const entryOf = (namespace: string) => tree.locator(`li:has(a[href$="${encodeURIComponent(namespace)}"])`);
    await entryOf(parent).getByText('policy').waitFor();
    await entryOf(child).getByRole('link', { name: 'charge' }).click();
    await page.getByRole('region', { name: child }).getByText('no policy of its own').waitFor();
    await entryOf('console').getByRole('link', { name: 'console' }).click();
    await page.getByRole('region', { name: 'console', exact: true }).waitFor();
    expect(await entryOf(child).getByText('policy').count()).toBe(0);
    expect(console.faults).toEqual([]);
  });

  test('a policy that somebody else changed meanwhile, and one that the server refuses, are told', async () => {
    const namespace = freshNamespace();
    await using console = await scene.open(pathTo('/namespaces', { namespace }));
    const { page } = console;
    const save = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Review changes …' }).click();
      await page.getByLabel('Reason, for the audit log').fill('a test');
      await page.getByRole('button', { name: 'Save' }).click();
    };
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByLabel('lease', { exact: true }).fill('48h');
    await save();
    await page.getByText('A value was refused').waitFor();
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByLabel('lease', { exact: true }).fill('5s');
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 9 }, reason: 'faster' });
    await save();
    await page.getByText('It has changed since you looked').waitFor();
    const { namespace: info } = await scene.admin.getNamespace({ namespace });
    expect([info?.policy?.maxAttempts, info?.policy?.lease]).toEqual([9, undefined]);
    expect(console.faults).toEqual([]);
  });

  test('a purge counts, wants the count typed and a reason, and leaves live leases', async () => {
    const namespace = freshNamespace();
    for (let index = 0; index < 30; index += 1) await complete(scene, { namespace, key: `old-${index}` }, utf8('x'));
    await begin(scene, { namespace, key: 'old-held' });
    await complete(scene, { namespace, key: 'kept' }, utf8('x'));
    await using console = await scene.open(pathTo('/purge', { namespace }));
    const { page } = console;
    await page.getByRole('textbox', { name: 'Key' }).fill('old-');
    await page.getByRole('button', { name: 'Count what matches' }).click();
    await page.getByRole('heading', { name: '31 records match' }).waitFor();
    const remove = page.getByRole('button', { name: 'Remove 31 records' });
    await page.getByLabel('Type 31 to remove them').fill('30');
    await page.getByLabel('Reason, for the audit log').fill('end of the test');
    expect(await remove.isDisabled()).toBe(true);
    await page.getByLabel('Type 31 to remove them').fill('31');
    await remove.click();
    await page.getByText('30 records removed, 1 left because they have a live lease').waitFor();
    const { records } = await scene.admin.listRecords({ filter: { namespace } });
    expect(new Set(records.map(({ summary }) => summary?.key))).toEqual(new Set(['kept', 'old-held']));
    expect(console.faults).toEqual([]);
  });

  test('a purge shows how far it is and stops when told: what it removed is gone, the rest stays', async () => {
    const namespace = freshNamespace();
    const count = 4000;
    for (let start = 0; start < count; start += 200) {
      const keys = Array.from({ length: 200 }, (_, index) => `order-${start + index}`);
      await Promise.all(keys.map(async (key) => begin(scene, { namespace, key })));
    }
    await using console = await scene.open(pathTo('/purge', { namespace }));
    const { page } = console;
    const counted = async (): Promise<number> => {
      await page.getByRole('button', { name: 'Count what matches' }).click();
      const heading = page.getByRole('heading', { name: /^[\d,]+ records match$/ });
      return Number.parseInt(((await heading.textContent()) ?? '').replaceAll(',', ''), 10);
    };
    expect(await counted()).toBe(count);
    await page.getByLabel('Reason, for the audit log').fill('end of the test');
    await page.getByLabel('Also those with a live lease').check();
    await page.getByLabel('Type 4000 to remove them').fill('4000');
    await page.getByRole('button', { name: 'Remove 4,000 records' }).click();
    await page.getByText(/^Removed [1-9][\d,]* of [\d,]+ records looked at$/).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('heading', { name: 'Stopped' }).waitFor();
    await page.getByText('What is removed stays removed; count again to go on.').waitFor();
    const left = await counted();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(count);
    expect(console.faults).toEqual([]);
  });

  test('a purge of more than was counted is refused, and another selection is counted anew', async () => {
    const namespace = freshNamespace();
    await complete(scene, { namespace, key: 'a-1' }, utf8('x'));
    await using console = await scene.open(pathTo('/purge', { namespace }));
    const { page } = console;
    await page.getByRole('button', { name: 'Count what matches' }).click();
    await page.getByRole('heading', { name: '1 record matches' }).waitFor();
    await complete(scene, { namespace, key: 'a-2' }, utf8('x'));
    await page.getByLabel('Reason, for the audit log').fill('a test');
    await page.getByLabel('Type 1 to remove them').fill('1');
    await page.getByRole('button', { name: 'Remove 1 record' }).click();
    await page.getByText('It has changed since you looked').waitFor();
    await page.getByRole('textbox', { name: 'Key' }).fill('nothing-so');
    await page.getByRole('button', { name: 'Count what matches' }).click();
    await page.getByText('Nothing matches.').waitFor();
    const { records } = await scene.admin.listRecords({ filter: { namespace } });
    expect(records.length).toBe(2);
    expect(console.faults).toEqual([]);
  });

  test('the audit log shows who did what and why, each event whole, and its chain is verified', async () => {
    const namespace = freshNamespace();
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 7 }, reason: 'seven is enough' });
    await using console = await scene.open('/audit');
    const { page } = console;
    const row = page.getByRole('row', { name: new RegExp(`PutNamespace.done ${namespace}`) });
    await row.getByText('seven is enough').waitFor();
    await row.getByRole('button').click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('maxAttempts').waitFor();
    await dialog.getByText(namespace).first().waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(/events, unbroken; the newest hash is/).waitFor();
    await page.getByLabel('Who').fill('nobody');
    await page.getByText('No event matches.').waitFor();
    expect(console.faults).toEqual([]);
  });

  test('an event that was changed on its way from the log breaks the chain, and the page says at which', async () => {
    const namespace = freshNamespace();
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 7 }, reason: 'the true reason' });
    const { events } = await scene.admin.listAuditEvents({ namespace });
    await using console = await scene.open('/audit');
    const { page } = console;
    await page.route('**/ListAuditEvents', async (route) => {
      const response = await route.fetch();
      const body = (await response.body()).toString('latin1').replaceAll('the true reason', 'some new reason');
      return route.fulfill({ response, body: Buffer.from(body, 'latin1') });
    });
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(`The chain is broken at event ${String(events[0]?.sequence)}`).waitFor();
    expect(console.faults).toEqual([]);
  });

  test('the newest event that is missing breaks the chain too', async () => {
    const namespace = freshNamespace();
    await scene.admin.putNamespace({ namespace, policy: { maxAttempts: 7 }, reason: 'a test' });
    const { events } = await scene.admin.listAuditEvents({});
    await using console = await scene.open('/audit');
    const { page } = console;
    await page.route('**/ListAuditEvents', async (route) => {
      const response = await route.fetch();
      // gRPC-Web: the message in an envelope, then the trailers in one.
      const body = await response.body();
      const messageEnd = 5 + body.readUInt32BE(1);
      const whole = fromBinary(ListAuditEventsResponseSchema, body.subarray(5, messageEnd));
      const cut = toBinary(ListAuditEventsResponseSchema, { ...whole, events: whole.events.slice(1) });
      return route.fulfill({ response, body: Buffer.concat([framed(cut), body.subarray(messageEnd)]) });
    });
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText(`The chain is broken at event ${String(events[0]?.sequence)}`).waitFor();
    expect(console.faults).toEqual([]);
  });

  test('a tail shows calls as they come, and stands still while paused', async () => {
    const namespace = freshNamespace();
    await using console = await scene.open(pathTo('/tail', { namespace }));
    const { page } = console;
    await page.getByText('Nothing yet: call it.').waitFor();
    await begin(scene, { namespace, key: 'first' }, { owner: 'worker-3' });
    await page.getByRole('row', { name: /BeginIntent acquired first/ }).waitFor();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByText(/^Paused/).waitFor();
    await begin(scene, { namespace, key: 'unseen' });
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByText(/^Following/).waitFor();
    await begin(scene, { namespace, key: 'third' });
    await page.getByRole('link', { name: 'third' }).waitFor();
    expect(await page.getByRole('link', { name: 'unseen' }).count()).toBe(0);
    await page.getByLabel('Only with').fill('worker-3');
    await page.getByText('2 calls seen, 1 shown').waitFor();
    expect(console.faults).toEqual([]);
  });
});
