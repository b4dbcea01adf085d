// Compares what runners report with what clients/vectors/scenarios.json expects.

import { isDeepStrictEqual } from 'node:util';
import type { Fault, Told } from './faults.ts';

export interface Runner {
  readonly name: string;
  readonly command: string;
}

type Json = Readonly<Record<string, unknown>>;

export interface Step {
  readonly do: 'run' | 'begin' | 'pause';
  readonly expect?: Json;
  readonly work?: { readonly during?: readonly Step[] };
}

export interface Scenario {
  readonly name: string;
  readonly key: string;
  readonly keys?: number;
  readonly faults?: readonly Fault[];
  readonly steps: readonly Step[];
  readonly replay?: readonly Step[];
  /** How often the effect of a key has happened once all runners are through. */
  readonly effects: number;
}

export interface Outcome extends Json {
  readonly key: string;
  readonly path: string;
}

export interface Report {
  readonly name: string;
  readonly phase: 'run' | 'replay';
  readonly effects: Readonly<Record<string, number>>;
  readonly outcomes: readonly Outcome[];
}

/** For each step that the runner had to carry out: what is wrong with its outcome, or undefined. */
export function differences(
  report: Report,
  scenarios: readonly Scenario[],
  runners: readonly Runner[],
): (string | undefined)[] {
  const found = new Map(report.outcomes.map((outcome) => [`${outcome.key} ${outcome.path}`, outcome]));
  const owners = report.phase === 'run' ? [report.name] : runners.map(({ name }) => name);
  return owners.flatMap((owner) =>
    scenarios.flatMap((scenario) =>
      expected(scenario, report.phase).flatMap(({ path, expect }) =>
        keysOf(scenario, owner).map((key) => {
          const wrong = difference(expect, found.get(`${key} ${path}`));
          return wrong === undefined ? undefined : `${report.name}, ${report.phase}: ${key} ${path}: ${wrong}`;
        }),
      ),
    ),
  );
}

function difference(expect: Json, outcome: Outcome | undefined): string | undefined {
  if (outcome === undefined) return 'was not carried out';
  return isWithin(expect, outcome) ? undefined : `${JSON.stringify(outcome)} is not ${JSON.stringify(expect)}`;
}

/** `seen` may have more members than expected, as the outcome itself may; a value must be equal. */
function isWithin(expect: Json, outcome: Json): boolean {
  return Object.entries(expect).every(([name, value]) =>
    name === 'seen'
      ? isWithin(value as Json, (outcome['seen'] ?? {}) as Json)
      : isDeepStrictEqual(outcome[name], value),
  );
}

interface Expected {
  readonly path: string;
  readonly expect: Json;
}

function expected(scenario: Scenario, phase: 'run' | 'replay'): Expected[] {
  return phase === 'run' ? flatten('steps', scenario.steps) : flatten('replay', scenario.replay ?? []);
}

function flatten(path: string, steps: readonly Step[]): Expected[] {
  return steps.flatMap((step, index) => [
    ...(step.expect === undefined ? [] : [{ path: `${path}/${index}`, expect: step.expect }]),
    ...flatten(`${path}/${index}/during`, step.work?.during ?? []),
  ]);
}

export function wrongEffects(
  reports: readonly Report[],
  scenarios: readonly Scenario[],
  runners: readonly Runner[],
): string[] {
  const places = runners.flatMap(({ name }) =>
    scenarios.flatMap((scenario) => keysOf(scenario, name).map((key) => ({ key, effects: scenario.effects }))),
  );
  return places.flatMap(({ key, effects }) => {
    const count = reports.reduce((sum, report) => sum + (report.effects[key] ?? 0), 0);
    return count === effects ? [] : [`${key}: ${count} effects instead of ${effects}`];
  });
}

/** A scenario whose faults fell on nothing has shown nothing. */
export function idleFaults({ name }: Runner, { sets, missed }: Told, scenarios: readonly Scenario[]): string[] {
  const wanted = scenarios.filter(({ faults = [] }) => faults.length > 0).length;
  const idle = missed.map((fault) => `${name}: fell on no call: ${JSON.stringify(fault)}`);
  return sets === wanted ? idle : [`${name}: set faults ${sets} times instead of ${wanted}`, ...idle];
}

function keysOf({ key, keys }: Scenario, owner: string): string[] {
  if (keys === undefined) return [`${owner}/${key}`];
  return Array.from({ length: keys }, (_, index) => `${owner}/${key}-${index}`);
}
