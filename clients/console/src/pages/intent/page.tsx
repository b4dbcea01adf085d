// Intent: all that is known of one key, live.

import { Button } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { IntentState, type IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { usePolled } from '../../hooks/use-polled.ts';
import { useParameters } from '../../hooks/use-parameters.ts';
import { Empty } from '../../parts/empty.tsx';
import { Page } from '../../parts/page.tsx';
import { State } from '../../parts/state.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { Visible } from '../../parts/visible.tsx';
import { Payload } from '../../payload/payload.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { Facts } from './facts.tsx';
import { Labels } from './labels.tsx';
import { Lease } from './lease.tsx';
import { Timeline } from './timeline.tsx';
import { useRecord, type FollowedRecord } from './use-record.ts';

const ResolveDialog = lazy(async () => import('../../resolve/dialog.tsx'));
const EVENTS_MAX = 100;

export default function IntentPage() {
  const [{ namespace = '', key = '' }] = useParameters();
  if (namespace === '' || key === '') {
    return (
      <Page title="Intent">
        <Empty title="No key is named." commands={['onced lookup payments order-17']}>
          <p>Press / to find one. From a terminal:</p>
        </Empty>
      </Page>
    );
  }
  return <Intent key={`${namespace} ${key}`} namespace={namespace} intentKey={key} />;
}

function Intent({ namespace, intentKey }: { readonly namespace: string; readonly intentKey: string }) {
  const followed = useRecord(namespace, intentKey);
  const { record, trouble, refresh } = followed;
  return (
    <Page
      title="Intent"
      about={
        <span className="intent-name">
          {namespace}{' '}
          <strong>
            <Visible text={intentKey} />
          </strong>
          {record?.summary !== undefined && <State state={record.summary.state} />}
        </span>
      }
      actions={record !== undefined && <Actions record={record} onDone={refresh} />}
    >
      {trouble !== undefined && trouble.reason !== 'INTENT_NOT_FOUND' && <TroubleNotice trouble={trouble} />}
      {trouble?.reason === 'INTENT_NOT_FOUND' && (
        <Empty title={trouble.title} commands={[`onced list ${namespace}`]}>
          <p>{trouble.advice} This page shows it as soon as it is begun. From a terminal:</p>
        </Empty>
      )}
      {record !== undefined && <Known followed={followed} record={record} namespace={namespace} />}
      {record === undefined && trouble === undefined && <p className="dim">Asking the server …</p>}
    </Page>
  );
}

function Actions({ record, onDone }: { readonly record: IntentRecord; readonly onDone: () => void }) {
  const { may } = usePermissions(record.summary?.namespace ?? '');
  const [isOpen, setIsOpen] = useState(false);
  const state = record.summary?.state ?? IntentState.UNSPECIFIED;
  const isFinal = state === IntentState.COMPLETED || state === IntentState.FAILED;
  // An open dialog stays, so that it can say how it ended, also when somebody else was faster.
  if (!isOpen && (isFinal || !may('resolve'))) return null;
  return (
    <>
      {!isFinal && <Button onClick={() => setIsOpen(true)}>Resolve …</Button>}
      {isOpen && (
        <Suspense>
          <ResolveDialog
            records={[record]}
            onClose={() => {
              setIsOpen(false);
              onDone();
            }}
          />
        </Suspense>
      )}
    </>
  );
}

interface KnownProps {
  readonly followed: FollowedRecord;
  readonly record: IntentRecord;
  readonly namespace: string;
}

function Known({ followed, record, namespace }: KnownProps) {
  const events = useEvents(namespace, record);
  const { checkpoint, result, error } = record;
  return (
    <>
      <Lease record={record} readAtMs={followed.readAtMs} />
      <div className="columns">
        <div className="column">
          <Timeline record={record} changes={followed.changes} events={events} />
          <Labels title="Labels" labels={record.labels} />
          <Labels title="Labels of the outcome" labels={record.outcomeLabels} />
        </div>
        <div className="column">
          {record.resultDropped && <p className="card">The result bytes were dropped; the key still dedupes.</p>}
          {result !== undefined && (
            <Payload
              title="Result"
              bytes={result}
              contentType={record.contentType}
              contentEncoding={record.contentEncoding}
              fileName="result.bin"
            />
          )}
          {error !== undefined && (
            <section className="card" aria-label="Error">
              <h2>
                {record.summary?.state === IntentState.FAILED ? 'Error' : 'Error of the last attempt that failed'}
              </h2>
              <p>
                <code>
                  <Visible text={error.code} />
                </code>{' '}
                <Visible text={error.message} keepsLines />
              </p>
            </section>
          )}
          {error !== undefined && error.detail.length > 0 && (
            <Payload title="Error detail" bytes={error.detail} contentType={error.contentType} fileName="detail.bin" />
          )}
          {checkpoint !== undefined && <Payload title="Checkpoint" bytes={checkpoint} fileName="checkpoint.bin" />}
          <Facts record={record} />
        </div>
      </div>
    </>
  );
}

/** What operators did to this key, for those who may read the audit log. */
function useEvents(namespace: string, record: IntentRecord) {
  const { api } = useSession();
  const { may } = usePermissions(namespace);
  const key = record.summary?.key ?? '';
  const mayAudit = may('audit');
  const { value } = usePolled({
    question: `${mayAudit ? 'may' : 'may not'} ${String(record.revision)} ${namespace} ${key}`,
    async ask(signal) {
      if (!mayAudit) return [];
      const { events } = await api.admin.listAuditEvents({ namespace, pageSize: EVENTS_MAX }, { signal });
      return events.filter(({ target, action }) => target === key && action.startsWith('ResolveIntent.'));
    },
  });
  return value ?? [];
}
