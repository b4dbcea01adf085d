// The payments demo as users run it, on SQLite: no double charge with Onced, and some without, or it would prove nothing.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const DEMO = fileURLToPath(new URL('../../clients/examples/payments/demo.ts', import.meta.url));

test('the demo double-charges without Onced and not with it, whether its server or a worker is killed', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [DEMO], { timeout: 150_000 });
  const rows = [...stdout.matchAll(/│ (\w[^│]+?) +│ (\d+) +│ (\d+) +│ (\d+) +│ (\d+) +│ (\d+) +│ (\d+) +│/gu)];
  const named = new Map(rows.map(([, name = '', ...figures]) => [name, figures.map(Number)]));
  const [orders, any] = [1000, expect.any(Number) as number];
  expect(named.get('without Onced')?.at(-1)).toBeGreaterThan(0);
  expect(named.get('Onced killed')).toEqual([orders, any, 1, any, orders, 0]);
  for (const policy of ['TAKE_OVER', 'HOLD']) {
    const figures = named.get(`workers killed, ${policy}`);
    expect(figures).toEqual([orders, any, 3, any, orders, 0]);
    // Somebody looked before the charge was made good.
    expect(figures?.[3]).toBeGreaterThan(0);
  }
}, 180_000);
