// The promises about speed, each as a ratio of figures from this one run, with the goal beside it.

import type { DiskProbe } from '../harness/disk.ts';
import type { Row } from './summary.ts';

export interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly unit: '' | 'µs';
  readonly goal: string;
  readonly isMet: boolean;
}

interface Goal {
  readonly name: string;
  readonly unit?: 'µs';
  readonly atLeast?: number;
  readonly atMost?: number;
  value(figures: Figures): number | undefined;
}

type Place = { scenario: string; subject: string; work: string; inFlight?: number };
interface Figures {
  row(pick: Place): Row | undefined;
  readonly store: string;
  readonly disk: DiskProbe;
}

const fresh = (subject: string): Place => ({ scenario: 'fresh', subject, work: 'intent', inFlight: 64 });
const unaryBegin = (subject: string): Place => ({ scenario: 'unary-vs-echo', subject, work: 'begin', inFlight: 64 });
const single = (subject: string): Place => ({ scenario: 'single', subject, work: 'begin', inFlight: 1 });

function divided(above: number | undefined, below: number | undefined): number | undefined {
  return above === undefined || below === undefined || below === 0 ? undefined : above / below;
}

const rate = (figures: Figures, pick: Place): number | undefined => figures.row(pick)?.perSecond.median;
const cpu = (figures: Figures, pick: Place): number | undefined => figures.row(pick)?.serverCpuUs.median;
const sessionOf = (figures: Figures): string => `onced-session-${figures.store}`;
const unaryOf = (figures: Figures): string => `onced-unary-${figures.store}`;
const freshAgainst = (peer: string) => (figures: Figures) =>
  divided(rate(figures, fresh(sessionOf(figures))), rate(figures, fresh(peer)));

const GOALS: readonly Goal[] = [
  {
    name: 'Session against unary, begin + complete, operations a second at 64 in flight',
    atLeast: 6,
    value: (figures) => divided(rate(figures, fresh(sessionOf(figures))), rate(figures, fresh(unaryOf(figures)))),
  },
  {
    name: 'Session against unary, server CPU per begin + complete at 64 in flight',
    atMost: 1 / 3,
    value: (figures) => divided(cpu(figures, fresh(sessionOf(figures))), cpu(figures, fresh(unaryOf(figures)))),
  },
  {
    name: 'Server CPU that a durable unary begin adds to a no-op echo, 64 in flight',
    unit: 'µs',
    atMost: 30,
    value(figures) {
      const durable = cpu(figures, unaryBegin(unaryOf(figures)));
      const echo = cpu(figures, unaryBegin('echo-unary'));
      return durable === undefined || echo === undefined ? undefined : durable - echo;
    },
  },
  {
    name: 'Durable unary begin against a no-op echo, calls a second at 64 in flight',
    atLeast: 0.8,
    value: (figures) => divided(rate(figures, unaryBegin(unaryOf(figures))), rate(figures, unaryBegin('echo-unary'))),
  },
  {
    name: 'p50 of one begin at a time against a bare fsync + an echo call, both over Session',
    atMost: 2,
    value: (figures) => singleRatio(figures, sessionOf(figures), 'echo-session'),
  },
  {
    name: 'p50 of one begin at a time against a bare fsync + an echo call, both unary',
    atMost: 2,
    value: (figures) => singleRatio(figures, unaryOf(figures), 'echo-unary'),
  },
  {
    name: 'Time per replay with the most records against 10 thousand, 64 in flight',
    atMost: 1.3,
    value: (figures) => scaleRatio(figures, 'replay'),
  },
  {
    name: 'Time per begin + complete with the most records against 10 thousand, 64 in flight',
    atMost: 1.3,
    value: (figures) => scaleRatio(figures, 'intent'),
  },
  {
    name: 'p99 of begins beside compaction against without',
    atMost: 1.2,
    value: (figures) => besideRatio(figures, 'compaction'),
  },
  {
    name: 'p99 of begins beside a purge against without',
    atMost: 1.2,
    value: (figures) => besideRatio(figures, 'purge'),
  },
  { name: 'Session against etcd put-if-absent + put', atLeast: 5, value: freshAgainst('etcd') },
  { name: 'Session against a Restate idempotent invocation', atLeast: 6, value: freshAgainst('restate') },
  { name: 'Session against Postgres INSERT + UPDATE', value: freshAgainst('postgres') },
  { name: 'Session against Redis SET NX + SET, AOF always', value: freshAgainst('redis-always') },
  { name: 'Session against Redis SET NX + SET, AOF everysec', value: freshAgainst('redis-everysec') },
  { name: 'Session against AWS Powertools over Redis, AOF always', value: freshAgainst('powertools') },
];

/** The most that was run: ten million with --ten-million, otherwise one. */
function scaleRatio(figures: Figures, work: string): number | undefined {
  const at = (records: number): number | undefined =>
    rate(figures, { scenario: 'scale', subject: `onced-session-sqlite-${records}`, work, inFlight: 64 });
  return divided(at(10_000), at(10_000_000) ?? at(1_000_000));
}

function besideRatio(figures: Figures, scenario: string): number | undefined {
  const at = (subject: string): number | undefined =>
    figures.row({ scenario, subject, work: 'begin-of-intent' })?.p99Ms.median;
  return divided(at('with'), at('without'));
}

function singleRatio(figures: Figures, subject: string, echo: string): number | undefined {
  const begin = figures.row(single(subject))?.p50Ms.median;
  const call = figures.row(single(echo))?.p50Ms.median;
  return call === undefined ? undefined : divided(begin, call + figures.disk.p50Ms);
}

export function ratiosOf(rows: readonly Row[], { store, disk }: { store: string; disk: DiskProbe }): Ratio[] {
  const figures: Figures = { store, disk, row: (pick) => rows.find((row) => isAsked(row, pick)) };
  return GOALS.flatMap((goal) => {
    const value = goal.value(figures);
    return value === undefined ? [] : [judged(goal, value)];
  });
}

function isAsked(row: Row, { scenario, subject, work, inFlight }: Place): boolean {
  const sameLoad = inFlight === undefined || (row.load.kind === 'closed' && row.load.inFlight === inFlight);
  return row.scenario === scenario && row.subject === subject && row.work.name === work && sameLoad;
}

export function judged(goal: Omit<Goal, 'value'>, value: number): Ratio {
  const { name, unit = '', atLeast, atMost } = goal;
  const least = atLeast === undefined ? '' : `at least ${round(atLeast)}`;
  const most = atMost === undefined ? '' : `at most ${round(atMost)}`;
  const isMet = (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
  return { name, value, unit, goal: least + most, isMet };
}

const round = (value: number): string => String(Number(value.toPrecision(3)));
