// What the console's tests share: a real server in a process of its own, the console in a real Chromium, and an operator's
// calls to make and look at records.

import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { buildConsole } from '../support/build-console.ts';
import { describeWithChromium, launchChromium, openPage, type WatchedPage } from '../support/chromium.ts';
import { makeFolder, serveOnced, type Served } from '../support/onced.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { connect, connectAdmin, type AdminClient, type CallOptions, type TestClient } from '../support/server.ts';
import { describeWithRedis } from '../support/with-redis.ts';

export const ADMIN_KEY = 'the-admin-key-of-the-console-tests';

export interface Scene extends AsyncDisposable {
  readonly served: Served;
  readonly browser: Browser;
  readonly client: TestClient;
  readonly admin: AdminClient;
  /** The folder of the server's files. */
  readonly folder: string;
  /** A page at a path of the console, as an operator's own browser. */
  open(path: string, options?: BrowserContextOptions): Promise<WatchedPage>;
}

export interface SceneOptions {
  /** Instead of an SQLite file. */
  readonly store?: string;
  /** The server asks for credentials; ADMIN_KEY is the first. */
  readonly asksForCredentials?: boolean;
  readonly args?: readonly string[];
}

export async function openScene({ store, asksForCredentials = false, args = [] }: SceneOptions = {}): Promise<Scene> {
  buildConsole();
  const folder = await makeFolder();
  const url = store ?? `sqlite:${join(folder.path, 'onced.db')}`;
  const keyFile = join(folder.path, 'admin.key');
  await writeFile(keyFile, ADMIN_KEY);
  const credentials = asksForCredentials ? ['--admin-key-file', keyFile] : [];
  const served = await serveOnced(['--store', url, '--log-level', 'error', ...credentials, ...args], {
    folder: folder.path,
  });
  const browser = await launchChromium();
  const token = asksForCredentials ? ADMIN_KEY : undefined;
  const [client, admin] = [withToken(connect(served.grpc), token), withToken(connectAdmin(served.grpc), token)];
  return {
    served,
    browser,
    client,
    admin,
    folder: folder.path,
    async open(path, options) {
      const watched = await openPage(browser, options);
      await watched.page.goto(served.http + path);
      return watched;
    },
    async [Symbol.asyncDispose]() {
      client.raw.close();
      admin.raw.close();
      await browser.close();
      await served[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

type OpenScene = (options?: SceneOptions) => Promise<Scene>;

/** The same tests over an SQLite file and over a Redis Cluster. */
export function describeOnEachStore(name: string, tests: (open: OpenScene) => void): void {
  describeWithChromium(name, () => tests(openScene));
  describeWithRedis('on a Redis Cluster', () => describeWithChromium(name, () => tests(openOnCluster)));
}

async function openOnCluster(options: SceneOptions = {}): Promise<Scene> {
  const cluster = await startRedisCluster({ replicasEach: 0 });
  const scene = await openScene({ ...options, store: cluster.url });
  return {
    ...scene,
    async [Symbol.asyncDispose]() {
      await scene[Symbol.asyncDispose]();
      await cluster.dispose();
    },
  };
}

type Send = (request: object, options?: CallOptions) => Promise<object>;

/** The same calls, made as somebody. */
function withToken<Client extends object>(client: Client, token: string | undefined): Client {
  const calls = Object.entries(client).filter(([, call]) => typeof call === 'function') as [string, Send][];
  const signed = calls.map(([name, send]): [string, Send] => [
    name,
    async (request, options) => send(request, { token, ...options }),
  ]);
  return { ...client, ...Object.fromEntries(signed) };
}

export const freshNamespace = (): string => `console/${randomUUID().slice(0, 8)}`;

/** The path of a page with what it shows. */
export const pathTo = (path: string, parameters: Readonly<Record<string, string>>): string =>
  `${path}#${new URLSearchParams(parameters).toString()}`;
