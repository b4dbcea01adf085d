// What is measured: blocks of cells that are compared with each other, and so run in turn, round after round. The numbers
// here make the agreed workload, which ends in about twenty minutes on two cores.

import type { Work, WorkName } from './drivers/driver.ts';
import type { Load } from './harness/window.ts';
import { subjectNamed, type Subject } from './subjects.ts';

export interface Cell {
  readonly subject: Subject;
  readonly work: Work;
  readonly load: Load;
}

export interface Block {
  readonly scenario: ScenarioName;
  readonly title: string;
  readonly cells: readonly Cell[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export const SCENARIOS = [
  'fresh',
  'echo',
  'unary-vs-echo',
  'single',
  'replay',
  'contended',
  'takeover',
  'mixed',
  'lookup',
  'open',
  'scale',
  'compaction',
  'purge',
] as const;
export type ScenarioName = (typeof SCENARIOS)[number];

export interface Choice {
  readonly store: string;
  /** Peers to measure beside Onced. */
  readonly peers: readonly string[];
  readonly rounds: number;
}

export const PEERS = ['redis-always', 'redis-everysec', 'postgres', 'etcd', 'restate', 'powertools'] as const;
/** Records already there in Onced, Redis and Postgres. */
export const PRELOADED_RECORDS = 500_000;
const RESULT_BYTES = 32;
const IN_FLIGHT = 64;
/** The others have run for half a minute since: caches are cold, and what they flush still goes on. */
const WINDOW = { warmUpMs: 1000, windowMs: 1600 };
/** Scenarios that no promise is judged by take this share of the rounds. */
const SIDE_ROUNDS = 0.6;

const closed = (inFlight: number): Load => ({ kind: 'closed', inFlight });
const work = (name: WorkName, resultBytes = RESULT_BYTES): Work => ({ name, resultBytes });

/** The block of a scenario; undefined for scale, compaction and purge, which start servers of their own. */
export function blockOf(scenario: ScenarioName, choice: Choice): Block | undefined {
  const session = subjectNamed(`onced-session-${choice.store}`);
  const unary = subjectNamed(`onced-unary-${choice.store}`);
  const client = subjectNamed(`onced-client-${choice.store}`);
  const echoes = [subjectNamed('echo-session'), subjectNamed('echo-unary')];
  const peers = choice.peers.map(subjectNamed);
  const block = (title: string, cells: readonly Cell[], share = SIDE_ROUNDS): Block => ({
    scenario,
    title,
    cells,
    rounds: Math.ceil(choice.rounds * share),
    ...WINDOW,
  });
  const at = (subjects: readonly Subject[], each: Work, load = closed(IN_FLIGHT)): Cell[] =>
    subjects.map((subject) => ({ subject, work: each, load }));

  switch (scenario) {
    case 'fresh':
      return block(
        'A fresh key: begin + complete, 64 in flight',
        at([session, client, unary, ...echoes, ...peers], work('intent')),
        1,
      );
    case 'echo':
      return block(
        'What gRPC alone costs: no-op echo, two calls an operation',
        [1, 16, 64, 256].flatMap((inFlight) => at(echoes, work('intent'), closed(inFlight))),
      );
    case 'unary-vs-echo': {
      const pair = [unary, subjectNamed('echo-unary')];
      return block(
        'Unary calls against a no-op echo on the same grpc-js stack',
        [
          ...at(pair, work('begin')),
          ...[1, 16, 64, 256].flatMap((inFlight) => at(pair, work('intent'), closed(inFlight))),
        ],
        1,
      );
    }
    case 'single':
      return block(
        'One begin at a time',
        at([session, unary, ...echoes, ...peers.filter(canBegin)], work('begin'), closed(1)),
        1,
      );
    case 'replay':
      return block('A completed key is asked for again, 64 in flight', [
        ...at([session, unary, ...peers], work('replay')),
        ...at([session, unary], work('replay', 4 * 1024)),
        ...at([session, unary], work('replay', 64 * 1024)),
      ]);
    case 'contended':
      return block(
        '64 callers ask for the same fresh key and wait for its result',
        at([session, unary], work('contended')),
      );
    case 'takeover':
      return block('A lease that ran out is taken over, 64 in flight', at([session, unary], work('takeover')));
    case 'mixed':
      return block('Nine replays to one fresh key, 64 in flight', at([session, unary, ...peers], work('mixed')));
    case 'lookup':
      return block(
        'Lookup with its result, 64 in flight',
        at([session, unary, ...peers.filter(canBegin)], work('lookup')),
      );
    case 'open':
      return block('Fixed arrival rate, latency from the intended start: begin + complete', [
        ...at([session, unary, ...peers], work('intent'), { kind: 'open', perSecond: 500 }),
        ...at([session], work('intent'), { kind: 'open', perSecond: 4000 }),
        ...at([session], work('intent'), { kind: 'open', perSecond: 8000 }),
      ]);
    case 'scale':
    case 'compaction':
    case 'purge':
      return undefined;
  }
}

/** Restate and Powertools do begin, work and complete in one step and have no begin alone and no lookup. */
const canBegin = ({ name }: Subject): boolean => name !== 'restate' && name !== 'powertools';
