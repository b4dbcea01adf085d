// The whole server, killed with SIGKILL in the middle of its work, again and again on one file: what a client was told is
// there afterwards, byte for byte, and no key was granted twice.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connect, type TestClient } from '../support/server.ts';
import { makeFolder, serveOnced } from '../support/onced.ts';

/** The long run sets ONCED_KILLS=500. */
const KILLS = Number(process.env['ONCED_KILLS'] ?? 20);
const WORKERS = 32;
const NAMESPACE = 'kill';

interface Ledger {
  /** By key: the token that was granted. */
  readonly granted: Map<string, string>;
  /** By key: the result whose Complete was answered. */
  readonly completed: Map<string, string>;
}

/** Begins and completes fresh keys until the server is gone; every answer is written down. */
async function work(client: TestClient, ledger: Ledger, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const key = randomUUID();
    const begun = await client
      .beginIntent({ namespace: NAMESPACE, key, attemptId: key }, { timeoutMs: 2000 })
      .catch(() => undefined);
    if (begun === undefined) return;
    if (begun.outcome.case !== 'acquired') throw new Error(`a fresh key was ${begun.outcome.case ?? 'nothing'}`);
    const { leaseToken } = begun.outcome.value;
    ledger.granted.set(key, Buffer.from(leaseToken).toString('hex'));
    const result = Buffer.from(`result of ${key}`);
    const call = { namespace: NAMESPACE, key, leaseToken, result };
    const completed = await client.complete(call, { timeoutMs: 2000 }).catch(() => undefined);
    if (completed === undefined) return;
    ledger.completed.set(key, result.toString());
  }
}

/** What was acknowledged and does not stand. */
async function missing(client: TestClient, ledger: Ledger): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [key, token] of ledger.granted) {
    // The same attempt id: a grant that survived gives its own token again, a completed key its result.
    const { outcome } = await client.beginIntent({ namespace: NAMESPACE, key, attemptId: key });
    const result = ledger.completed.get(key);
    const isRight =
      outcome.case === 'completed'
        ? Buffer.from(outcome.value.result).toString() === (result ?? `result of ${key}`)
        : result === undefined &&
          outcome.case === 'acquired' &&
          outcome.value.attempt === 1 &&
          Buffer.from(outcome.value.leaseToken).toString('hex') === token;
    if (!isRight) wrong.push(`${key}: ${outcome.case ?? 'nothing'}`);
  }
  return wrong;
}

test(
  `nothing acknowledged is lost when the server is killed ${KILLS} times under load`,
  async () => {
    await using folder = await makeFolder();
    const store = `sqlite:${folder.path}/onced.db`;
    let acknowledged = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      const ledger: Ledger = { granted: new Map(), completed: new Map() };
      await using killed = await serveOnced(['--store', store, '--log-level', 'error']);
      const client = connect(killed.grpc);
      let isOver = false;
      const workers = Array.from({ length: WORKERS }, async () => work(client, ledger, () => isOver));
      await sleep(50 + Math.random() * 400);
      killed.kill('SIGKILL');
      isOver = true;
      await Promise.all(workers);
      await killed.ended;
      client.raw.close();

      await using again = await serveOnced(['--store', store, '--log-level', 'error']);
      const reader = connect(again.grpc);
      expect(await missing(reader, ledger)).toEqual([]);
      reader.raw.close();
      acknowledged += ledger.granted.size + ledger.completed.size;
    }
    expect(acknowledged).toBeGreaterThan(KILLS * 10);
    console.log(`${KILLS} kills, ${acknowledged} acknowledged answers, 0 lost`);
  },
  KILLS * 15_000,
);
