// One audit event whole: what stood before and after.

import type { ReactNode } from 'react';
import type { AuditEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { Exactly } from '../../parts/times.tsx';
import { Visible } from '../../parts/visible.tsx';
import { jsonOf } from '../../payload/bytes.ts';
import { JsonTree } from '../../payload/json-tree.tsx';
import { hex } from '../intent/facts.tsx';
import { Dialog } from '../../parts/dialog.tsx';

export default function EventDialog({ event, onClose }: { readonly event: AuditEvent; readonly onClose: () => void }) {
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['time', <Exactly key="time" at={event.time} />],
    ['who', <Visible key="who" text={event.actor} />],
    ['what', event.action],
    ['on', <Visible key="on" text={event.target} />],
    ['namespace', event.namespace],
    ['why', <Visible key="why" text={event.reason} />],
    ['request id', <code key="id">{event.requestId}</code>],
    ['hash', <code key="hash">{hex(event.hash)}</code>],
  ];
  return (
    <Dialog onClose={onClose} title={`Event ${String(event.sequence)}`} size="lg">
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Stood title="Before" text={event.before} />
      <Stood title="After" text={event.after} />
    </Dialog>
  );
}

function Stood({ title, text }: { readonly title: string; readonly text: string }) {
  const json = jsonOf(text);
  if (text === '' || json === undefined) return null;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <JsonTree json={json} />
    </section>
  );
}
