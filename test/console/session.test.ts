// Sessions of the console: the server restarts under an open page, credentials end, roles that may only look.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { Role } from '../../proto/gen/onced/v1/admin_pb.js';
import { describeWithChromium, type WatchedPage } from '../support/chromium.ts';
import { freePort } from '../support/free-port.ts';
import { connect } from '../support/server.ts';
import { serveOnced } from '../support/onced.ts';
import { begin, complete, loseTrack, utf8 } from './records.ts';
import { ADMIN_KEY, freshNamespace, openScene, pathTo, type Scene } from './scene.ts';

describeWithChromium('sessions', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene({ asksForCredentials: true });
  });
  afterAll(async () => scene?.[Symbol.asyncDispose]());

  const keyFor = async (role: Role, namespacePattern = '*') =>
    scene.admin.createApiKey({ name: 'console', grants: [{ role, namespacePattern }] });
  const signIn = async ({ page }: WatchedPage, token: string): Promise<void> => {
    await page.getByLabel('API key or OIDC token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  test('when a key is revoked the page asks again, and stays where it was', async () => {
    const namespace = freshNamespace();
    const { secret, apiKey } = await keyFor(Role.ADMIN);
    await using console = await scene.open(pathTo('/purge', { namespace }));
    const { page } = console;
    await signIn(console, secret);
    await page.getByRole('textbox', { name: 'Key', exact: true }).fill('order-');
    await scene.admin.revokeApiKey({ id: apiKey?.id ?? '', reason: 'a test' });
    await expect
      .poll(
        async () => {
          if ((await page.getByText('Sign in again').count()) > 0) return true;
          await page.getByRole('button', { name: 'Count what matches' }).click({ timeout: 2000 });
          return false;
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(true);
    await page.getByText('Your session has ended').waitFor();
    await signIn(console, ADMIN_KEY);
    await page.getByRole('heading', { name: 'Purge' }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Key', exact: true }).inputValue()).toBe('order-');
    expect(console.faults).toEqual([]);
  });

  test('a reader sees everything that it may see, and no button that would fail', async () => {
    const namespace = freshNamespace();
    await loseTrack(scene, { namespace, key: 'lost' });
    const { secret } = await keyFor(Role.READER);
    await using console = await scene.open(pathTo('/orphans', { namespace }));
    const { page } = console;
    await signIn(console, secret);
    await page.getByRole('link', { name: 'lost' }).waitFor();
    const buttons = async (): Promise<readonly string[]> =>
      page.getByRole('main').getByRole('button').allTextContents();
    expect(await buttons()).toEqual(['Look again']);
    await page.getByRole('link', { name: 'lost' }).click();
    await page.getByRole('heading', { name: 'Checkpoint' }).waitFor();
    expect(await buttons()).not.toContain('Resolve …');
    await page.keyboard.press('g');
    await page.keyboard.press('n');
    await page.getByRole('row', { name: /^lease / }).waitFor();
    expect(await buttons()).not.toContain('Edit');
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.getByText(`Your credentials may not purge in ${namespace}.`).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('a');
    await page.getByText('Your credentials may not read the audit log here.').waitFor();
    expect(console.faults).toEqual([]);
  });

  test('who may see one namespace only is asked to choose it, and then sees it', async () => {
    const namespace = freshNamespace();
    await complete(scene, { namespace, key: 'mine' }, utf8('1'));
    const { secret } = await keyFor(Role.OPERATOR, namespace);
    await using console = await scene.open('/');
    const { page } = console;
    await signIn(console, secret);
    await page.getByText('Choose a namespace above.').waitFor();
    await page.getByRole('combobox', { name: 'Namespace' }).fill(namespace);
    await page.keyboard.press('Enter');
    await page.getByRole('rowheader', { name: namespace }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('API key or OIDC token').waitFor();
    expect(await page.getByText(namespace).count()).toBe(0);
    expect(console.faults).toEqual([]);
  });
});

describeWithChromium('a server that restarts', () => {
  test('leaves the page standing, which says so and goes on when it is back', async () => {
    const port = await freePort();
    await using scene = await openScene();
    const store = ['--store', `sqlite:${scene.folder}/again.db`, '--log-level', 'error', '--http', `127.0.0.1:${port}`];
    const first = await serveOnced(store, { folder: scene.folder });
    const client = connect(first.grpc);
    const id = { namespace: freshNamespace(), key: 'order-1' };
    const holder = await begin({ client, admin: scene.admin }, id);
    client.raw.close();
    await using overview = await scene.open('/');
    await overview.page.goto(`${first.http}/`);
    await using intent = await scene.open('/');
    await intent.page.goto(`${first.http}${pathTo('/intent', id)}`);
    await overview.page.getByRole('rowheader', { name: id.namespace }).waitFor();
    await intent.page.getByText('Lease runs out in').waitFor();

    first.kill('SIGKILL');
    await first.ended;
    await overview.page.getByText('The server cannot be reached').waitFor();
    await intent.page.getByText('The server cannot be reached').waitFor();
    await overview.page.getByRole('rowheader', { name: id.namespace }).waitFor();

    await using second = await serveOnced(store, { folder: scene.folder });
    const again = connect(second.grpc);
    await again.complete({ ...holder, result: utf8('"done"') });
    await intent.page.getByText('"done"').waitFor();
    await overview.page.getByText('The server cannot be reached').waitFor({ state: 'detached' });
    again.raw.close();
    // That nobody answered the browser itself reports; the page did nothing wrong.
    const faults = [...overview.faults, ...intent.faults].filter((fault) => !fault.includes('net::ERR_'));
    expect(faults).toEqual([]);
  });
});
