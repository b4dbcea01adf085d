// Keys of a page's intents in a real browser: over lost replies, 409, 504, reloads, two tabs and a crash.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { openScene, type Scene } from './scene.ts';

interface Outcome {
  readonly key: string;
  readonly status?: number;
  readonly replayed?: boolean;
  readonly body?: unknown;
  readonly error?: string;
}

/** Opens the intent and sends one charge, as a form does. */
async function charge(page: Page, name: string, path = '/charges', timeoutMs = 20_000): Promise<Outcome> {
  return page.evaluate(
    async ({ name, path, timeoutMs }) => {
      const intent = await web.createIntents({ timeoutMs, tryTimeoutMs: 5_000 }).open(name);
      const { key } = intent;
      try {
        const headers = { 'content-type': 'application/json' };
        const response = await intent.fetch(path, { method: 'POST', headers, body: '{"amount":10}' });
        const text = await response.text();
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        return { key, status: response.status, replayed: response.headers.has('idempotency-replayed'), body };
      } catch (error) {
        return { key, error: (error as Error).name };
      }
    },
    { name, path, timeoutMs },
  );
}

const keyOf = async (page: Page, name: string): Promise<string> =>
  page.evaluate(async (name) => (await web.createIntents().open(name)).key, name);

describeWithChromium('@onced/web in Chromium', () => {
  let scene: Scene;
  let page: Page;
  beforeAll(async () => {
    scene = await openScene();
    page = await scene.openTab();
  });
  afterAll(async () => scene[Symbol.asyncDispose]());
  const chargesOf = (key: string): number | undefined => scene.shop.charges.get(`"${key}"`);

  test('an intent is charged once, and the next one of the same name has another key', async () => {
    const first = await charge(page, 'renewed');
    const next = await charge(page, 'renewed');
    expect([first.status, next.status]).toEqual([201, 201]);
    expect(next.key).not.toBe(first.key);
    expect([chargesOf(first.key), chargesOf(next.key)]).toEqual([1, 1]);
  });

  test('a lost reply is asked for again with the same key, and replayed', async () => {
    scene.faults.set([{ rpc: 'charges', fault: 'drop_reply', times: 2 }]);
    const outcome = await charge(page, 'lost');
    expect(outcome).toMatchObject({ status: 201, replayed: true });
    expect(chargesOf(outcome.key)).toBe(1);
  });

  test.each([
    ['a gateway that gave up waiting', { status: 504 }],
    ['a busy server', { status: 503, headers: { 'retry-after': '1' } }],
    ['a server that counts requests', { status: 429, headers: { 'retry-after': '1' } }],
    ['somebody else who is at it', { status: 409, headers: { 'retry-after': '1' } }],
  ])('after %s it is asked for again with the same key', async (_, failure) => {
    scene.shop.failures.push(failure);
    const outcome = await charge(page, 'again');
    expect(outcome.status).toBe(201);
    expect(chargesOf(outcome.key)).toBe(1);
  });

  test('hooks hear of each try and what it brought, and may add headers', async () => {
    scene.shop.failures.push({ status: 503 }, { status: 503 });
    const sent = page.waitForRequest((request) => request.headers()['traceparent'] !== undefined);
    const heard = await page.evaluate(async () => {
      const tried: number[] = [];
      const logged: string[] = [];
      const intents = web.createIntents({
        log: (level, message) => void logged.push(`${level}: ${message}`),
        onTry: ({ tries, headers }) => {
          tried.push(tries);
          headers.set('traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
        },
      });
      const intent = await intents.open('hooked');
      const headers = { 'content-type': 'application/json' };
      const { status } = await intent.fetch('/charges', { method: 'POST', headers, body: '{"amount":10}' });
      return { tried, logged, status };
    });
    const again = 'info: not answered with an outcome yet';
    expect(heard).toMatchObject({ tried: [0, 1, 2], logged: [again, again] });
    expect(heard.status).toBeLessThan(300);
    expect((await sent).url()).toContain('/charges');
  });

  test('Retry-After is kept to', async () => {
    scene.shop.failures.push({ status: 503, headers: { 'retry-after': '2' } });
    const startMs = performance.now();
    await charge(page, 'patient');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(2_000);
  });

  test('a key is kept over a reload until there is an outcome', async () => {
    scene.shop.failures.push(...Array.from({ length: 100 }, () => ({ status: 504 })));
    const before = await charge(page, 'reloaded', '/charges', 2_000);
    scene.shop.failures.length = 0;
    expect(before).toMatchObject({ status: 504 });
    await page.reload();
    await page.waitForFunction(() => globalThis.web !== undefined);
    const after = await charge(page, 'reloaded');
    expect(after.key).toBe(before.key);
    expect(after.status).toBe(201);
  });

  test('a page that is closed while it sends is answered by the next one with the same outcome', async () => {
    let mayAnswer = (): void => {};
    scene.shop.gate = new Promise((resolve) => (mayAnswer = resolve));
    const crashing = await scene.openTab();
    const key = await keyOf(crashing, 'crash');
    void charge(crashing, 'crash').catch(() => {});
    await expect.poll(() => chargesOf(key), { timeout: 30_000 }).toBe(1);
    await crashing.close();
    const next = charge(page, 'crash');
    mayAnswer();
    expect(await next).toMatchObject({ key, status: 201, replayed: true });
    expect(chargesOf(key)).toBe(1);
  });

  test('two tabs that open an intent at the same time have one key, and charge once', async () => {
    const other = await scene.openTab();
    const keys = await Promise.all([page, other, page, other].map(async (tab) => keyOf(tab, 'tabs')));
    expect(new Set(keys).size).toBe(1);
    const [first, second] = await Promise.all([charge(page, 'tabs'), charge(other, 'tabs')]);
    const [key = ''] = keys;
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(chargesOf(key)).toBe(1);
    await other.close();
  });

  test('a tab that opened before the other had the outcome gets it replayed, and is told', async () => {
    const other = await scene.openTab();
    const told = other.evaluate(async () => {
      const intent = await web.createIntents().open('told');
      await new Promise<void>((resolve) => intent.onSettled(resolve));
      const headers = { 'content-type': 'application/json' };
      const response = await intent.fetch('/charges', { method: 'POST', headers, body: '{"amount":10}' });
      return { key: intent.key, replayed: response.headers.get('idempotency-replayed') };
    });
    await expect.poll(async () => isKept(other, 'told')).toBe(true);
    const outcome = await charge(page, 'told');
    expect(await told).toEqual({ key: outcome.key, replayed: 'true' });
    expect(chargesOf(outcome.key)).toBe(1);
    await other.close();
  });

  test.each([500, 401, 409, 423])('%s is no outcome: the key is kept', async (status) => {
    const name = `kept-${status}`;
    const first = await charge(page, name, `/status/${status}`);
    expect(first.status).toBe(status);
    expect(await keyOf(page, name)).toBe(first.key);
  });

  test.each([200, 204, 400, 404, 410])('%s is an outcome: the next key is another', async (status) => {
    const name = `final-${status}`;
    const first = await charge(page, name, `/status/${status}`);
    expect(first.status).toBe(status);
    expect(await keyOf(page, name)).not.toBe(first.key);
  });

  test('a key reused for another request is told, and kept until it is given up', async () => {
    scene.shop.failures.push(...Array.from({ length: 3 }, () => ({ status: 504 })));
    const statuses = await page.evaluate(async () => {
      const intent = await web.createIntents().open('reused');
      const send = async (body: string, key: string): Promise<number> => {
        const headers = { 'content-type': 'application/json', 'idempotency-key': key };
        return (await fetch('/charges', { method: 'POST', headers, body })).status;
      };
      while ((await send('{"amount":10}', intent.key)) !== 201);
      const response = await intent.fetch('/charges', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"amount":12}',
      });
      const kept = (await web.createIntents().open('reused')).key === intent.key;
      await intent.abandon();
      return [response.status, kept, (await web.createIntents().open('reused')).key === intent.key];
    });
    expect(statuses).toEqual([422, true, false]);
  });

  test('a server out of reach is told in time, and the key is kept', async () => {
    scene.faults.set([{ rpc: 'charges', fault: 'drop_request', times: 1_000 }]);
    const away = await charge(page, 'away', '/charges', 1_000);
    scene.faults.set([]);
    expect(away.error).toBe('NoAnswerError');
    expect(await charge(page, 'away')).toMatchObject({ key: away.key, status: 201 });
  });

  test('a key that the server may have forgotten is not sent again', async () => {
    const errors = await page.evaluate(async () => {
      const intents = web.createIntents({ keyLifeMs: 300, timeoutMs: 100 });
      const intent = await intents.open('expired');
      const send = async (): Promise<string> =>
        intent.fetch('/status/500', { method: 'POST' }).then(String, (error: Error) => error.name);
      const first = await send();
      await new Promise((resolve) => setTimeout(resolve, 400));
      return [first, await send()];
    });
    expect(errors[1]).toBe('KeyExpiredError');
  });

  test('without IndexedDB keys are kept in localStorage', async () => {
    const tab = await scene.openTab();
    const keys = await tab.evaluate(async () => {
      Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
      const open = async (): Promise<string> => (await web.createIntents().open('local')).key;
      return [...(await Promise.all([open(), open()])), await open(), localStorage.getItem('onced:intent:local') ?? ''];
    });
    const [key = '', second, third, kept] = keys;
    expect([second, third]).toEqual([key, key]);
    expect(kept).toContain(key);
    await tab.close();
  });

  test('a page that may keep nothing sends nothing', async () => {
    const tab = await scene.openTab();
    const error = await tab.evaluate(async () => {
      Object.defineProperty(globalThis, 'indexedDB', { value: undefined });
      Object.defineProperty(globalThis, 'localStorage', { value: undefined });
      return web
        .createIntents()
        .open('nothing')
        .then(String, (thrown: Error) => thrown.name);
    });
    expect(error).toBe('KeyNotKeptError');
    await tab.close();
  });

  test('a thousand keys differ, and are 22 safe characters of random bytes', async () => {
    const keys = await page.evaluate(() => {
      // Missing on pages without HTTPS.
      Object.defineProperty(crypto, 'randomUUID', { value: undefined });
      return Array.from({ length: 1_000 }, () => web.randomKey());
    });
    expect(new Set(keys).size).toBe(1_000);
    expect(keys.filter((key) => !/^[A-Za-z0-9_-]{22}$/u.test(key))).toEqual([]);
  });
});

const isKept = async (page: Page, name: string): Promise<boolean> =>
  page.evaluate(
    async (name) =>
      new Promise<boolean>((resolve) => {
        const opening = indexedDB.open('onced', 1);
        opening.onsuccess = () => {
          const found = opening.result.transaction('intents').objectStore('intents').get(name);
          found.onsuccess = () => resolve(found.result !== undefined);
        };
      }),
    name,
  );
