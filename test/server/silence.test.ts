// When a store counts as silent, look by look.

import { expect, test } from 'vitest';
import { limits } from '../../server/limits.ts';
import { createSilence } from '../../server/silence.ts';

function openWorld() {
  const world = { isAwaited: true, isConnected: true, asked: 0, silences: 0 };
  const silence = createSilence({
    isAwaited: () => world.isAwaited,
    isConnected: () => world.isConnected,
    ask: () => (world.asked += 1),
    onSilent: () => (world.silences += 1),
  });
  /** Looks until it is silent, and how long that took. */
  const quietMs = (msMax = 10_000): number => {
    let ms = 0;
    while (!silence.isOn && ms < msMax) {
      silence.look();
      ms += limits.silenceLookMs;
    }
    return ms;
  };
  return { world, silence, quietMs };
}

const rounded = (durationMs: number): number => Math.ceil(durationMs / limits.silenceLookMs) * limits.silenceLookMs;

test('a store of which nothing is heard while calls wait is asked, and is silent after a quarter of a second', () => {
  const { world, quietMs } = openWorld();
  expect(quietMs(limits.silenceAskMs - 1)).toBe(limits.silenceAskMs);
  expect(world).toMatchObject({ asked: 1, silences: 0 });
  expect(quietMs()).toBe(rounded(limits.silenceMs) - limits.silenceAskMs);
  expect(world.silences).toBe(1);
});

test.each(['failed', 'not connected'])('it is silent sooner when it %s', (how) => {
  const { world, silence, quietMs } = openWorld();
  world.isAwaited = false;
  if (how === 'failed') silence.failed();
  else world.isConnected = false;
  expect(quietMs()).toBe(limits.silenceSuspectMs);
  // A caller waits for one look more at most, and 100 ms is what it is promised.
  expect(limits.silenceSuspectMs + 2 * limits.silenceLookMs).toBeLessThan(100);
});

test('any word of it starts the silence anew, and ends one', () => {
  const { world, silence, quietMs } = openWorld();
  for (let words = 0; words < 5; words += 1) {
    quietMs(limits.silenceMs - limits.silenceLookMs);
    silence.heard();
  }
  expect(silence.isOn).toBe(false);
  quietMs();
  silence.heard();
  expect(silence.isOn).toBe(false);
  expect(quietMs()).toBe(rounded(limits.silenceMs) + limits.silenceLookMs);
  expect(world.silences).toBe(2);
});

test('a store that nobody waits for is never silent', () => {
  const { world, silence, quietMs } = openWorld();
  world.isAwaited = false;
  quietMs();
  expect(silence.isOn).toBe(false);
  expect(world.asked).toBe(0);
});

test('a store that always takes 400 ms is not taken for a silent one, whatever it took first', () => {
  const { silence, quietMs } = openWorld();
  silence.heard(1);
  let silences = 0;
  for (let calls = 0; calls < 20; calls += 1) {
    quietMs(400);
    if (silence.isOn) silences += 1;
    silence.heard(400);
  }
  expect(silences).toBeLessThan(3);
});
