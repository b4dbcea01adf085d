// Admission by itself, on a clock of the test's own: who goes first, who is refused, and what is promised of both.

import { assert, constantFrom, integer, property, array, record } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAdmission, type Admission } from '../../server/admission/admission.ts';
import type { LoadClass } from '../../server/admission/load-class.ts';
import { CallOver, Rejection } from '../../server/errors.ts';
import { limits } from '../../server/limits.ts';

const WINDOW_MS = limits.admissionWindowMs;

/** One operation and what became of it. */
interface Operation {
  readonly load: LoadClass;
  readonly namespace: string;
  readonly arrivedAt: number;
  end: 'running' | 'waiting' | 'done' | Rejection | CallOver;
  startedAt: number | undefined;
  endedAt: number | undefined;
}

/** Events are numbered in the order in which they happen. */
function openWorld() {
  let nowMs = 0;
  let events = 0;
  const operations: Operation[] = [];
  const admission: Admission = createAdmission({ nowMs: () => nowMs });
  const arrive = async (load: LoadClass, namespace = 'a', timeoutMs = Infinity): Promise<Operation> => {
    const operation: Operation = {
      load,
      namespace,
      arrivedAt: events++,
      end: 'waiting',
      startedAt: undefined,
      endedAt: undefined,
    };
    operations.push(operation);
    const deadlineMs = Number.isFinite(timeoutMs) ? nowMs + timeoutMs : undefined;
    const started = (): void => {
      operation.end = 'running';
      operation.startedAt = events++;
    };
    const refused = (error: unknown): void => {
      if (!(error instanceof Rejection) && !(error instanceof CallOver)) throw error;
      operation.end = error;
      operation.endedAt = events++;
    };
    try {
      if (admission.enter(load, namespace)) started();
      else void admission.queue({ load, namespace, call: { deadlineMs, signal: undefined } }).then(started, refused);
    } catch (error) {
      refused(error);
    }
    await settled();
    return operation;
  };
  return {
    admission,
    operations,
    arrive,
    running: (load?: LoadClass) =>
      operations.filter(({ end, load: own }) => end === 'running' && (load === undefined || own === load)),
    async finish(operation: Operation): Promise<void> {
      operation.endedAt = events++;
      operation.end = 'done';
      admission.leave(operation.load);
      await settled();
    },
    async pass(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= WINDOW_MS) {
        nowMs += Math.min(left, WINDOW_MS);
        admission.tick();
        await settled();
      }
    },
  };
}

type World = ReturnType<typeof openWorld>;

