// A page in a real Chromium, a small shop behind the Express adapter, a real Onced server, and a faulty network between the
// page and the shop.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import { idempotency } from '../../clients/node/express.ts';
import { createClient } from '../../clients/node/index.ts';
import type * as Web from '../../clients/web/index.ts';
import { createFaults, type Faults } from '../clients/faults.ts';
import { joinHttp1 } from '../clients/faulty-http1.ts';
import { launchChromium } from '../support/chromium.ts';
import { serveOnced } from '../support/onced.ts';
import { freshNamespace } from '../adapters/scene.ts';
import { bundle } from './bundle.ts';

/** What a page of the tests has. */
declare global {
  var web: typeof Web;
}

export interface Shop {
  /** Charges made, by key. */
  readonly charges: Map<string, number>;
  /** Answers of /charges are held back until it resolves. */
  gate: Promise<void>;
  /** Statuses that the next requests get before they reach the adapter. */
  readonly failures: { status: number; headers?: Record<string, string> }[];
}

export interface Scene extends AsyncDisposable {
  readonly browser: Browser;
  readonly shop: Shop;
  readonly faults: Faults;
  readonly url: string;
  /** Another tab of the same browser, with the client loaded. */
  openTab(): Promise<Page>;
}

const CLIENT = fileURLToPath(new URL('../../clients/web/index.ts', import.meta.url));

export interface SceneOptions {
  /** Pages of the tests' own: their text by path. Default: one that loads the client. */
  readonly pages?: Readonly<Record<string, string>>;
}

/** A page that loads the client from its sources. */
async function ownPages(): Promise<Readonly<Record<string, string>>> {
  return {
    '/': '<script type="module" src="/page.js"></script>',
    '/page.js': "import * as web from '/web.js'; globalThis.web = web;",
    '/web.js': await bundle(CLIENT),
  };
}

export async function openScene({ pages }: SceneOptions = {}): Promise<Scene> {
  const served = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  const client = createClient({ address: served.grpc });
  const shop: Shop = { charges: new Map(), gate: Promise.resolve(), failures: [] };
  const app = express();
  for (const [path, text] of Object.entries(pages ?? (await ownPages()))) {
    app.get(path, (_, response) => void response.type(path.endsWith('.js') ? 'js' : 'html').send(text));
  }
  app.use((_, response, next) => {
    const failure = shop.failures.shift();
    if (failure === undefined) next();
    else
      response
        .set(failure.headers ?? {})
        .status(failure.status)
        .end();
  });
  app.use(idempotency(client, { namespace: freshNamespace(), scope: () => 'the shop' }));
  app.post('/charges', (request, response) => {
    const key = request.get('idempotency-key') ?? '';
    shop.charges.set(key, (shop.charges.get(key) ?? 0) + 1);
    void shop.gate.then(() => response.status(201).json({ number: shop.charges.size }));
  });
  app.post('/status/:status', (request, response) => void response.status(Number(request.params.status)).end());
  const direct = await listen(createServer(app));
  const faults = createFaults(1);
  const faulty = await listen(joinHttp1(urlOf(direct), faults));
  const browser = await launchChromium();
  const context = await browser.newContext();
  return {
    browser,
    shop,
    faults,
    url: urlOf(faulty),
    async openTab() {
      const page = await context.newPage();
      await page.goto(urlOf(faulty));
      await page.waitForFunction(() => globalThis.web !== undefined);
      return page;
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      for (const server of [faulty, direct]) {
        server.closeAllConnections();
        server.close();
      }
      client.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

async function listen(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
