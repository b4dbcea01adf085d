// Live tail: what this server is asked and what it answers, as it happens.

import { Button, TextInput } from '@mantine/core';
import { durationMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { useMemo, useState } from 'react';
import { showDuration } from '../../format/durations.ts';
import { plural, showCount } from '../../format/numbers.ts';
import { Empty } from '../../parts/empty.tsx';
import { Go } from '../../parts/go.tsx';
import { Page } from '../../parts/page.tsx';
import { showInstant } from '../../parts/times.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { VirtualTable, type Column } from '../../parts/virtual-table.tsx';
import { Visible } from '../../parts/visible.tsx';
import { useScope } from '../../shell/scope.tsx';
import { useTail, type Tail, type Tailed } from './use-tail.ts';

export default function TailPage() {
  const scope = useScope();
  const [isPaused, setIsPaused] = useState(false);
  const [wanted, setWanted] = useState('');
  const { tail, clear } = useTail(scope, isPaused);
  const shown = useMemo(() => tail.events.filter((tailed) => matches(tailed, wanted.trim())), [tail.events, wanted]);
  return (
    <Page
      title="Live tail"
      about={`Calls that this server answers${scope === '' ? '' : ` in ${scope}`}, newest first. Nothing of it is kept.`}
      actions={
        <>
          <Button variant="default" onClick={clear}>
            Clear
          </Button>
          <Button variant={isPaused ? 'filled' : 'default'} onClick={() => setIsPaused(!isPaused)}>
            {isPaused ? 'Go on' : 'Pause'}
          </Button>
        </>
      }
    >
      <div className="filter-row">
        <TextInput
          size="xs"
          label="Only with"
          placeholder="part of a key, owner, call or outcome"
          value={wanted}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setWanted(event.currentTarget.value)}
        />
      </div>
      {tail.trouble !== undefined && <TroubleNotice trouble={tail.trouble} />}
      <Following tail={tail} isPaused={isPaused} shown={shown.length} />
      {shown.length > 0 && (
        <div className="fill">
          <VirtualTable label="Calls" columns={COLUMNS} rows={shown} keyOf={({ id }) => String(id)} />
        </div>
      )}
      {tail.isFollowing && tail.events.length === 0 && (
        <Empty
          title="Nothing yet: call it."
          commands={['npm run demo -- --address 127.0.0.1:50051', 'onced lookup payments order-17']}
        >
          <p>Every call that concerns a key shows here, refused ones too.</p>
        </Empty>
      )}
    </Page>
  );
}

interface FollowingProps {
  readonly tail: Tail;
  readonly isPaused: boolean;
  readonly shown: number;
}

function Following({ tail: { isFollowing, seen, dropped }, isPaused, shown }: FollowingProps) {
  const state = isPaused ? 'Paused' : isFollowing ? 'Following' : 'Connecting …';
  return (
    <p className="list-status" role="status">
      {state} · {plural(seen, 'call')} seen, {showCount(shown)} shown
      {dropped > 0n && <strong> · {showCount(dropped)} left out: they came faster than they could be sent</strong>}
    </p>
  );
}

function matches({ event: { rpc, key, owner, outcome, namespace } }: Tailed, wanted: string): boolean {
  return wanted === '' || [rpc, key, owner, outcome, namespace].some((text) => text.includes(wanted));
}

const COLUMNS: readonly Column<Tailed>[] = [
  {
    name: 'time',
    width: '110px',
    cell: ({ event: { time } }) => (time === undefined ? '' : showInstant(timestampMs(time)).slice(11, 23)),
  },
  { name: 'call', width: '110px', cell: ({ event: { rpc } }) => rpc },
  { name: 'answer', width: '200px', cell: ({ event: { outcome } }) => <Answer outcome={outcome} /> },
  {
    name: 'key',
    width: 'minmax(180px, 2fr)',
    cell: ({ event: { namespace, key } }) => (
      <Go to="/intent" parameters={{ namespace, key }} className="key">
        <Visible text={key} />
      </Go>
    ),
  },
  { name: 'namespace', width: 'minmax(140px, 1fr)', cell: ({ event: { namespace } }) => <Visible text={namespace} /> },
  { name: 'owner', width: 'minmax(110px, 1fr)', cell: ({ event: { owner } }) => <Visible text={owner} /> },
  {
    name: 'took',
    width: '70px',
    isNumber: true,
    cell: ({ event: { took } }) => (took === undefined ? '' : showDuration(durationMs(took))),
  },
];

/** Refusals are written in capitals, as the API has them. */
function Answer({ outcome }: { readonly outcome: string }) {
  const isRefusal = /^[A-Z_]+$/.test(outcome);
  return <span className={isRefusal ? 'state state-failed' : 'state'}>{outcome.replaceAll('_', ' ')}</span>;
}