/** Lets what was started say so. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
};

async function fill(world: World, load: LoadClass = 'begin', namespace = 'a'): Promise<void> {
  while (world.admission.state().inFlight < world.admission.state().limit) await world.arrive(load, namespace);
}

async function finishOne(world: World): Promise<void> {
  const [first] = world.running();
  if (first === undefined) throw new Error('nothing runs');
  await world.finish(first);
}

describe('above the limit', () => {
  test('holders go before begins, begins before lookups, whatever came first', async () => {
    const world = openWorld();
    await fill(world);
    const look = await world.arrive('look');
    const begin = await world.arrive('begin');
    const settle = await world.arrive('settle');
    expect([look.end, begin.end, settle.end]).toEqual(['waiting', 'waiting', 'waiting']);
    for (const expected of [settle, begin, look]) {
      await finishOne(world);
      expect(expected.end).toBe('running');
    }
  });

  test('a namespace with one operation does not wait behind another with a thousand', async () => {
    const world = openWorld();
    await fill(world);
    for (let count = 0; count < 1000; count += 1) await world.arrive('begin', 'noisy');
    const quiet = await world.arrive('begin', 'quiet');
    await finishOne(world);
    await finishOne(world);
    expect(quiet.end).toBe('running');
  });

  test('a namespace that fills the queue takes no place from others', async () => {
    const world = openWorld();
    await fill(world);
    for (let count = 0; count <= limits.admissionQueueMax; count += 1) await world.arrive('begin', 'noisy');
    expect(world.operations.at(-1)?.end).toMatchObject({
      reason: 'OVERLOADED',
      detail: { metadata: { cause: 'queue_full' } },
    });
    expect((await world.arrive('look', 'quiet')).end).toBe('waiting');
    expect((await world.arrive('settle', 'quiet')).end).toBe('waiting');
  });

  test('what waits past its deadline, or too long, is dropped without having run', async () => {
    const world = openWorld();
    await fill(world);
    const hurried = await world.arrive('begin', 'a', 150);
    const patient = await world.arrive('begin', 'a', 60_000);
    await world.pass(200);
    expect(hurried.end).toBeInstanceOf(CallOver);
    expect(patient.end).toBe('waiting');
    await world.pass(limits.admissionWaitMsMax);
    expect(patient.end).toMatchObject({ reason: 'OVERLOADED', detail: { metadata: { cause: 'waited_too_long' } } });
    expect([hurried.startedAt, patient.startedAt]).toEqual([undefined, undefined]);
    expect((patient.end as Rejection).detail.retryAfterMs).toBeGreaterThan(0);
  });

  test('with less time left than the store takes nothing but a holder comes in, until the store is quick or not asked', async () => {
    const world = openWorld();
    const { admission } = world;
    const lateness = () => (['settle', 'begin', 'look'] as const).map((load) => admission.isTooLate(load, 300));
    expect(lateness()).toEqual([false, false, false]);
    for (let sample = 0; sample < 300; sample += 1) admission.sample(sample % 3 === 0 ? 1 : 500);
    expect(lateness()).toEqual([false, true, true]);
    expect(admission.isTooLate('begin', 1000)).toBe(false);
    expect(admission.isTooLate('begin', undefined)).toBe(false);
    for (let sample = 0; sample < 300; sample += 1) admission.sample(sample % 3 === 0 ? 500 : 1);
    expect(lateness()).toEqual([false, false, false]);
    for (let sample = 0; sample < 100; sample += 1) admission.sample(500);
    expect(lateness()).toEqual([false, true, true]);
    await world.pass(5 * WINDOW_MS);
    expect(admission.isTooLate('begin', 6 * WINDOW_MS)).toBe(false);
  });

  test('an admin operation waits for its own few places only', async () => {
    const world = openWorld();
    await fill(world);
    const listed = await Promise.all(
      Array.from({ length: limits.admissionAdminMax + 1 }, async () => world.arrive('admin')),
    );
    expect(listed.filter(({ end }) => end === 'running')).toHaveLength(limits.admissionAdminMax);
    expect(world.admission.state().queued).toMatchObject({ admin: 1, begin: 0 });
  });
});

test('idle is when nobody but operators has asked in this window and the one before, and nothing runs', async () => {
  const world = openWorld();
  const { admission } = world;
  expect(admission.isIdle()).toBe(true);
  await world.arrive('admin');
  expect(admission.isIdle()).toBe(true);
  const holder = await world.arrive('settle');
  await world.pass(3 * WINDOW_MS);
  expect(admission.isIdle()).toBe(false);
  await world.finish(holder);
  expect(admission.isIdle()).toBe(true);
  await world.finish(await world.arrive('look'));
  expect(admission.isIdle()).toBe(false);
  await world.pass(WINDOW_MS);
  expect(admission.isIdle()).toBe(false);
  await world.pass(WINDOW_MS);
  expect(admission.isIdle()).toBe(true);
});

/** So many a millisecond arrive, so many are done; over so many windows. */
async function flow(
  world: World,
  { inPerWindow, outPerWindow, windows }: Record<'inPerWindow' | 'outPerWindow' | 'windows', number>,
): Promise<void> {
  for (let window = 0; window < windows; window += 1) {
    for (let count = 0; count < inPerWindow; count += 1) await world.arrive('begin');
    for (const operation of world.running().slice(0, outPerWindow)) await world.finish(operation);
    await world.pass(WINDOW_MS);
  }
}

