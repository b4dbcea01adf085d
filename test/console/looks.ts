// What there is to look at in the console: every page, with something in it and with nothing, and what opens over it.

import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { FailKind } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { begin, complete, letLapse, loseTrack, utf8 } from './records.ts';
import { pathTo, type Scene } from './scene.ts';

export const DESK = { width: 1360, height: 860 };
const LONG = { width: 1360, height: 1420 };
const PHONE = { width: 390, height: 780 };

export interface Look {
  readonly name: string;
  readonly path: string;
  /** Something that stands there once the page is done. */
  readonly shows: string;
  /** Opens what is to be looked at. */
  readonly open?: (page: Page, calls: Scene) => Promise<void>;
  readonly size?: typeof DESK;
}

const namespace = 'payments/charge';
const key = 'order-2026-11-25-000017';
const other = 'payments/refund';

/** Enough of the overview's polls for lines in its charts. */
async function begun(page: Page, calls: Scene): Promise<void> {
  const note = page.getByRole('region', { name: 'Begins a second' }).locator('.tile-note');
  for (let round = 0; round < 4; round += 1) {
    const before = await note.textContent();
    for (let index = 0; index < 5 + 5 * round; index += 1) {
      const id = { namespace: other, key: `refund-${round}-${index}` };
      if (index % 3 === 0) await calls.client.beginIntent({ ...id, attemptId: randomUUID() });
      else await complete(calls, { namespace: other, key: randomUUID() }, utf8('{}'));
    }
    await expect.poll(async () => note.textContent(), { timeout: 30_000 }).not.toBe(before);
  }
}

