// Find: records by key prefix, state, age and owner, however many there are.

import { useCallback, useEffect, useRef } from 'react';
import { usePages } from '../../hooks/use-pages.ts';
import { useParameters } from '../../hooks/use-parameters.ts';
import { Empty } from '../../parts/empty.tsx';
import { Go } from '../../parts/go.tsx';
import { ListStatus } from '../../parts/list-status.tsx';
import { Page } from '../../parts/page.tsx';
import {
  ATTEMPT_COLUMN,
  EXPIRES_COLUMN,
  KEY_COLUMN,
  NAMESPACE_COLUMN,
  OWNER_COLUMN,
  recordId,
  RESULT_COLUMN,
  STATE_COLUMN,
  UPDATED_COLUMN,
} from '../../parts/record-columns.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { VirtualTable } from '../../parts/virtual-table.tsx';
import { Visible } from '../../parts/visible.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { FilterFields } from './filter-fields.tsx';
import { filterMessage, isAgeGood, readFilter, type Filter } from './filter.ts';

const PAGE_SIZE = 100;
const COLUMNS = [
  STATE_COLUMN,
  KEY_COLUMN,
  NAMESPACE_COLUMN,
  OWNER_COLUMN,
  ATTEMPT_COLUMN,
  RESULT_COLUMN,
  UPDATED_COLUMN,
  EXPIRES_COLUMN,
];

export default function FindPage() {
  const { api } = useSession();
  const [parameters, change] = useParameters();
  const filter = readFilter(parameters);
  const { may, isKnown } = usePermissions(filter.namespace);
  const list = useRef<HTMLDivElement>(null);
  const pages = usePages({
    question: isKnown && may('list') && isAgeGood(filter) ? JSON.stringify(filter) : undefined,
    async ask(pageToken, signal) {
      const request = { filter: filterMessage(filter), pageSize: PAGE_SIZE, pageToken };
      const { records, nextPageToken } = await api.admin.listRecords(request, { signal });
      return { rows: records, nextPageToken };
    },
  });
  const isWanted = parameters['focus'] === 'key';
  useEffect(() => {
    if (isWanted) change({ focus: '' });
  }, [isWanted, change]);
  const focusList = useCallback(() => list.current?.querySelector<HTMLElement>('.table-row a')?.focus(), []);

  return (
    <Page title="Find" about="Records by key, state, owner and age.">
      <FilterFields filter={filter} onChange={change} onLeave={focusList} isWanted={isWanted} />
      {isKnown && !may('list') && <Refused namespace={filter.namespace} />}
      <Exactly filter={filter} />
      {pages.trouble !== undefined && <TroubleNotice trouble={pages.trouble} onRetry={pages.restart} />}
      {pages.rows.length > 0 && (
        <div ref={list} className="fill">
          <VirtualTable label="Records" columns={COLUMNS} rows={pages.rows} keyOf={recordId} onEnd={pages.more} />
        </div>
      )}
      {pages.isComplete && pages.rows.length === 0 ? (
        <Nothing filter={filter} />
      ) : (
        <ListStatus pages={pages} one="record" />
      )}
    </Page>
  );
}

/** The way to a key that is known whole. */
function Exactly({ filter: { namespace, prefix } }: { readonly filter: Filter }) {
  if (namespace === '' || prefix === '') return null;
  return (
    <p className="exactly">
      Open exactly{' '}
      <Go to="/intent" parameters={{ namespace, key: prefix }}>
        {namespace} <Visible text={prefix} />
      </Go>
    </p>
  );
}

function Nothing({ filter }: { readonly filter: Filter }) {
  const namespace = filter.namespace === '' ? 'payments' : filter.namespace;
  return (
    <Empty
      title="No record matches."
      commands={[`onced list ${namespace} --state in_progress --older 10m`, `onced lookup ${namespace} order-17`]}
    >
      <p>
        Keys are compared byte for byte and expired records are left out unless asked for. The same from a terminal:
      </p>
    </Empty>
  );
}

function Refused({ namespace }: { readonly namespace: string }) {
  return (
    <Empty
      title={namespace === '' ? 'Choose a namespace above.' : 'Your credentials may not look into this namespace.'}
      commands={[`onced token create NAME --grant 'reader:${namespace === '' ? '*' : namespace}'`]}
    >
      <p>An admin can grant more:</p>
    </Empty>
  );
}
