// A client that asks for more at once than the server does: it narrows its window until nothing is refused, and every call
// is answered in the end.

import { expect, test } from 'vitest';
import { createClient } from '../../clients/node/index.ts';
import { createSessionWindow } from '../../clients/node/wire/session-window.ts';
import { narrowStore } from '../support/narrow-store.ts';
import { createMemoryStore } from '../../storage/memory/store.ts';
import { startTestServer } from '../support/server.ts';

test('thousands of begins at once on a slow store are all answered, though some were refused on the way', async () => {
  const store = narrowStore(createMemoryStore(), { atATime: 4, verbMs: 5 });
  await using server = await startTestServer({ store });
  const codes = new Map<string, number>();
  const client = createClient({
    address: server.address,
    transport: 'session',
    onCall: () => (end) => void codes.set(end.reason, (codes.get(end.reason) ?? 0) + 1),
  });
  try {
    const begins = Array.from({ length: 3000 }, async (_, index) =>
      client.begin({ namespace: 'busy', key: `k-${index}` }, { timeoutMs: 60_000 }),
    );
    const answers = await Promise.all(begins);
    expect(answers.every(({ kind }) => kind === 'acquired')).toBe(true);
    console.log(`tries by how they ended: ${JSON.stringify([...codes])}`);
  } finally {
    client.close();
  }
});

test('the window halves once for the refusals of one moment, never below its least, and widens with answers', async () => {
  const window = createSessionWindow(1024);
  for (let refusal = 0; refusal < 500; refusal += 1) window.refused(800);
  expect(window.size).toBe(400);
  await new Promise((resolve) => setTimeout(resolve, 150));
  window.refused(10);
  expect(window.size).toBe(16);
  for (let round = 0; round < 10; round += 1) window.answered(window.size);
  expect(window.size).toBeGreaterThan(24);
  window.answered(10_000_000);
  expect(window.size).toBeLessThanOrEqual(1024);
});
