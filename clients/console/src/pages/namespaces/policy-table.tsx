// The policy in effect: each value and where it comes from.

import type { NamespaceInfo } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { Go } from '../../parts/go.tsx';
import { MEANINGS } from './meanings.ts';
import { POLICY_FIELDS, textsOf } from './policy.ts';

/** What holds where nobody sets a value that has no default. */
const ABSENT: Readonly<Record<string, string>> = { result_ttl: 'as the ttl', client_retry_window: 'none' };

export function PolicyTable({ info }: { readonly info: NamespaceInfo }) {
  const effective = textsOf(info.effective);
  const sources = new Map(info.sources.map(({ field, source }) => [field, source]));
  return (
    <div className="scroll-x" tabIndex={0} role="group" aria-label="Policy, scrollable">
      <table className="plain-table policy">
        <thead>
          <tr>
            <th scope="col">value</th>
            <th scope="col">in effect</th>
            <th scope="col">comes from</th>
            <th scope="col">meaning</th>
          </tr>
        </thead>
        <tbody>
          {POLICY_FIELDS.map(({ name }) => (
            <tr key={name}>
              <th scope="row">
                <code>{name}</code>
              </th>
              <td>{effective[name] ?? <span className="dim">{ABSENT[name] ?? 'unlimited'}</span>}</td>
              <td>
                <Source source={sources.get(name)} own={info.namespace} />
              </td>
              <td className="dim">{MEANINGS[name]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Source({ source, own }: { readonly source: string | undefined; readonly own: string }) {
  if (source === undefined || source === 'default') return <span className="dim">default</span>;
  if (source === 'server') return <>the server’s configuration</>;
  if (source === own) return <strong>here</strong>;
  return (
    <Go to="/namespaces" parameters={{ namespace: source }}>
      {source}
    </Go>
  );
}
