// The console over a Redis Cluster: one journey through the pages that ask the store most.

import { expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { describeWithRedis } from '../support/with-redis.ts';
import { complete, loseTrack, stateOf, utf8 } from './records.ts';
import { freshNamespace, openScene, pathTo } from './scene.ts';

describeWithRedis('with a Redis Cluster', () => {
  describeWithChromium('the console', () => {
    test('finds, follows, resolves and purges as on every store, and shows the tier', async () => {
      const cluster = await startRedisCluster({ replicasEach: 0 });
      try {
        await using scene = await openScene({ store: cluster.url });
        const namespace = freshNamespace();
        for (let index = 0; index < 20; index += 1) {
          await complete(scene, { namespace, key: `order-${index}` }, utf8('{"ok":true}'));
        }
        await loseTrack(scene, { namespace, key: 'lost' });
        await using console = await scene.open(pathTo('/', { namespace }));
        const { page } = console;
        await page.getByText('redis-cluster').first().waitFor();
        await page.getByRole('region', { name: 'Orphans' }).getByRole('link', { name: '1', exact: true }).waitFor();

        await page.keyboard.press('g');
        await page.keyboard.press('f');
        await page.getByText('21 records, all there are').waitFor();
        await page.getByRole('textbox', { name: 'Key' }).fill('order-1');
        await page.getByText('11 records, all there are').waitFor();

        await page.getByRole('heading', { name: 'Find' }).click();
        await page.keyboard.press('g');
        await page.keyboard.press('o');
        await page.getByRole('button', { name: 'Resolve lost', exact: true }).click();
        await page.getByLabel('It was not done: try again').check();
        await page.getByLabel('Reason, for the audit log').fill('the provider has no charge');
        await page.getByRole('dialog').getByRole('button', { name: 'Resolve' }).click();
        await page.getByText('Resolved: the audit log has it.').waitFor();
        await page.keyboard.press('Escape');
        expect(await stateOf(scene, { namespace, key: 'lost' })).toBe('RELEASED');

        await page.getByText('No orphans: every outcome is known.').waitFor();
        await page.keyboard.press('g');
        await page.keyboard.press('p');
        await page.getByRole('button', { name: 'Count what matches' }).click();
        await page.getByLabel('Reason, for the audit log').fill('end of the test');
        await page.getByLabel('Type 21 to remove them').fill('21');
        await page.getByRole('button', { name: 'Remove 21 records' }).click();
        await page.getByText('21 records removed').waitFor();
        expect(console.faults).toEqual([]);
      } finally {
        await cluster.dispose();
      }
    }, 180_000);
  });
});
