// The parts of @onced/web that speak to the server or hash, in a real browser on a page of another origin without HTTPS.

import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient, type OncedClient } from '../../clients/node/index.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { serveOnced, type Served } from '../support/onced.ts';
import { PAGE_ORIGIN } from '../clients/page-origin.ts';
import { bundle } from './bundle.ts';
import type * as Connect from '../../clients/web/connect/index.ts';
import type * as Fingerprints from '../../clients/web/fingerprint.ts';

declare global {
  var connect: typeof Connect;
  var fingerprints: typeof Fingerprints;
}

interface Vector {
  readonly name: string;
  readonly json?: string;
  readonly json_hex?: string;
  readonly hex?: string;
  readonly key?: string;
  readonly step?: string;
  readonly exclude?: string[];
  readonly digest?: string;
  readonly derived?: string;
  readonly refused?: string;
}

const sourceOf = (path: string): string => fileURLToPath(new URL(`../../clients/${path}`, import.meta.url));
const vectors = JSON.parse(readFileSync(sourceOf('vectors/fingerprints.json'), 'utf8')) as Record<string, Vector[]>;
const HTML = `<script type="module">
  import * as connect from '/connect.js'; import * as fingerprints from '/fingerprint.js';
  Object.assign(globalThis, { connect, fingerprints });
</script>`;

describeWithChromium('@onced/web/connect in Chromium', () => {
  let served: Served;
  let client: OncedClient;
  let browser: Awaited<ReturnType<typeof launchChromium>>;
  let page: Page;
  const namespace = `test/${randomUUID()}`;

  beforeAll(async () => {
    served = await serveOnced(['--store', 'memory:', '--log-level', 'error', '--cors-origins', PAGE_ORIGIN]);
    client = createClient({ address: served.grpc });
    const scripts = await Promise.all(
      ['web/connect/index.ts', 'web/fingerprint.ts'].map((path) => bundle(sourceOf(path))),
    );
    browser = await launchChromium(['--disable-features=LocalNetworkAccessChecks']);
    page = await browser.newPage();
    await page.route(`${PAGE_ORIGIN}/**`, async (route) => {
      const at = ['/connect.js', '/fingerprint.js'].findIndex((path) => route.request().url().endsWith(path));
      if (at < 0) return route.fulfill({ contentType: 'text/html', body: HTML });
      return route.fulfill({ contentType: 'text/javascript', body: scripts[at] ?? '' });
    });
    await page.goto(PAGE_ORIGIN);
    await page.waitForFunction(() => globalThis.connect !== undefined);
  });
  afterAll(async () => {
    client.close();
    await browser.close();
    await served[Symbol.asyncDispose]();
  });

  test('a page follows an intent to its outcome', async () => {
    const key = 'followed';
    const begun = await client.begin({ namespace, key });
    if (begun.kind !== 'acquired') throw new Error(begun.kind);
    const seen = page.evaluate(
      async ({ baseUrl, namespace, key }) => {
        const states: [string, boolean][] = [];
        document.title = 'following';
        for await (const { record, isFinal } of connect.createConnectClient({ baseUrl }).watch({ namespace, key })) {
          states.push([record.state, isFinal]);
          document.title = record.state;
        }
        return states;
      },
      { baseUrl: served.http, namespace, key },
    );
    await expect.poll(async () => page.title(), { timeout: 30_000 }).toBe('in-progress');
    await client.complete({ namespace, key, leaseToken: begun.leaseToken, result: Buffer.from('1') });
    const states = await seen;
    expect(states[0]).toEqual(['in-progress', false]);
    expect(states.at(-1)).toEqual(['completed', true]);
  });

  test('a page stops following when its signal fires', async () => {
    await client.begin({ namespace, key: 'left' });
    const name = await page.evaluate(
      async ({ baseUrl, namespace }) => {
        const controller = new AbortController();
        try {
          const client = connect.createConnectClient({ baseUrl });
          for await (const _ of client.watch({ namespace, key: 'left' }, controller)) controller.abort();
          return 'no error';
        } catch (error) {
          return (error as Error).name;
        }
      },
      { baseUrl: served.http, namespace },
    );
    expect(name).toBe('AbortError');
  });

  test('interceptors go around each try', async () => {
    const tries = await page.evaluate(
      async ({ namespace }) => {
        let count = 0;
        const client = connect.createConnectClient({
          baseUrl: 'http://127.0.0.1:1',
          retry: { triesMax: 3 },
          interceptors: [
            (next) => async (request) => {
              count += 1;
              return next(request);
            },
          ],
        });
        await client.lookup({ namespace, key: 'k' }).catch(() => undefined);
        return count;
      },
      { namespace },
    );
    expect(tries).toBe(3);
  });

  test('errors are of the class that belongs to their reason', async () => {
    const errors = await page.evaluate(
      async ({ baseUrl, namespace }) => {
        const client = connect.createConnectClient({ baseUrl });
        const away = connect.createConnectClient({ baseUrl: 'http://127.0.0.1:1', retry: { triesMax: 1 } });
        const named = async (call: Promise<unknown>): Promise<string> =>
          call.then(
            () => 'no error',
            (error: Error) => error.name,
          );
        return Promise.all([
          named(client.lookup({ namespace, key: 'nothing' })),
          named(client.lookup({ namespace: 'No Namespace', key: 'k' })),
          named(away.lookup({ namespace, key: 'k' })),
        ]);
      },
      { baseUrl: served.http, namespace },
    );
    expect(errors).toEqual(['IntentNotFoundError', 'InvalidFieldError', 'UnreachableError']);
  });

  test('the operators have no calls in it', async () => {
    expect(await page.evaluate(() => Object.keys(connect).filter((name) => /admin/iu.test(name)))).toEqual([]);
    const code = await bundle(sourceOf('web/connect/index.ts'));
    expect(code).not.toContain('AdminService');
  });

  test('fingerprints and derived keys are those of every language', async () => {
    const made = await page.evaluate((all) => {
      const hex = (bytes: Uint8Array): string =>
        Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
      const bytes = (text: string): Uint8Array =>
        Uint8Array.from(text.match(/../gu) ?? [], (digits) => Number.parseInt(digits, 16));
      const told = (make: () => string): string => {
        try {
          return make();
        } catch (error) {
          return (error as { reason: string }).reason;
        }
      };
      const { fingerprintJsonText, fingerprintBytes, deriveKey } = fingerprints;
      return {
        json: all['json']?.map((vector) =>
          told(() => {
            const text = vector.json_hex === undefined ? (vector.json ?? '') : bytes(vector.json_hex);
            return hex(fingerprintJsonText(text, { exclude: vector.exclude ?? [] }).digest);
          }),
        ),
        bytes: all['bytes']?.map((vector) => hex(fingerprintBytes(bytes(vector.hex ?? '')).digest)),
        keys: all['keys']?.map((vector) => told(() => deriveKey(vector.key ?? '', vector.step ?? ''))),
      };
    }, vectors);
    const expected = (list: string): unknown =>
      vectors[list]?.map(({ digest, derived, refused }) => digest ?? derived ?? refused);
    expect(made).toEqual({ json: expected('json'), bytes: expected('bytes'), keys: expected('keys') });
    expect(made.json?.length).toBeGreaterThan(100);
  });
});
