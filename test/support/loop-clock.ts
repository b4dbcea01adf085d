// Time that this process had to answer in: what its event loop stood still for, on a machine that others use too, is none.

const TICK_MS = 5;

export interface LoopClock extends Disposable {
  nowMs(): number;
}

export function startLoopClock(): LoopClock {
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), TICK_MS);
  return { nowMs: () => ticks * TICK_MS, [Symbol.dispose]: () => clearInterval(timer) };
}
