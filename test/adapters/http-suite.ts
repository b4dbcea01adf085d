// What every HTTP adapter promises, as the IETF draft of the Idempotency-Key header has it. Each framework's test file gives
// its own service.

import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { OncedClient } from '../../clients/node/index.ts';
import type { HttpOptions } from '../../clients/node/http/options.ts';
import { createFaults } from '../clients/faults.ts';
import { joinHttp1 } from '../clients/faulty-http1.ts';
import { until } from '../client/support/scene.ts';
import { freshNamespace, openShop, send, setOnced, type Reply, type Service, type Shop } from './scene.ts';

/** Without what depends on the framework's request. */
export type Options = Omit<HttpOptions<never>, 'scope' | 'need'>;

/**
 * Serves, with the tenant header as the scope:
 * POST /charges an effect, 201, JSON with the effect's number and the parsed body, location, set-cookie
 * POST /status  an effect, the status that is the request's body, text
 * POST /slow    as /charges once the shop's gate is open
 * POST /parts   an effect, 200, "one ", and once the shop's gate is open "two"
 * POST /stream  an effect, 200, "one two three" in three chunks
 * POST /bytes   an effect, 200, bytes 0 to 255
 * POST /large   an effect, 200, 1,000 bytes (the limit is set to 500)
 * POST /empty   an effect, 204
 * POST /throw   an effect, then an error
 */
export type Serve = (client: OncedClient, options: Options, shop: Shop) => Promise<Service>;

const VECTORS = JSON.parse(readFileSync(new URL('../../clients/vectors/adapters.json', import.meta.url), 'utf8')) as {
  readonly http_keys: readonly {
    readonly name: string;
    readonly headers: readonly string[];
    readonly malformed?: true;
  }[];
};
const REQUESTS = 1_000;
const SENDINGS = 6;
const AT_ONCE = 24;
const SHARE_DROPPED = 0.3;

/** But for those that belong to each reply, or are not on the allow-list. */
const OWN_HEADERS = new Set(['date', 'connection', 'keep-alive', 'idempotency-replayed', 'set-cookie', 'x-powered-by']);
const sharedHeaders = ({ headers }: Reply): string =>
  [...headers]
    .filter(([name]) => !OWN_HEADERS.has(name))
    .map((pair) => pair.join(': '))
    .join('; ');