describe('overload', () => {
  test('is when more comes than is done: found within a second, over within a second', async () => {
    const world = openWorld();
    await fill(world);
    await flow(world, { inPerWindow: 100, outPerWindow: 20, windows: 10 });
    expect(world.admission.state().isOverloaded).toBe(true);
    await flow(world, { inPerWindow: 100, outPerWindow: 20, windows: 5 });
    expect(world.admission.state().queued.begin).toBeLessThan(40);
    await flow(world, { inPerWindow: 5, outPerWindow: 200, windows: 10 });
    expect(world.admission.state().isOverloaded).toBe(false);
    expect((await world.arrive('begin')).end).toBe('running');
  });

  test('is not a queue of callers who wait for their answers: none of them is refused', async () => {
    const world = openWorld();
    const callers = limits.admissionInFlightMax + 500;
    for (let count = 0; count < callers; count += 1) await world.arrive('begin');
    for (let window = 0; window < 30; window += 1) {
      const done = world.running().slice(0, 400);
      for (const operation of done) await world.finish(operation);
      for (let count = 0; count < done.length; count += 1) await world.arrive('begin');
      await world.pass(WINDOW_MS);
    }
    expect(world.admission.state().isOverloaded).toBe(false);
    expect(world.operations.filter(({ end }) => end instanceof Rejection)).toEqual([]);
  });

  test('makes the longest queue as short as what is done in a moment, but for holders', async () => {
    const world = openWorld();
    await fill(world);
    await flow(world, { inPerWindow: 400, outPerWindow: 100, windows: 12 });
    for (let count = 0; count < 100; count += 1) await world.arrive('settle');
    for (let window = 0; window < 12; window += 1)
      await flow(world, { inPerWindow: 400, outPerWindow: 100, windows: 1 });
    expect(world.admission.state().queued.begin).toBeLessThan(40);
    expect(world.operations.filter(({ load, end }) => load === 'settle' && end instanceof Rejection)).toEqual([]);
  });
});

test('no holder is refused while a begin is let through, whatever comes in whatever order', async () => {
  const step = record({
    act: constantFrom('settle', 'settle', 'begin', 'begin', 'look', 'finish', 'pass', 'slow'),
    namespace: constantFrom('a', 'b', 'c'),
    count: integer({ min: 1, max: 60 }),
  });
  const runs: Promise<void>[] = [];
  assert(
    property(array(step, { minLength: 20, maxLength: 120 }), (steps) => {
      runs.push(holdsFor(steps));
    }),
    { numRuns: 40 },
  );
  await Promise.all(runs);
});

interface Step {
  readonly act: 'settle' | 'begin' | 'look' | 'finish' | 'pass' | 'slow';
  readonly namespace: string;
  readonly count: number;
}

async function holdsFor(steps: readonly Step[]): Promise<void> {
  const world = openWorld();
  await fill(world);
  // Room for few, so that queues fill within a few steps.
  for (const { act, namespace, count } of steps) {
    for (let index = 0; index < count; index += 1) {
      if (act === 'finish') await finishOne(world).catch(() => undefined);
      else if (act === 'pass') await world.pass(WINDOW_MS);
      else if (act === 'slow') world.admission.sample(500);
      else await world.arrive(act, namespace);
    }
  }
  const begins = world.operations.filter(({ load }) => load === 'begin');
  for (const refused of world.operations) {
    if (refused.load !== 'settle' || !(refused.end instanceof Rejection)) continue;
    const { arrivedAt, endedAt = Infinity } = refused;
    const letThrough = begins.filter(({ startedAt = -1 }) => startedAt > arrivedAt && startedAt < endedAt);
    expect(letThrough, JSON.stringify(steps)).toEqual([]);
  }
}

describe('the guards', () => {
  const well = { lagMs: 5, utilization: 0.5, heapShare: 0.3 };

  test('shed lookups, then begins, never holders, and readmit one class a good second', async () => {
    const world = openWorld();
    const late = { ...well, lagMs: 5 * limits.admissionLagMsMax + 1, utilization: 0.99 };
    const admitted = async (): Promise<unknown[]> =>
      Promise.all(
        (['settle', 'begin', 'look'] as const).map(async (load) => (await world.arrive(load)).end === 'running'),
      );
    const seen: unknown[] = [await admitted()];
    for (let second = 0; second < 4; second += 1) {
      world.admission.guard(late);
      seen.push(await admitted());
    }
    expect(seen).toEqual([
      [true, true, true],
      [true, true, true],
      [true, true, false],
      [true, false, false],
      [true, false, false],
    ]);
    // Late, but not that late: begins are back, lookups are not.
    for (let second = 0; second < 2; second += 1)
      world.admission.guard({ ...late, lagMs: 3 * limits.admissionLagMsMax });
    expect(await admitted()).toEqual([true, true, false]);
    for (let second = 0; second < 2; second += 1) world.admission.guard(well);
    expect(await admitted()).toEqual([true, true, true]);
  });

  test('are not alarmed by lateness that is another process’ doing', () => {
    const world = openWorld();
    world.admission.guard({ ...well, lagMs: 1000, utilization: 0.3 });
    expect(world.admission.state().shedding).toBe(0);
    world.admission.guard({ ...well, heapShare: 0.9 });
    expect(world.admission.state().shedding).toBe(1);
  });
});
