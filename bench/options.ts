// The command line of the benchmark.

import { Command, InvalidArgumentError, Option } from 'commander';
import { PEERS, PRELOADED_RECORDS, SCENARIOS, type ScenarioName } from './plan.ts';
import { STORES, type StoreName } from './servers/onced.ts';

export interface Options {
  readonly scenarios: readonly ScenarioName[];
  readonly store: StoreName;
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly records: number;
  /** Records that become due in the compaction scenario, or go in the purge scenario. */
  readonly dueRecords: number;
  /** Also the ten million records of the scale scenario: some ten minutes and 6 GB of disk more. */
  readonly tenMillion: boolean;
  readonly output: string;
}

export function parseArguments(args: readonly string[]): Options {
  const command = new Command('npm run bench --')
    .description(
      'Measures Onced and what users would pick instead, on this machine, and writes results, table and chart.',
    )
    .addOption(new Option('--scenario <name...>', 'only these').choices([...SCENARIOS]))
    .addOption(new Option('--store <name>', 'store of Onced').choices([...STORES]).default('sqlite'))
    .addOption(new Option('--peer <name...>', 'only these peers beside the no-op echo').choices([...PEERS, 'none']))
    .option(
      '--rounds <count>',
      'interleaved rounds of the scenarios that promises are judged by; others take fewer',
      wholeNumber,
      5,
    )
    .option('--records <count>', 'records that are there before', wholeNumber, PRELOADED_RECORDS)
    .option(
      '--due-records <count>',
      'compaction: records that become due; purge: records that go',
      wholeNumber,
      1_000_000,
    )
    .option('--ten-million', 'scale: also ten million records (ten minutes more)', false)
    .option('--output <folder>', 'where results go', 'bench/results')
    .parse(args, { from: 'user' });
  const given = command.opts<{
    scenario?: ScenarioName[];
    store: StoreName;
    peer?: string[];
    rounds: number;
    records: number;
    dueRecords: number;
    tenMillion: boolean;
    output: string;
  }>();
  return {
    scenarios: given.scenario ?? AGREED,
    store: given.store,
    peers: given.peer?.filter((name) => name !== 'none') ?? PEERS,
    rounds: given.rounds,
    records: given.records,
    dueRecords: given.dueRecords,
    tenMillion: given.tenMillion,
    output: given.output,
  };
}

/** `echo` is a part of `unary-vs-echo` for those who want gRPC's own cost over both transports; `purge` takes a quarter of an hour. */
const AGREED: readonly ScenarioName[] = SCENARIOS.filter((name) => name !== 'echo' && name !== 'purge');

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of 1 or more');
  return value;
}
