// AdminService on records: find, show, count, remove, resolve and export, the same whichever store is asked.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import type { ClientReadableStream } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import {
  ExportRecordsRequestSchema,
  PurgeRecordsRequestSchema,
  type ExportRecordsResponse,
  type PurgeRecordsResponse,
  type RecordFilterSchema,
} from '../../../proto/gen/onced/v1/admin_pb.js';
import { FailKind } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../../proto/gen/onced/v1/record_pb.js';
import type { Managed, OpenManaged } from '../managed.ts';
import { bytes, ms, refusal } from '../scene.ts';

type Filter = MessageInitShape<typeof RecordFilterSchema>;

const HOUR_MS = 3_600_000;
const [COMPLETED, FAILED, RELEASED, UNKNOWN] = [
  IntentState.COMPLETED,
  IntentState.FAILED,
  IntentState.RELEASED,
  IntentState.UNKNOWN,
];

/** One key in each state; all but the live one an hour old. */
async function fill(scene: Managed): Promise<void> {
  const { client } = scene;
  const begun = async (key: string, owner = 'worker-1') => scene.holder(await scene.acquire({ key, owner }), key);
  await client.complete({ ...(await begun('pay-done')), result: bytes('receipt') });
  await client.fail({ ...(await begun('pay-failed')), kind: FailKind.FINAL, error: { code: 'declined' } });
  await client.fail({ ...(await begun('ship-released')), kind: FailKind.RETRYABLE, error: { code: 'busy' } });
  const unknown = await begun('ship-unknown', 'worker-2');
  await client.checkpoint({ ...unknown, data: bytes('charge-77') });
  await client.fail({ ...unknown, kind: FailKind.UNKNOWN });
  await begun('ship-orphan');
  scene.advance(HOUR_MS);
  await scene.acquire({ key: 'pay-live', lease: ms(HOUR_MS) });
}

async function streamed<Answer>({ admin }: Managed, method: string, request: object): Promise<readonly Answer[]> {
  const raw = admin.raw as unknown as Record<string, (request: object) => ClientReadableStream<Answer>>;
  const answers: Answer[] = [];
  for await (const answer of raw[method]?.bind(raw)(request) ?? []) answers.push(answer as Answer);
  return answers;
}

const purge = async (scene: Managed, filter: Filter, more: object = {}): Promise<PurgeRecordsResponse> => {
  const request = create(PurgeRecordsRequestSchema, {
    filter: { namespace: scene.namespace, ...filter },
    reason: 'test',
    ...more,
  });
  const answers = await streamed<PurgeRecordsResponse>(scene, 'purgeRecords', request);
  return answers.at(-1) ?? expect.fail('no answer');
};

