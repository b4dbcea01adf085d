// What is looked for: as the page's address says it, and as the API takes it.

import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { RecordFilterSchema } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { readDuration } from '../../format/durations.ts';
import type { Parameters } from '../../hooks/use-parameters.ts';
import { STATES, stateWord } from '../../parts/state.tsx';

export interface Filter {
  readonly namespace: string;
  readonly prefix: string;
  readonly states: readonly IntentState[];
  readonly owner: string;
  /** As written, such as 10m. */
  readonly age: string;
  readonly isWithExpired: boolean;
}

export function readFilter(parameters: Parameters): Filter {
  const words = (parameters['states'] ?? '').split(',');
  return {
    namespace: parameters['namespace'] ?? '',
    prefix: parameters['prefix'] ?? '',
    states: STATES.filter((state) => words.includes(stateWord(state))),
    owner: parameters['owner'] ?? '',
    age: parameters['age'] ?? '',
    isWithExpired: parameters['expired'] === 'yes',
  };
}

export const writeStates = (states: readonly IntentState[]): string => states.map(stateWord).join(',');

/** Whether the age is none or readable. */
export const isAgeGood = ({ age }: Filter): boolean => age.trim() === '' || readDuration(age) !== undefined;

export function filterMessage(filter: Filter): MessageInitShape<typeof RecordFilterSchema> {
  const ageMs = readDuration(filter.age);
  return {
    namespace: filter.namespace,
    keyPrefix: filter.prefix,
    states: [...filter.states],
    owner: filter.owner,
    includeExpired: filter.isWithExpired,
    ...(ageMs === undefined ? {} : { ageMin: durationFromMs(ageMs) }),
  };
}
