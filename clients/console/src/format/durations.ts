// Durations for people, and as people write them: 850 ms, 12.3 s, 4 min 10 s; 500ms, 30s, 15m, 2h, 7d.

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export function showDuration(ms: number): string {
  if (ms < 0) return `-${showDuration(-ms)}`;
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`;
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < MINUTE_MS) return `${Number((ms / SECOND_MS).toFixed(1))} s`;
  if (ms < HOUR_MS) return pair(ms, [MINUTE_MS, 'min'], [SECOND_MS, 's']);
  if (ms < DAY_MS) return pair(ms, [HOUR_MS, 'h'], [MINUTE_MS, 'min']);
  return pair(ms, [DAY_MS, 'd'], [HOUR_MS, 'h']);
}

type Unit = readonly [ms: number, name: string];

function pair(ms: number, [bigMs, big]: Unit, [smallMs, small]: Unit): string {
  const many = Math.floor(ms / bigMs);
  const few = Math.floor((ms % bigMs) / smallMs);
  return few === 0 ? `${many} ${big}` : `${many} ${big} ${few} ${small}`;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Undefined for what is no duration; the empty text is none. */
export function readDuration(text: string): number | undefined {
  const [, count = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*$/.exec(text) ?? [];
  const unitMs = UNITS[unit];
  return unitMs === undefined ? undefined : Math.round(Number(count) * unitMs);
}

/** As `readDuration` reads it: the largest unit that leaves no rest. */
export function writeDuration(ms: number): string {
  const fitting = Object.entries(UNITS).filter(([, unitMs]) => ms % unitMs === 0 && ms >= unitMs);
  const [unit, unitMs] = fitting.at(-1) ?? ['ms', 1];
  return `${ms / unitMs}${unit}`;
}
