// Records and bytes by namespace and state.

import type { GetStatsResponse } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { IntentState } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { showBytes, showCount } from '../../format/numbers.ts';
import { Empty } from '../../parts/empty.tsx';
import { Go } from '../../parts/go.tsx';
import { stateWord } from '../../parts/state.tsx';

/** What is stored; orphans are in progress there. */
const STATES: readonly IntentState[] = [
  IntentState.IN_PROGRESS,
  IntentState.COMPLETED,
  IntentState.FAILED,
  IntentState.RELEASED,
  IntentState.UNKNOWN,
];
const ROWS_MAX = 100;

interface Row {
  readonly namespace: string;
  readonly counts: ReadonlyMap<IntentState, bigint>;
  readonly records: bigint;
  readonly bytes: bigint;
}

export function Records({ stats }: { readonly stats: GetStatsResponse }) {
  const rows = rowsOf(stats);
  return (
    <section className="card" aria-label="Records by namespace and state">
      <h2>Records</h2>
      {rows.length === 0 ? (
        <Empty title="Nothing is stored yet. Try it:" commands={['npm run demo', 'onced --help']} />
      ) : (
        <div className="scroll-x" tabIndex={0} role="group" aria-label="Records, scrollable">
          <table className="plain-table">
            <thead>
              <tr>
                <th scope="col">namespace</th>
                {STATES.map((state) => (
                  <th key={state} scope="col" className="number">
                    {stateWord(state)}
                  </th>
                ))}
                <th scope="col" className="number">
                  payload
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, ROWS_MAX).map((row) => (
                <tr key={row.namespace}>
                  <th scope="row">
                    <Go to="/find" parameters={{ namespace: row.namespace }}>
                      {row.namespace}
                    </Go>
                  </th>
                  {STATES.map((state) => (
                    <td key={state} className="number">
                      {showCount(row.counts.get(state) ?? 0n)}
                    </td>
                  ))}
                  <td className="number">{showBytes(row.bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > ROWS_MAX && (
        <p className="dim">and {showCount(rows.length - ROWS_MAX)} namespaces with fewer records</p>
      )}
    </section>
  );
}

function rowsOf({ records }: GetStatsResponse): readonly Row[] {
  const byNamespace = Map.groupBy(records, ({ namespace }) => namespace);
  const rows = [...byNamespace].map(([namespace, groups]) => ({
    namespace,
    counts: new Map(groups.map((group) => [group.state, group.records])),
    records: groups.reduce((total, group) => total + group.records, 0n),
    bytes: groups.reduce((total, group) => total + group.bytes, 0n),
  }));
  return rows.toSorted((a, b) => Number(b.records - a.records) || (a.namespace < b.namespace ? -1 : 1));
}
