// Audit: who did what and why, and whether the log is whole.

import { TextInput } from '@mantine/core';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { AuditEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { usePages } from '../../hooks/use-pages.ts';
import { useParameters } from '../../hooks/use-parameters.ts';
import { Empty } from '../../parts/empty.tsx';
import { ListStatus } from '../../parts/list-status.tsx';
import { Page } from '../../parts/page.tsx';
import { Exactly } from '../../parts/times.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { VirtualTable, type Column } from '../../parts/virtual-table.tsx';
import { Visible } from '../../parts/visible.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { Verification } from './verification.tsx';

const EventDialog = lazy(async () => import('./event-dialog.tsx'));
const PAGE_SIZE = 100;

export default function AuditPage() {
  const { api } = useSession();
  const [{ namespace = '', actor = '' }, change] = useParameters();
  const { may, isKnown } = usePermissions(namespace);
  const { may: mayEverywhere } = usePermissions('');
  const [opened, setOpened] = useState<AuditEvent>();
  const pages = usePages({
    question: isKnown && may('audit') ? JSON.stringify([namespace, actor]) : undefined,
    async ask(pageToken, signal) {
      const request = { namespace, actor, pageSize: PAGE_SIZE, pageToken };
      const { events, nextPageToken } = await api.admin.listAuditEvents(request, { signal });
      return { rows: events, nextPageToken };
    },
  });
  const columns = useMemo(() => columnsWith(setOpened), []);
  return (
    <Page title="Audit" about="Who did what and why, newest first. Events cannot be changed through Onced.">
      {isKnown && !may('audit') ? (
        <Empty
          title={
            namespace === ''
              ? 'Your credentials may not read the whole audit log.'
              : 'Your credentials may not read the audit log here.'
          }
          commands={[`onced token create NAME --grant 'operator:${namespace === '' ? '*' : namespace}'`]}
        >
          <p>An admin can grant more:</p>
        </Empty>
      ) : (
        <>
          <div className="filter-row">
            <TextInput
              size="xs"
              label="Who"
              placeholder="exactly"
              value={actor}
              autoComplete="off"
              onChange={(event) => change({ actor: event.currentTarget.value })}
            />
          </div>
          {mayEverywhere('audit') && <Verification />}
          {pages.trouble !== undefined && <TroubleNotice trouble={pages.trouble} onRetry={pages.restart} />}
          {pages.rows.length > 0 && (
            <div className="fill">
              <VirtualTable
                label="Audit events"
                columns={columns}
                rows={pages.rows}
                keyOf={({ sequence }) => String(sequence)}
                onEnd={pages.more}
              />
            </div>
          )}
          {pages.isComplete && pages.rows.length === 0 ? (
            <Empty
              title={namespace === '' && actor === '' ? 'Nobody has changed anything.' : 'No event matches.'}
              commands={['onced audit list', 'onced audit verify']}
            >
              <p>Every change by an operator is written here before it is made. The same from a terminal:</p>
            </Empty>
          ) : (
            <ListStatus pages={pages} one="event" />
          )}
        </>
      )}
      {opened !== undefined && (
        <Suspense>
          <EventDialog event={opened} onClose={() => setOpened(undefined)} />
        </Suspense>
      )}
    </Page>
  );
}

const columnsWith = (open: (event: AuditEvent) => void): readonly Column<AuditEvent>[] => [
  {
    name: 'event',
    width: '60px',
    cell: (event) => (
      <button type="button" className="link" onClick={() => open(event)} aria-label={`Event ${String(event.sequence)}`}>
        {String(event.sequence)}
      </button>
    ),
  },
  { name: 'time', width: '215px', cell: ({ time }) => <Exactly at={time} /> },
  { name: 'who', width: 'minmax(100px, 1fr)', cell: ({ actor }) => <Visible text={actor} /> },
  { name: 'what', width: '170px', cell: ({ action }) => action },
  { name: 'on', width: 'minmax(140px, 1.5fr)', cell: ({ target }) => <Visible text={target} /> },
  { name: 'namespace', width: 'minmax(100px, 1fr)', cell: ({ namespace }) => namespace },
  { name: 'why', width: 'minmax(160px, 2fr)', cell: ({ reason }) => <Visible text={reason} /> },
];
