// Counts of records and bytes by namespace and state: gathered in memory over a batch, written once with it.

import { STORED_STATES, type StoredRecord, type StoredState } from '../contract/index.ts';
import { payloadBytes, stateCode } from './rows.ts';
import type { Statements } from './statements.ts';

interface Change {
  readonly state: StoredState;
  records: number;
  bytes: number;
}

export interface Tallies {
  /** One record was, and now is; undefined for none. */
  moved(before: StoredRecord | undefined, after: StoredRecord | undefined): void;
  add(namespace: string, state: StoredState, change: { readonly records: number; readonly bytes: number }): void;
  /** Inside the batch's transaction. */
  write(statements: Statements): void;
  /** The transaction was rolled back, or is over. */
  forget(): void;
}

export function createTallies(): Tallies {
  const changes = new Map<string, Change[]>();

  const changeOf = (namespace: string, state: StoredState): Change => {
    let ofNamespace = changes.get(namespace);
    if (ofNamespace === undefined) {
      ofNamespace = STORED_STATES.map((each) => ({ state: each, records: 0, bytes: 0 }));
      changes.set(namespace, ofNamespace);
    }
    const change = ofNamespace[stateCode(state)];
    if (change === undefined) throw new Error(`no tally for the state ${state}`);
    return change;
  };

  const add: Tallies['add'] = (namespace, state, { records, bytes }) => {
    const change = changeOf(namespace, state);
    change.records += records;
    change.bytes += bytes;
  };

  return {
    add,

    moved(before, after) {
      if (before !== undefined) add(before.namespace, before.state, { records: -1, bytes: -payloadBytes(before) });
      if (after !== undefined) add(after.namespace, after.state, { records: 1, bytes: payloadBytes(after) });
    },

    write(statements) {
      for (const [namespace, ofNamespace] of changes) {
        for (const { state, records, bytes } of ofNamespace) {
          if (records !== 0 || bytes !== 0) statements.tally.run(namespace, stateCode(state), records, bytes);
        }
      }
    },

    forget: () => changes.clear(),
  };
}
