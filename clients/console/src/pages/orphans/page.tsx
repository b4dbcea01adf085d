// Orphans: keys of which nobody knows whether the side effect happened, the oldest first, for a person to resolve.

import { Button } from '@mantine/core';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { lazy, Suspense, useCallback, useMemo, useState } from 'react';
import type { ClaimedOrphan } from '../../../../../proto/gen/onced/v1/idempotency_pb.js';
import { IntentState, type IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { plural } from '../../format/numbers.ts';
import { usePages } from '../../hooks/use-pages.ts';
import { Empty } from '../../parts/empty.tsx';
import { ListStatus } from '../../parts/list-status.tsx';
import { Page } from '../../parts/page.tsx';
import { recordId } from '../../parts/record-columns.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { VirtualTable } from '../../parts/virtual-table.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { useScope } from '../../shell/scope.tsx';
import { orphanColumns } from './columns.tsx';
import { Taken } from './taken.tsx';

const ResolveDialog = lazy(async () => import('../../resolve/dialog.tsx'));
const TakeDialog = lazy(async () => import('./take.tsx'));

const PAGE_SIZE = 500;
/** Read at once, so that the oldest of them stand first: the store keeps them by key. */
const BATCH = 5000;

export default function OrphansPage() {
  const scope = useScope();
  const { api } = useSession();
  const { may, isKnown } = usePermissions(scope);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [resolved, setResolved] = useState<readonly IntentRecord[]>();
  const [isTaking, setIsTaking] = useState(false);
  const [taken, setTaken] = useState<readonly ClaimedOrphan[]>([]);
  const pages = usePages({
    question: isKnown && may('list') ? scope : undefined,
    batch: BATCH,
    async ask(pageToken, signal) {
      const filter = { namespace: scope, states: [IntentState.ORPHANED, IntentState.UNKNOWN] };
      const request = { filter, pageSize: PAGE_SIZE, pageToken };
      const { records, nextPageToken } = await api.admin.listRecords(request, { signal });
      return { rows: records, nextPageToken };
    },
  });
  const oldestFirst = useMemo(() => pages.rows.toSorted((a, b) => sinceMs(a) - sinceMs(b)), [pages.rows]);
  const chosenRecords = oldestFirst.filter((record) => chosen.has(recordId(record)));
  const mayResolve = may('resolve');
  const choose = useCallback((id: string, isChosen: boolean) => {
    setChosen((before) => {
      const next = new Set(before);
      if (isChosen) next.add(id);
      else next.delete(id);
      return next;
    });
  }, []);
  const columns = useMemo(
    () =>
      orphanColumns(
        scope,
        mayResolve ? { chosen, onChoose: choose, onResolve: (record) => setResolved([record]) } : undefined,
      ),
    [scope, mayResolve, chosen, choose],
  );
  const lookAgain = (): void => {
    setResolved(undefined);
    setChosen(new Set());
    pages.restart();
  };

  return (
    <Page
      title="Orphans"
      about="Nobody knows whether their side effect happened. Ask the provider, then say what became of each."
      actions={
        <>
          <Button variant="default" onClick={lookAgain}>
            Look again
          </Button>
          {may('claim-orphans') && mayResolve && scope !== '' && (
            <Button variant="default" onClick={() => setIsTaking(true)}>
              Take …
            </Button>
          )}
          {mayResolve && oldestFirst.length > 0 && (
            <Button
              variant="default"
              onClick={() =>
                setChosen(chosen.size === oldestFirst.length ? new Set() : new Set(oldestFirst.map(recordId)))
              }
            >
              {chosen.size === oldestFirst.length
                ? 'Choose none'
                : `Choose all ${plural(oldestFirst.length, 'orphan')}`}
            </Button>
          )}
          {mayResolve && (
            <Button disabled={chosenRecords.length === 0} onClick={() => setResolved(chosenRecords)}>
              Resolve {plural(chosenRecords.length, 'orphan')} …
            </Button>
          )}
        </>
      }
    >
      {isKnown && !may('list') && (
        <Empty
          title={scope === '' ? 'Choose a namespace above.' : 'Your credentials may not look into this namespace.'}
        />
      )}
      <Taken taken={taken} onResolve={(record) => setResolved([record])} />
      {pages.trouble !== undefined && <TroubleNotice trouble={pages.trouble} onRetry={pages.restart} />}
      {oldestFirst.length > 0 && (
        <div className="fill">
          <VirtualTable label="Orphans" columns={columns} rows={oldestFirst} keyOf={recordId} />
        </div>
      )}
      {pages.isComplete && oldestFirst.length === 0 ? (
        <None scope={scope} />
      ) : (
        <ListStatus pages={pages} one="orphan" />
      )}
      <Suspense>
        {resolved !== undefined && <ResolveDialog records={resolved} onClose={lookAgain} />}
        {isTaking && (
          <TakeDialog
            namespace={scope}
            onClose={() => setIsTaking(false)}
            onTaken={(orphans) => {
              setTaken((before) => [...before, ...orphans]);
              setIsTaking(false);
              pages.restart();
            }}
          />
        )}
      </Suspense>
    </Page>
  );
}

const sinceMs = ({ orphan }: IntentRecord): number =>
  orphan?.orphanTime === undefined ? Infinity : timestampMs(orphan.orphanTime);

function None({ scope }: { readonly scope: string }) {
  const namespace = scope === '' ? 'payments' : scope;
  return (
    <Empty
      title="No orphans: every outcome is known."
      commands={[
        `onced orphans ${namespace}`,
        `onced namespaces set ${namespace} on_lease_expiry=HOLD --reason "we look at each"`,
      ]}
    >
      <p>
        A record becomes one when its lease runs out, or when its holder says that it does not know. Under HOLD it waits
        here for a person; under TAKE_OVER the next caller goes on.
      </p>
    </Empty>
  );
}
