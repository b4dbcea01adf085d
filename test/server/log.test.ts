// The log: JSON lines that carry no key, payload, token or credential, and no control character.

import { expect, test } from 'vitest';
import { createLog, keyHash } from '../../server/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  const lines: string[] = [];
  write(createLog('debug', { write: (line) => void lines.push(line) }));
  return lines.join('');
}

test('a key is shown as twelve hex digits of its hash', () => {
  expect(keyHash('order-17')).toMatch(/^[0-9a-f]{12}$/);
  expect(keyHash('order-17')).toBe(keyHash('order-17'));
  expect(keyHash('order-17')).not.toBe(keyHash('order-18'));
});

test('planted secrets in the usual places are cut out, also inside an error of a driver', () => {
  const driverError = Object.assign(new Error('duplicate'), { detail: 'planted (key)=(order-17)' });
  const output = logged((log) => {
    log.warn({ key: 'planted', leaseToken: 'planted', metadata: { authorization: 'planted' } }, 'a mistake');
    log.warn({ request: { result: 'planted', token: 'planted', password: 'planted' } }, 'another');
    log.error({ err: driverError }, 'a third');
  });
  expect(output).toContain('a mistake');
  expect(output).not.toContain('planted');
});

test('control characters of a caller reach no terminal and make no second line', () => {
  const output = logged((log) => log.warn({ owner: 'a\nb\u001b[31mc\u009b31md\u007f\u2028{"level":"fatal"}' }, 'who'));
  expect(output.trimEnd().split(/[\n\u2028]/)).toHaveLength(1);
  // oxlint-disable-next-line no-control-regex
  expect(output.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  expect(JSON.parse(output)).toMatchObject({ owner: 'a\nb\u001b[31mc\u009b31md\u007f\u2028{"level":"fatal"}' });
});

test('a line has a level in words and a time in UTC', () => {
  expect(JSON.parse(logged((log) => log.info('up')))).toMatchObject({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    msg: 'up',
  });
});
