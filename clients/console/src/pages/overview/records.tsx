// Records and bytes by namespace and state.

import type { GetStatsResponse, RecordCount } from '../../../../../proto/gen/onced/v1/admin_pb.js';
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
  readonly byState: ReadonlyMap<IntentState, Amount>;
  readonly all: Amount;
}

interface Amount {
  readonly records: bigint;
  readonly bytes: bigint;
}

const NONE: Amount = { records: 0n, bytes: 0n };

export function Records({ stats }: { readonly stats: GetStatsResponse }) {
  const rows = rowsOf(stats);
  return (
    <section className="card" aria-label="Records by namespace and state">
      <h2>Records, and bytes of their results and checkpoints</h2>
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
                  all
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
                  <Amounts byState={row.byState} all={row.all} />
                </tr>
              ))}
            </tbody>
            {rows.length > 1 && (
              <tfoot>
                <tr>
                  <th scope="row">all of them</th>
                  <Amounts {...sumOf(stats.records)} />
                </tr>
              </tfoot>
            )}
          </table>
        </div>
      )}
      {rows.length > ROWS_MAX && (
        <p className="dim">and {showCount(rows.length - ROWS_MAX)} namespaces with fewer records</p>
      )}
    </section>
  );
}

function Amounts({ byState, all }: Pick<Row, 'byState' | 'all'>) {
  return [...STATES.map((state) => byState.get(state) ?? NONE), all].map(({ records, bytes }, index) => (
    <td key={STATES[index] ?? 'all'} className="number">
      {showCount(records)} {bytes > 0n && <span className="amount-bytes">{showBytes(bytes)}</span>}
    </td>
  ));
}

function rowsOf({ records }: GetStatsResponse): readonly Row[] {
  const byNamespace = Map.groupBy(records, ({ namespace }) => namespace);
  const rows = [...byNamespace].map(([namespace, groups]) => ({ namespace, ...sumOf(groups) }));
  return rows.toSorted((a, b) => Number(b.all.records - a.all.records) || (a.namespace < b.namespace ? -1 : 1));
}

function sumOf(groups: readonly RecordCount[]): Pick<Row, 'byState' | 'all'> {
  const byState = new Map<IntentState, Amount>();
  for (const group of groups) byState.set(group.state, plus(byState.get(group.state) ?? NONE, group));
  return { byState, all: groups.reduce(plus, NONE) };
}

const plus = (a: Amount, b: Amount): Amount => ({ records: a.records + b.records, bytes: a.bytes + b.bytes });
