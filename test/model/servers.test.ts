// Two servers over one store, each of which may lose its way to it or be killed: random histories.

import { expect, test } from 'vitest';
import { seedsToTry } from './random.ts';
import { playServers } from './servers/history.ts';

/** Half a second each, most of it idle. */
const HISTORIES = 10;

test.each(seedsToTry('two servers', HISTORIES))('no history of two servers breaks a promise (%i)', async (seed) => {
  expect((await playServers(seed)).calls).toBeGreaterThan(0);
});
