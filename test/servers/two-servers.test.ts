// Two `onced serve` on one store are one Onced: whatever was said to the one, the other knows, and when one is killed the
// other goes on. The same sentences for every store; SQLite passes them with its one server.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FailKind, type Completed } from '../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState } from '../../proto/gen/onced/v1/record_pb.js';
import { createClient } from '../../clients/node/index.ts';
import { watch } from '../rpc/managed.ts';
import { bytes, ms, refusal } from '../rpc/scene.ts';
import { describeWith } from '../support/with-package.ts';
import {
  acquiredOf,
  listAll,
  newIntent,
  newNamespace,
  textOf,
  untilOrphaned,
  WAIT,
  waitersOf,
  type Intent,
} from './intents.ts';
import { PLACES, servePeers, type Peer, type Peers, type Place, type PlaceKind } from './places.ts';

const STORE_MS_MAX = 120_000;
const SHORT_LEASE = ms(300);

for (const kind of PLACES) {
  const tests = (): void => checkTwoServers(kind);
  if (kind.needs === undefined) describe(`onced serve on ${kind.name}`, tests);
  else describeWith(kind.needs, `onced serve on ${kind.name}`, tests);
}

function checkTwoServers(kind: PlaceKind): void {
  let place: Place;
  let peers: Peers;
  beforeAll(async () => {
    place = await kind.open();
    peers = await servePeers(kind, place);
  }, STORE_MS_MAX);
  afterAll(async () => {
    await peers.close();
    await place.dispose();
  }, STORE_MS_MAX);

  test('what one began the other completes, and both replay it byte for byte', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lease = await intent.acquire(a);
    const result = randomBytes(100_000);
    const said = { result, contentType: 'application/octet-stream', contentEncoding: 'none', labels: { Ä: 'ü' } };
    await b.client.complete({ ...intent.holder(lease), ...said });
    const replays = [await intent.completed(a), await intent.completed(b)];
    for (const replay of replays) {
      expect(replay).toMatchObject({ contentType: said.contentType, contentEncoding: 'none', labels: said.labels });
      expect(Buffer.from(replay.result).equals(result)).toBe(true);
    }
    const [seen, seenByOther] = replays.map(({ completeTime, expireTime }) => ({ completeTime, expireTime }));
    expect(seen).toEqual(seenByOther);
  });

  test('an empty result is a result on both', async () => {
    const intent = newIntent();
    const lease = await intent.acquire(peers.a);
    await peers.b.client.complete(intent.holder(lease));
    expect((await intent.completed(peers.a)).result).toHaveLength(0);
  });

  test('a begin that is repeated on the other has its own lease again, never "in progress" by itself', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const first = await intent.acquire(a, { attemptId: 'mine' });
    const again = await intent.acquire(b, { attemptId: 'mine' });
    expect(again).toMatchObject({ attempt: 1, fencingToken: first.fencingToken, leaseToken: first.leaseToken });
    expect((await intent.begin(b)).outcome.case).toBe('inProgress');
  });

  test('settling is repeated on the other: the same content is fine, other content is refused', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const holder = intent.holder(await intent.acquire(a));
    expect(await a.client.complete({ ...holder, result: bytes('paid') })).toMatchObject({ alreadyApplied: false });
    expect(await b.client.complete({ ...holder, result: bytes('paid') })).toMatchObject({ alreadyApplied: true });
    expect((await refusal(b.client.complete({ ...holder, result: bytes('other') }))).reason).toBe('ALREADY_SETTLED');
    expect((await refusal(b.client.renew({ ...holder, lease: WAIT }))).reason).toBe('ALREADY_SETTLED');
  });

  test('a lapsed lease is taken over through the other, and the old token is refused on both', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lost = await intent.acquire(a, { lease: SHORT_LEASE });
    await a.client.checkpoint({ ...intent.holder(lost), data: bytes('charge-77'), lease: SHORT_LEASE });
    const successor = await intent.acquire(b, { wait: WAIT });
    expect(successor).toMatchObject({ takenOver: true, attempt: 2 });
    expect(Buffer.from(successor.checkpoint ?? []).toString()).toBe('charge-77');
    expect(successor.fencingToken).toBeGreaterThan(lost.fencingToken);
    for (const { client } of [a, b]) {
      const stale = intent.holder(lost);
      const refusals = await Promise.all([
        refusal(client.complete({ ...stale, result: bytes('late') })),
        refusal(client.fail({ ...stale, kind: FailKind.FINAL, error: { code: 'LATE' } })),
        refusal(client.renew({ ...stale, lease: WAIT })),
        refusal(client.checkpoint({ ...stale, data: bytes('late') })),
      ]);
      expect(refusals.map(({ reason }) => reason)).toEqual(Array.from({ length: 4 }, () => 'LEASE_LOST'));
    }
    await a.client.complete({ ...intent.holder(successor), result: bytes('second') });
    expect(textOf(await intent.completed(b))).toBe('second');
  });

  test('a late holder whom nobody replaced keeps its work, on either', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const late = await intent.acquire(a, { lease: ms(100) });
    await untilOrphaned(b, intent.id);
    await b.client.complete({ ...intent.holder(late), result: bytes('late') });
    expect(textOf(await intent.completed(a))).toBe('late');
  });

  test('another request under the same key is refused by the other, in flight and when done', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const mine = { fingerprints: [{ scheme: 'jcs-sha256-v1', digest: bytes('mine') }] };
    const other = { fingerprints: [{ scheme: 'jcs-sha256-v1', digest: bytes('other') }] };
    const lease = await intent.acquire(a, mine);
    expect((await refusal(intent.begin(b, { ...other, wait: WAIT }))).reason).toBe('KEY_REUSED');
    await a.client.complete({ ...intent.holder(lease), result: bytes('mine alone') });
    expect((await refusal(intent.begin(b, other))).reason).toBe('KEY_REUSED');
    expect((await intent.begin(b, mine)).outcome.case).toBe('completed');
  });

  test('who waits on the other is answered by the outcome, all of them', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lease = await intent.acquire(a);
    const waiting = Array.from({ length: 5 }, () => intent.completed(b, { wait: WAIT }));
    await expect.poll(() => waitersOf(b), { timeout: 30_000 }).toBe(5);
    await a.client.complete({ ...intent.holder(lease), result: bytes('for all') });
    expect((await Promise.all(waiting)).map(textOf)).toEqual(Array.from({ length: 5 }, () => 'for all'));
  });

  test('a release wakes one who waits on the other, with the error and the checkpoint', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lease = await intent.acquire(a);
    await a.client.checkpoint({ ...intent.holder(lease), data: bytes('step 1') });
    const waiting = [intent.begin(b, { wait: WAIT }), intent.begin(b, { wait: WAIT })];
    await expect.poll(() => waitersOf(b), { timeout: 30_000 }).toBe(2);
    const error = { code: 'TIMEOUT', message: 'no answer' };
    await a.client.fail({ ...intent.holder(lease), kind: FailKind.RETRYABLE, error });
    const next = acquiredOf(await Promise.race(waiting));
    expect(next).toMatchObject({ attempt: 2, takenOver: false, lastError: error });
    expect(Buffer.from(next.checkpoint ?? []).toString()).toBe('step 1');
    await a.client.complete({ ...intent.holder(next), result: bytes('second') });
    const outcomes = (await Promise.all(waiting)).map(({ outcome }) => outcome.case ?? '');
    expect(outcomes.toSorted()).toEqual(['acquired', 'completed']);
  });

  test('who follows a key on the other sees each change and the outcome', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lease = await intent.acquire(a);
    const states: string[] = [];
    const stream = watch(b.client, intent.id);
    const ended = new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject));
    stream.on('data', ({ record }) => states.push(IntentState[record?.summary?.state ?? 0] ?? ''));
    await expect.poll(() => states, { timeout: 30_000 }).toEqual(['IN_PROGRESS']);
    await a.client.fail({ ...intent.holder(lease), kind: FailKind.RETRYABLE });
    await expect.poll(() => states, { timeout: 30_000 }).toEqual(['IN_PROGRESS', 'RELEASED']);
    const next = await intent.acquire(a);
    await expect.poll(() => states, { timeout: 30_000 }).toEqual(['IN_PROGRESS', 'RELEASED', 'IN_PROGRESS']);
    await a.client.complete({ ...intent.holder(next), result: bytes('done') });
    await ended;
    expect(states.at(-1)).toBe('COMPLETED');
  });

  test('what both began is listed by both, page by page, in the states that it has', async () => {
    const namespace = newNamespace();
    const intents = Array.from({ length: 24 }, (_, index) => newIntent({ namespace, key: `k-${index}` }));
    for (const [index, intent] of intents.entries()) {
      const [here, there] = index % 2 === 0 ? [peers.a, peers.b] : [peers.b, peers.a];
      const lease = await intent.acquire(here);
      if (index < 10) await there.client.complete(intent.holder(lease));
    }
    for (const { admin } of [peers.a, peers.b]) {
      const all = await listAll(admin, { namespace });
      expect(all.toSorted()).toEqual(intents.map(({ id }) => id.key).toSorted());
      const done = await listAll(admin, { namespace, states: [IntentState.COMPLETED] });
      expect(done.toSorted()).toEqual(
        intents
          .slice(0, 10)
          .map(({ id }) => id.key)
          .toSorted(),
      );
    }
  });

  test('orphans of both go to those who reconcile on either, each to one, and old holders are refused', async () => {
    const { a, b } = peers;
    const namespace = newNamespace();
    const intents = Array.from({ length: 20 }, (_, index) => newIntent({ namespace, key: `k-${index}` }));
    const leases = await Promise.all(
      intents.map((intent, index) => intent.acquire(index % 2 === 0 ? a : b, { lease: ms(100) })),
    );
    const claimed: string[] = [];
    const reconcile = async ({ client }: Peer): Promise<void> => {
      const { orphans } = await client.claimOrphans({ namespace, limit: 5, lease: ms(600_000), owner: 'reconciler' });
      for (const { record, acquired } of orphans) {
        const key = record?.summary?.key ?? '';
        claimed.push(key);
        const leaseToken = acquired?.leaseToken ?? new Uint8Array();
        await client.complete({ namespace, key, leaseToken, result: bytes('reconciled') });
      }
    };
    await expect
      .poll(
        async () => {
          await Promise.all([a, b, a, b].map(reconcile));
          return claimed.length;
        },
        { timeout: 30_000, interval: 100 },
      )
      .toBeGreaterThanOrEqual(intents.length);
    expect(claimed.toSorted()).toEqual(intents.map(({ id }) => id.key).toSorted());
    for (const [index, intent] of intents.entries()) {
      const stale = intent.holder(leases[index]);
      expect((await refusal(b.client.complete({ ...stale, result: bytes('late') }))).reason).toBe('LEASE_LOST');
    }
  });

  test('an outcome that nobody knows is held for review by both', async () => {
    const { a, b } = peers;
    const intent = newIntent();
    const lease = await intent.acquire(a);
    await a.client.fail({ ...intent.holder(lease), kind: FailKind.UNKNOWN });
    for (const peer of [a, b]) expect((await intent.begin(peer)).outcome.case).toBe('orphaned');
    await b.client.complete({ ...intent.holder(lease), result: bytes('it did happen') });
    expect(textOf(await intent.completed(a))).toBe('it did happen');
  });

  test('300 keys wanted by both at once, through Sessions: each work is done once, and both have its result', async () => {
    const namespace = newNamespace();
    const clients = [peers.a, peers.b].map(({ served }) => createClient({ address: served.grpc }));
    const done = new Map<string, number>();
    const keys = Array.from({ length: 300 }, (_, index) => `k-${index}`);
    const results = await Promise.all(
      clients.map((client, index) =>
        Promise.all(
          keys.map(async (key) => {
            const begun = await client.begin({ namespace, key, waitMs: 30_000 });
            if (begun.kind === 'completed') return Buffer.from(begun.result).toString();
            if (begun.kind !== 'acquired') throw new Error(`${key} is ${begun.kind}`);
            done.set(key, (done.get(key) ?? 0) + 1);
            const result = `${key} by ${index}`;
            await client.complete({ namespace, key, leaseToken: begun.leaseToken, result: Buffer.from(result) });
            return result;
          }),
        ),
      ),
    );
    expect([...done.values()].every((times) => times === 1)).toBe(true);
    expect(done.size).toBe(keys.length);
    expect(results[0]).toEqual(results[1]);
    for (const client of clients) client.close();
  });

  // The last one: afterwards there is no A.
  test('A is killed under load: what it acknowledged stands, what it held is taken over, and B goes on', async () => {
    const [held, waitedFor] = [newIntent(), newIntent()];
    const lease = await held.acquire(peers.a);
    await waitedFor.acquire(peers.a, { lease: ms(1_000) });
    const acknowledged = new Map<Intent, Completed['result'] | undefined>();
    const { client } = peers.a;
    const workers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const intent = newIntent();
        const begun = await intent.begin(peers.a).catch(() => undefined);
        if (begun === undefined) return;
        acknowledged.set(intent, undefined);
        const result = randomBytes(64);
        const completed = client.complete({ ...intent.holder(acquiredOf(begun)), result });
        if ((await completed.catch(() => undefined)) === undefined) return;
        acknowledged.set(intent, result);
      }
    });
    await expect.poll(() => acknowledged.size, { timeout: 30_000, interval: 10 }).toBeGreaterThan(100);
    await peers.killA();
    await Promise.all(workers);

    for (const [intent, result] of acknowledged) {
      const { outcome } = await intent.begin(peers.b);
      if (result === undefined) expect(['inProgress', 'completed']).toContain(outcome.case);
      else expect(outcome.case === 'completed' && Buffer.from(outcome.value.result).equals(result)).toBe(true);
    }
    await peers.b.client.complete({ ...held.holder(lease), result: bytes('through B') });
    expect(textOf(await held.completed(peers.b))).toBe('through B');
    expect(await waitedFor.acquire(peers.b, { wait: WAIT })).toMatchObject({ attempt: 2, takenOver: true });
  });
}
