// What the record says of itself.

import type { ReactNode } from 'react';
import type { IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { OrphanCause } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { Age, Exactly } from '../../parts/times.tsx';
import { Visible } from '../../parts/visible.tsx';

const CAUSES: Readonly<Record<OrphanCause, string>> = {
  [OrphanCause.UNSPECIFIED]: '',
  [OrphanCause.LEASE_EXPIRED]: 'its lease ran out',
  [OrphanCause.HOLDER_UNKNOWN]: 'its holder said that it does not know',
};

export const causeText = (cause: OrphanCause): string => CAUSES[cause];

export function Facts({ record }: { readonly record: IntentRecord }) {
  const { summary, orphan, fingerprints } = record;
  return (
    <section className="card" aria-label="Record">
      <h2>Record</h2>
      <dl className="facts">
        {orphan !== undefined && (
          <Fact name="orphan">
            since <Age at={orphan.orphanTime} />: {causeText(orphan.cause)}
          </Fact>
        )}
        <Fact name="namespace">{summary?.namespace}</Fact>
        <Fact name="owner">
          {record.owner === '' ? <span className="dim">none given</span> : <Visible text={record.owner} />}
        </Fact>
        <Fact name="attempt">{summary?.attempt}</Fact>
        <Fact name="fencing token">{String(summary?.fencingToken ?? 0n)}</Fact>
        <Fact name="first begun">
          <Exactly at={summary?.createTime} />
        </Fact>
        <Fact name="expires">
          <Exactly at={summary?.expireTime} /> (<Age at={summary?.expireTime} />)
        </Fact>
        <Fact name="revision">{String(record.revision)}</Fact>
        {fingerprints.map(({ scheme, digest }) => (
          <Fact key={scheme} name="fingerprint">
            <Visible text={scheme} /> <code>{hex(digest)}</code>
          </Fact>
        ))}
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
