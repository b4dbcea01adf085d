// Attempts that ran while the store was down and met another one there: side effects that may have happened twice.

import type { DegradedConflict } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { Go } from '../../parts/go.tsx';
import { Age } from '../../parts/times.tsx';
import { Visible } from '../../parts/visible.tsx';

const MEANINGS: Readonly<Record<string, string>> = {
  OTHER_OUTCOME: "another attempt's outcome stands",
  OTHER_ATTEMPT: 'another attempt was under way or lost',
  KEY_REUSED: 'the key stands for another request',
  LEASE_LOST: 'its lease had been taken over',
};

export function Conflicts({ conflicts }: { readonly conflicts: readonly DegradedConflict[] }) {
  if (conflicts.length === 0) return null;
  return (
    <section className="card card-bad" aria-label="Ran without the store">
      <h2>Ran without the store and may be duplicates</h2>
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">key</th>
            <th scope="col">what was met</th>
            <th scope="col">owner</th>
            <th scope="col">listed</th>
          </tr>
        </thead>
        <tbody>
          {conflicts.map(({ namespace, key, cause, owner, listTime }) => (
            <tr key={`${namespace} ${key} ${owner}`}>
              <th scope="row">
                <Go to="/intent" parameters={{ namespace, key }}>
                  {namespace} <Visible text={key} />
                </Go>
              </th>
              <td>{MEANINGS[cause] ?? cause}</td>
              <td>
                <Visible text={owner} />
              </td>
              <td>
                <Age at={listTime} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