export function describeHttp(name: string, serve: Serve): void {
  describe(name, () => {
    const onced = setOnced();
    const inScene = async (
      run: (url: string, shop: Shop, namespace: string) => Promise<void>,
      options: Partial<Options> = {},
    ): Promise<void> => {
      const shop = openShop();
      const namespace = freshNamespace();
      const service = await serve(onced.client, { namespace, ...options }, shop);
      try {
        await run(service.url, shop, namespace);
      } finally {
        await service.close();
      }
    };
    const expectProblem = ({ status, headers, body }: Reply, expected: number, type: string): void => {
      expect([status, headers.get('content-type'), (JSON.parse(body.toString()) as { type: string }).type]).toEqual([
        expected,
        'application/problem+json',
        `urn:onced:problem:${type}`,
      ]);
    };

    test('a repeat is answered with the first response', async () =>
      inScene(async (url, shop) => {
        const first = await send(`${url}/charges?live=1`, { key: '"8e03978e"', body: '{"amount":10}' });
        const again = await send(`${url}/charges?live=1`, { key: '8e03978e', body: '{ "amount": 1e1 }' });
        expect(first.body.toString()).toBe('{"number":1,"request":{"amount":10}}');
        expect([first.status, again.status, again.body, shop.effects]).toEqual([201, 201, first.body, 1]);
        expect(first.headers.get('idempotency-replayed')).toBeNull();
        expect(again.headers.get('idempotency-replayed')).toBe('true');
        for (const header of ['content-type', 'content-length', 'location'])
          expect([header, again.headers.get(header)]).toEqual([header, first.headers.get(header) ?? 'none']);
        expect(first.headers.get('set-cookie')).toBe('session=secret');
        expect(again.headers.get('set-cookie')).toBeNull();
        for (const { headers } of [first, again]) {
          const leftMs = Date.parse(headers.get('idempotency-expires') ?? '') - Date.now();
          expect(leftMs).toBeGreaterThan(23 * 3_600_000);
        }
        expect(shop.lastFencingToken).toBeGreaterThan(0);
      }));

    test('a missing key is refused where one is required, and a GET needs none', async () =>
      inScene(async (url, shop) => {
        expectProblem(await send(`${url}/charges`, {}), 400, 'key-missing');
        expect(shop.effects).toBe(0);
        expect((await send(`${url}/charges`, { method: 'GET' })).status).toBe(200);
      }));

    test('keys are read as in every language', async () =>
      inScene(async (url) => {
        for (const { name: what, headers, malformed } of VECTORS.http_keys) {
          const [key = ''] = headers;
          // What fetch will not send, and two headers that it would join, are tests of the reader alone.
          if (headers.length > 1 || /[^\t -~]/u.test(key)) continue;
          const { status } = await send(`${url}/empty`, { key });
          expect([what, status]).toEqual([what, malformed === true ? 400 : 204]);
        }
      }));

    test('a repeat in flight gets 409 and when to come back', async () =>
      inScene(async (url, shop) => {
        const open = Promise.withResolvers<void>();
        shop.gate = open.promise;
        const first = send(`${url}/slow`, { key: 'k' });
        await until(() => shop.waiting === 1);
        const early = await send(`${url}/slow`, { key: 'k' });
        expectProblem(early, 409, 'in-progress');
        expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(0);
        expectProblem(await send(`${url}/slow`, { key: 'k', body: '{"amount":12}' }), 422, 'key-reused');
        open.resolve();
        const again = async (): Promise<Reply> => send(`${url}/slow`, { key: 'k' });
        expect((await first).body).toEqual((await again()).body);
        expect(shop.effects).toBe(1);
      }));

    test('another request under the same key gets 422, another tenant its own response', async () =>
      inScene(async (url, shop) => {
        await send(`${url}/charges`, { key: 'k', body: '{"amount":10}' });
        expectProblem(await send(`${url}/charges`, { key: 'k', body: '{"amount":12}' }), 422, 'key-reused');
        expectProblem(await send(`${url}/charges?a=b`, { key: 'k', body: '{"amount":10}' }), 422, 'key-reused');
        expect(shop.effects).toBe(1);
        const other = await send(`${url}/charges`, { key: 'k', body: '{"amount":12}', headers: { tenant: 'other' } });
        expect([other.status, shop.effects]).toEqual([201, 2]);
        expectProblem(await send(`${url}/charges`, { key: 'k', headers: { tenant: '' } }), 401, 'unauthenticated');
      }));

    test('what a status means for its key', async () =>
      inScene(async (url, shop) => {
        const runsOf = { 200: 1, 303: 1, 400: 1, 404: 1, 422: 1, 401: 2, 409: 2, 429: 2, 503: 2, 500: 1, 504: 1 };
        for (const [status, runs] of Object.entries(runsOf)) {
          shop.effects = 0;
          const first = await send(`${url}/status`, { key: `k-${status}`, body: status });
          const again = await send(`${url}/status`, { key: `k-${status}`, body: status });
          expect([first.status, shop.effects]).toEqual([Number(status), runs]);
          if (Number(status) === 500 || Number(status) === 504) expectProblem(again, 409, 'outcome-unknown');
          else expect([again.status, again.body]).toEqual([first.status, first.body]);
        }
      }));

    test('an error of the handler holds the key', async () =>
      inScene(async (url, shop) => {
        expect((await send(`${url}/throw`, { key: 'k' })).status).toBe(500);
        expectProblem(await send(`${url}/throw`, { key: 'k' }), 409, 'outcome-unknown');
        expect(shop.effects).toBe(1);
      }));

    test('which statuses are stored is a policy', async () =>
      inScene(
        async (url, shop) => {
          for (const status of ['500', '404']) {
            await send(`${url}/status`, { key: status, body: status });
            await send(`${url}/status`, { key: status, body: status });
          }
          expect(shop.effects).toBe(3);
        },
        { verdict: (status) => (status === 404 ? 'release' : 'store') },
      ));

    test.each([
      { path: 'slow', status: 201 },
      { path: 'parts', status: 200 },
    ])('a caller who hangs up on /$path cancels nothing', async ({ path, status }) =>
      inScene(async (url, shop) => {
        const open = Promise.withResolvers<void>();
        shop.gate = open.promise;
        const leaving = new AbortController();
        const first = send(`${url}/${path}`, { key: 'k', signal: leaving.signal });
        await until(() => shop.waiting === 1);
        leaving.abort();
        await expect(first).rejects.toThrow();
        await new Promise((resolve) => setTimeout(resolve, 100));
        open.resolve();
        await until(() => shop.effects === 1);
        let again = await send(`${url}/${path}`, { key: 'k' });
        await until(async () => (again = await send(`${url}/${path}`, { key: 'k' })).status !== 409);
        expect([again.status, again.headers.get('idempotency-replayed'), shop.effects]).toEqual([status, 'true', 1]);
        if (path === 'parts') expect(again.body.toString()).toBe('one two');
      }),
    );

    test.each(['stream', 'bytes', 'empty'])('a response of kind %s is replayed byte for byte', async (kind) =>
      inScene(async (url, shop) => {
        const [first, again] = [await send(`${url}/${kind}`, { key: 'k' }), await send(`${url}/${kind}`, { key: 'k' })];
        const body = {
          stream: Buffer.from('one two three'),
          bytes: Buffer.from(Uint8Array.from({ length: 256 }, (_, i) => i)),
        };
        expect(first.body).toEqual(kind === 'stream' ? body.stream : kind === 'bytes' ? body.bytes : Buffer.alloc(0));
        expect([again.status, again.body, again.headers.get('content-type')]).toEqual([
          first.status,
          first.body,
          first.headers.get('content-type'),
        ]);
        expect([again.headers.get('idempotency-replayed'), shop.effects]).toEqual(['true', 1]);
      }),
    );

    test('a request that is no JSON is compared byte for byte', async () =>
      inScene(async (url, shop) => {
        const headers = { 'content-type': 'application/octet-stream' };
        const bodies = [Uint8Array.of(0, 255), Uint8Array.of(0, 255), Uint8Array.of(0, 254)];
        const statuses = [];
        for (const body of bodies) statuses.push((await send(`${url}/bytes`, { key: 'k', headers, body })).status);
        expect([statuses, shop.effects]).toEqual([[200, 200, 422], 1]);
      }));

    test('a request that comes in parts is the handler’s as a whole', async () =>
      inScene(async (url, shop) => {
        const text = JSON.stringify({ note: 'x'.repeat(90_000) });
        const parts = [text.slice(0, 7), text.slice(7, 80_000), text.slice(80_000)];
        for (let times = 0; times < 2; times++) {
          const body = ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));
          const reply = await send(`${url}/charges`, { key: 'k', body });
          expect([reply.status, reply.body.toString()]).toEqual([201, `{"number":1,"request":${text}}`]);
        }
        expect(shop.effects).toBe(1);
      }));

    test('a response over the limit reaches its caller, and repeats are told that it is gone', async () =>
      inScene(
        async (url, shop) => {
          const [first, again] = [await send(`${url}/large`, { key: 'k' }), await send(`${url}/large`, { key: 'k' })];
          expect([first.status, first.body.length, shop.effects]).toEqual([200, 1_000, 1]);
          expectProblem(again, 410, 'response-not-kept');
          expect(again.headers.get('idempotency-replayed')).toBe('true');
        },
        { responseBytesMax: 500 },
      ));

    test('a request over the limit is refused', async () =>
      inScene(
        async (url, shop) => {
          expectProblem(await send(`${url}/charges`, { key: 'k', body: '[1,2,3,4,5,6]' }), 413, 'too-large');
          expect(shop.effects).toBe(0);
        },
        { requestBytesMax: 10 },
      ));

    test(
      `${REQUESTS} requests, each sent ${SENDINGS} times over a network that loses replies, take effect once`,
      async () =>
        inScene(async (url, shop) => {
          const seed = Math.floor(Math.random() * 2 ** 31);
          console.log(`${name}: replies lost by seed ${seed}`);
          const faults = createFaults(seed);
          faults.set([{ fault: 'drop_reply', share: SHARE_DROPPED }]);
          const proxy = joinHttp1(url, faults);
          await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
          const lossy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}/charges`;
          let lost = 0;
          const wrong: string[] = [];
          const sendAll = async (key: string): Promise<void> => {
            const seen = new Set<string>();
            for (let sending = 0; sending < SENDINGS; sending++) {
              const reply = await send(lossy, { key, body: `{"order":"${key}"}` }).catch(() => undefined);
              if (reply === undefined) lost += 1;
              else seen.add(`${reply.status} ${sharedHeaders(reply)} ${reply.body.toString()}`);
            }
            if (seen.size > 1 || [...seen].some((reply) => !reply.startsWith('201')))
              wrong.push(`${key}: ${[...seen].join()}`);
          };
          const lines = Array.from({ length: AT_ONCE }, async (_, line) => {
            for (let order = line; order < REQUESTS; order += AT_ONCE) await sendAll(`order-${order}`);
          });
          await Promise.all(lines);
          proxy.closeAllConnections();
          proxy.close();
          expect(wrong.slice(0, 5)).toEqual([]);
          expect(shop.effects).toBe(REQUESTS);
          expect(lost / (REQUESTS * SENDINGS)).toBeCloseTo(SHARE_DROPPED, 1);
        }),
      240_000,
    );
  });
}