async function keysOf({ admin, namespace }: Managed, filter: Filter = {}): Promise<readonly string[]> {
  const keys: string[] = [];
  let pageToken = '';
  do {
    const page = await admin.listRecords({ filter: { namespace, ...filter }, pageSize: 2, pageToken });
    keys.push(...page.records.map(({ summary }) => summary?.key ?? ''));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return keys.toSorted();
}

export function adminFeatures(openManaged: OpenManaged): void {
  test('records are listed by state, prefix, owner, age and key, a page at a time', async () => {
    await using scene = await openManaged();
    await fill(scene);
    const all = ['pay-done', 'pay-failed', 'pay-live', 'ship-orphan', 'ship-released', 'ship-unknown'];
    expect(await keysOf(scene)).toEqual(all);
    expect(await keysOf(scene, { states: [COMPLETED, FAILED] })).toEqual(['pay-done', 'pay-failed']);
    expect(await keysOf(scene, { states: [IntentState.ORPHANED] })).toEqual(['ship-orphan']);
    expect(await keysOf(scene, { states: [IntentState.IN_PROGRESS] })).toEqual(['pay-live']);
    expect(await keysOf(scene, { states: [RELEASED, UNKNOWN] })).toEqual(['ship-released', 'ship-unknown']);
    expect(await keysOf(scene, { keyPrefix: 'ship-' })).toEqual(['ship-orphan', 'ship-released', 'ship-unknown']);
    expect(await keysOf(scene, { owner: 'worker-2' })).toEqual(['ship-unknown']);
    expect(await keysOf(scene, { ageMin: ms(HOUR_MS / 2) })).toEqual(all.filter((key) => key !== 'pay-live'));
    expect(await keysOf(scene, { key: 'pay-done' })).toEqual(['pay-done']);
  });

  test('one record is shown whole, and all are exported with their payloads or without', async () => {
    await using scene = await openManaged();
    await fill(scene);
    const { namespace, admin } = scene;
    const { record } = await admin.getRecord({ namespace, key: 'pay-done', includeResult: true });
    expect(Buffer.from(record?.result ?? []).toString()).toBe('receipt');
    expect((await refusal(admin.getRecord({ namespace, key: 'none' }))).reason).toBe('INTENT_NOT_FOUND');
    for (const includePayloads of [true, false]) {
      const request = create(ExportRecordsRequestSchema, { filter: { namespace }, includePayloads });
      const answers = await streamed<ExportRecordsResponse>(scene, 'exportRecords', request);
      const records = answers.flatMap((answer) => answer.records);
      expect(records.map(({ summary }) => summary?.key ?? '').toSorted()).toEqual(await keysOf(scene));
      const found = (key: string) => records.find(({ summary }) => summary?.key === key);
      expect(Buffer.from(found('pay-done')?.result ?? []).toString()).toBe(includePayloads ? 'receipt' : '');
      expect(Buffer.from(found('ship-unknown')?.checkpoint ?? []).toString()).toBe(includePayloads ? 'charge-77' : '');
    }
  });

  test('a purge counts, keeps to what was expected, and takes a live lease only by force', async () => {
    await using scene = await openManaged();
    await fill(scene);
    expect(await purge(scene, {}, { dryRun: true })).toMatchObject({ matched: 6n, removed: 0n, done: true });
    await expect(purge(scene, {}, { expectedCount: 5n })).rejects.toThrow('6 records match');
    expect(await keysOf(scene)).toHaveLength(6);
    expect(await purge(scene, { states: [COMPLETED] })).toMatchObject({ removed: 1n, kept: 0n, done: true });
    expect(await purge(scene, {}, { expectedCount: 5n })).toMatchObject({ matched: 5n, removed: 4n, kept: 1n });
    expect(await keysOf(scene)).toEqual(['pay-live']);
    expect(await purge(scene, {}, { force: true })).toMatchObject({ removed: 1n, kept: 0n });
    expect(await keysOf(scene)).toEqual([]);
  });

  test('an operator resolves what is stuck, once, and a live lease only by force', async () => {
    await using scene = await openManaged();
    await fill(scene);
    const { namespace, admin } = scene;
    const resolve = async (key: string, resolution: object, force = false) =>
      admin.resolveIntent({ namespace, key, reason: 'test', force, resolution: resolution as never });
    const completed = { case: 'completed', value: { result: bytes('found') } };
    await resolve('ship-unknown', completed);
    await resolve('ship-orphan', { case: 'failed', value: { error: { code: 'gone' } } });
    expect((await refusal(resolve('pay-live', completed))).reason).toBe('EXPECTATION_FAILED');
    await resolve('pay-live', { case: 'released', value: {} }, true);
    const other = { case: 'completed', value: { result: bytes('other') } };
    expect((await refusal(resolve('ship-unknown', other))).reason).toBe('ALREADY_SETTLED');
    const outcome = async (key: string) => (await scene.begin({ key })).outcome;
    const found = await outcome('ship-unknown');
    expect(found.case === 'completed' && Buffer.from(found.value.result).toString()).toBe('found');
    expect(await outcome('ship-orphan')).toMatchObject({ case: 'failed', value: { error: { code: 'gone' } } });
    expect((await outcome('pay-live')).case).toBe('acquired');
  });

  test('figures tell what there is, and compaction removes what is past its time', async () => {
    await using scene = await openManaged({ policy: { lateRetryGrace: ms(0), ttl: ms(2 * HOUR_MS) } });
    await fill(scene);
    const { namespace, admin } = scene;
    const stats = await admin.getStats({ namespace });
    const counts = stats.records.map(({ state, records }) => [IntentState[state], records]);
    expect(Object.fromEntries(counts)).toMatchObject({ COMPLETED: 1n, FAILED: 1n, RELEASED: 1n, UNKNOWN: 1n });
    expect(stats.orphans).toBe(2n);
    scene.advance(24 * HOUR_MS);
    // What nobody knows is held for longer.
    const left = async () => {
      await admin.runCompaction({});
      return keysOf(scene, { includeExpired: true });
    };
    await expect.poll(left, { timeout: 30_000 }).toEqual(['ship-unknown']);
  });
}