export const LOOKS: readonly Look[] = [
  { name: 'overview', path: '/', shows: 'Begins a second', size: LONG, open: begun },
  { name: 'overview-narrow', path: '/', shows: 'Begins a second', size: PHONE },
  { name: 'find', path: pathTo('/find', { namespace }), shows: 'all there are' },
  { name: 'find-narrow', path: pathTo('/find', { namespace }), shows: 'all there are', size: PHONE },
  { name: 'find-nothing', path: pathTo('/find', { namespace, prefix: 'none' }), shows: 'No record matches.' },
  { name: 'intent', path: pathTo('/intent', { namespace, key }), shows: 'Labels of the outcome' },
  { name: 'intent-narrow', path: pathTo('/intent', { namespace, key }), shows: 'Labels of the outcome', size: PHONE },
  {
    name: 'intent-held',
    path: pathTo('/intent', { namespace, key: 'held-1' }),
    shows: 'Lease runs out in',
    async open(page) {
      await page.getByRole('button', { name: 'Link …' }).first().click();
      await page.getByLabel('Link template').fill('traces.example');
      await page.getByText('write {value} where').waitFor();
    },
  },
  {
    name: 'intent-hex',
    path: pathTo('/intent', { namespace, key }),
    shows: 'Labels of the outcome',
    async open(page) {
      await page.getByRole('tab', { name: 'Hex' }).click();
      await page.getByText('00000000').waitFor();
    },
  },
  { name: 'intent-failed', path: pathTo('/intent', { namespace, key: 'declined-1' }), shows: 'The card was declined.' },
  { name: 'intent-lost', path: pathTo('/intent', { namespace, key: 'unsure-1' }), shows: 'Checkpoint' },
  {
    name: 'intent-missing',
    path: pathTo('/intent', { namespace, key: 'no' }),
    shows: 'There is no record of this key',
  },
  {
    name: 'resolve',
    path: pathTo('/intent', { namespace, key: 'unsure-1' }),
    shows: 'Checkpoint',
    async open(page) {
      await page.getByRole('button', { name: 'Resolve …' }).click();
      await page.getByLabel('It was done').check();
      await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
      await page.getByText('A reason is required').waitFor();
    },
  },
  { name: 'orphans', path: pathTo('/orphans', { namespace }), shows: 'all there are' },
  { name: 'orphans-narrow', path: pathTo('/orphans', { namespace }), shows: 'all there are', size: PHONE },
  {
    name: 'orphans-many',
    path: pathTo('/orphans', { namespace }),
    shows: 'all there are',
    async open(page) {
      await page.getByRole('button', { name: 'Choose all 3 orphans' }).click();
      await page.getByRole('button', { name: 'Resolve 3 orphans …' }).click();
      await page.getByLabel('It was not done, and must not be').check();
    },
  },
  {
    name: 'orphans-taken',
    path: pathTo('/orphans', { namespace: other }),
    shows: 'Take …',
    async open(page, calls) {
      await loseTrack(calls, { namespace: other, key: `taken-${randomUUID()}` });
      await page.getByRole('button', { name: 'Take …' }).click();
      await page.getByRole('button', { name: 'Take 1 orphan' }).click();
      await page
        .getByText(/^yours for \d/)
        .first()
        .waitFor();
    },
  },
  { name: 'orphans-none', path: pathTo('/orphans', { namespace: 'refunds' }), shows: 'No orphans' },
  { name: 'namespaces', path: pathTo('/namespaces', { namespace }), shows: 'in effect', size: LONG },
  { name: 'namespaces-narrow', path: pathTo('/namespaces', { namespace }), shows: 'in effect', size: PHONE },
  {
    name: 'namespace-edit',
    path: pathTo('/namespaces', { namespace }),
    shows: 'in effect',
    async open(page) {
      await page.getByRole('button', { name: 'Edit' }).click();
      await page.getByLabel('lease', { exact: true }).fill('10s');
      await page.getByRole('button', { name: 'Review changes …' }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
  { name: 'tail-empty', path: '/tail', shows: 'Nothing yet: call it.' },
  {
    name: 'tail',
    path: '/tail',
    shows: 'Nothing yet: call it.',
    async open(page, calls) {
      await complete(calls, { namespace: other, key: randomUUID() }, utf8('{}'));
      await calls.client.beginIntent({ namespace: 'NOT-ALLOWED', key: 'k', attemptId: 'a' }).catch(() => undefined);
      await calls.client.lookup({ namespace: other, key: 'never-begun' }).catch(() => undefined);
      await page.getByRole('link', { name: 'never-begun' }).waitFor();
    },
  },
  {
    name: 'audit',
    path: '/audit',
    shows: 'Verify the chain',
    async open(page) {
      await page.getByRole('button', { name: 'Verify the chain' }).click();
      await page.getByText(/unbroken/).waitFor();
    },
  },
  { name: 'audit-narrow', path: '/audit', shows: 'all there are', size: PHONE },
  { name: 'audit-nothing', path: pathTo('/audit', { actor: 'nobody' }), shows: 'No event matches.' },
  {
    name: 'audit-event',
    path: '/audit',
    shows: 'all there are',
    async open(page) {
      await page
        .getByRole('button', { name: /^Event / })
        .first()
        .click();
      await page.getByRole('dialog').getByText('request id').waitFor();
    },
  },
  {
    name: 'purge',
    path: pathTo('/purge', { namespace }),
    shows: 'Count what matches',
    async open(page) {
      await page.getByRole('button', { name: 'Count what matches' }).click();
      await page.getByRole('form', { name: 'Confirm' }).waitFor();
    },
  },
  {
    name: 'purge-done',
    path: pathTo('/purge', { namespace: other, prefix: 'refund-' }),
    shows: 'Count what matches',
    size: PHONE,
    async open(page, calls) {
      await begin(calls, { namespace: other, key: `refund-held-${randomUUID()}` });
      await page.getByRole('button', { name: 'Count what matches' }).click();
      await page.getByLabel('Reason, for the audit log').fill('end of the test');
      const count = page.getByLabel(/^Type \d+ to remove them/);
      const [, digits = ''] =
        /(\d+)/.exec((await page.getByText(/^Type \d+ to remove them/).textContent()) ?? '') ?? [];
      await count.fill(digits);
      await page.getByRole('button', { name: /^Remove / }).click();
      await page.getByText(/left because/).waitFor();
    },
  },
  {
    name: 'purge-refused',
    path: pathTo('/purge', { namespace: 'NOT-ALLOWED' }),
    shows: 'Count what matches',
    async open(page) {
      await page.getByText('A value was refused').waitFor();
    },
  },
  {
    name: 'help',
    path: '/purge',
    shows: 'Count what matches',
    async open(page) {
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
  {
    name: 'unreachable',
    path: '/',
    shows: 'Begins a second',
    async open(page) {
      await page.route('**/onced.v1.*/**', async (route) => route.abort('connectionrefused'));
      await page.getByText('The server cannot be reached').waitFor();
      await page.unrouteAll();
    },
  },
  { name: 'nowhere', path: '/nowhere', shows: 'The console has no such page.' },
];

/** As a shop on a bad day. */
export async function furnish(calls: Scene): Promise<void> {
  for (let index = 1; index <= 40; index += 1) {
    const id = { namespace, key: `order-2026-11-24-${String(index).padStart(6, '0')}` };
    await complete(calls, id, utf8(JSON.stringify({ charge: `ch_${index}`, amount: 1999 })), 'application/json');
  }
  const holder = await begin(calls, { namespace, key }, { owner: 'checkout-7f9c/worker-3', labels: LABELS });
  const result = utf8(
    JSON.stringify({ charge: 'ch_17', amount: 1999, currency: 'EUR', lines: [{ sku: 'A-1', n: 2 }] }),
  );
  await calls.client.complete({ ...holder, result, contentType: 'application/json', labels: { provider: 'acme' } });
  for (const name of ['unsure-1', 'unsure-2']) await loseTrack(calls, { namespace, key: name });
  await letLapse(calls, { namespace, key: 'lapsed-1' });
  await begin(calls, { namespace, key: 'held-1' }, { leaseMs: 600_000, labels: LABELS });
  const failing = await begin(calls, { namespace, key: 'declined-1' });
  const error = { code: 'card_declined', message: 'The card was declined.' };
  await calls.client.fail({ ...failing, kind: FailKind.FINAL, error });
  await calls.admin.putNamespace({
    namespace: 'payments',
    policy: { maxAttempts: 3 },
    reason: 'three tries are enough',
  });
}

const LABELS = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', order: '17' };
