// Page tokens: each is good for the filter that it was made for, on every server of the store, and none can be made up.

import { expect, test } from 'vitest';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { openManaged, type Managed } from './managed.ts';
import { refusal } from './scene.ts';

const filterOf = ({ namespace }: Managed) => ({
  namespace,
  keyPrefix: 'k',
  owner: 'worker',
  states: [IntentState.IN_PROGRESS],
});

async function firstToken(scene: Managed): Promise<string> {
  for (let index = 0; index < 5; index += 1) await scene.acquire({ key: `k${index}`, owner: 'worker' });
  const page = await scene.admin.listRecords({ filter: filterOf(scene), pageSize: 2 });
  expect(page.records).toHaveLength(2);
  return page.nextPageToken;
}

test('a token goes on where its page ended, on another server of the store too, and under another page size', async () => {
  await using scene = await openManaged({ servers: 2 });
  const pageToken = await firstToken(scene);
  const [, other] = scene.servers;
  const rest = await other?.admin.listRecords({ filter: filterOf(scene), pageSize: 10, pageToken });
  expect(rest?.records).toHaveLength(3);
  expect(rest?.nextPageToken).toBe('');
});

test('a token under any other filter, changed or made up, is refused by name before the store is asked', async () => {
  await using scene = await openManaged();
  const pageToken = await firstToken(scene);
  const filter = filterOf(scene);
  const others = [
    { ...filter, namespace: 'other' },
    { ...filter, keyPrefix: 'k1' },
    { ...filter, owner: 'another' },
    { ...filter, states: [] },
    { ...filter, ageMin: { seconds: 1n, nanos: 0 } },
    { ...filter, includeExpired: true },
  ];
  for (const changed of others) {
    expect((await refusal(scene.admin.listRecords({ filter: changed, pageToken }))).fields).toEqual(['page_token']);
  }
  const bytes = Buffer.from(pageToken, 'base64url');
  const tampered = Buffer.concat([bytes.subarray(0, 32), Buffer.from('elsewhere')]);
  for (const made of [tampered.toString('base64url'), Buffer.alloc(60, 'a').toString('base64url'), 'x', '%%%']) {
    expect((await refusal(scene.admin.listRecords({ filter, pageToken: made }))).fields).toEqual(['page_token']);
  }
});
