// The payments demo as users run it, smaller: no double charge with Onced, and some without, or it would prove nothing.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../clients/examples/payments/demo.ts', import.meta.url));

test('the demo double-charges without Onced and not with it, across a kill of the server', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO, '--orders', '300'], { timeout: 100_000 });
  const rows = [...stdout.matchAll(/│ (with[^│]+?) +│ (\d+) +│ (\d+) +│ (\d+) +│ (\d+) +│/gu)];
  const [without, withOnced] = rows.map(([, name, ...figures]) => ({ name, figures: figures.map(Number) }));
  expect(without?.figures[3]).toBeGreaterThan(0);
  expect(withOnced?.name).toContain('killed half way');
  expect(withOnced?.figures).toEqual([300, expect.any(Number), 300, 0]);
  expect(stdout).toContain('the Onced server is back');
}, 120_000);
