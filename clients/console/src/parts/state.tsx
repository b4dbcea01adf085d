// The state of a record, the same word and colour everywhere. The word says it: colour only helps.

import { IntentState } from '../../../../proto/gen/onced/v1/record_pb.js';

const WORDS: Readonly<Record<IntentState, string>> = {
  [IntentState.UNSPECIFIED]: 'unknown state',
  [IntentState.IN_PROGRESS]: 'in progress',
  [IntentState.COMPLETED]: 'completed',
  [IntentState.FAILED]: 'failed',
  [IntentState.RELEASED]: 'released',
  [IntentState.UNKNOWN]: 'unknown',
  [IntentState.ORPHANED]: 'orphaned',
};

export const stateWord = (state: IntentState): string => WORDS[state];

/** Those that a filter can name, in the order of a record's life. */
export const STATES: readonly IntentState[] = [
  IntentState.IN_PROGRESS,
  IntentState.COMPLETED,
  IntentState.FAILED,
  IntentState.RELEASED,
  IntentState.ORPHANED,
  IntentState.UNKNOWN,
];

export function State({ state }: { readonly state: IntentState }) {
  const word = stateWord(state);
  return <span className={`state state-${word.replace(' ', '-')}`}>{word}</span>;
}
