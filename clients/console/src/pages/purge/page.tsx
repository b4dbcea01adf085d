// Purge: removes the records of a selection, after counting them and after somebody typed the count.

import { Button } from '@mantine/core';
import { useParameters } from '../../hooks/use-parameters.ts';
import { plural, showCount } from '../../format/numbers.ts';
import { Empty } from '../../parts/empty.tsx';
import { Go } from '../../parts/go.tsx';
import { Page } from '../../parts/page.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { FilterFields } from '../find/filter-fields.tsx';
import { isAgeGood, readFilter, type Filter } from '../find/filter.ts';
import { Confirm } from './confirm.tsx';
import { usePurge, type Purge } from './use-purge.ts';

export default function PurgePage() {
  const [parameters, change] = useParameters();
  const filter = readFilter(parameters);
  const { may, isKnown } = usePermissions(filter.namespace);
  const { purge, count, remove, stop } = usePurge(filter);
  const isRunning = purge.phase === 'counting' || purge.phase === 'removing';
  const isChosen = isAnythingChosen(filter) && isAgeGood(filter);
  if (isKnown && !may('purge')) return <Refused namespace={filter.namespace} />;
  return (
    <Page
      title="Purge"
      about={
        <>
          Removes records for good, never one with a live lease unless forced. A retry of a removed key runs again.{' '}
          <Go to="/find" parameters={parameters}>
            See what is selected
          </Go>
        </>
      }
    >
      <section className="card" aria-label="Selection">
        <h2>Selection{filter.namespace === '' ? ' in all namespaces' : ` in ${filter.namespace}`}</h2>
        <FilterFields filter={filter} onChange={change} />
        <div className="step-end">
          <Button
            variant="default"
            disabled={!isChosen || isRunning}
            loading={purge.phase === 'counting'}
            onClick={() => void count()}
          >
            Count what matches
          </Button>
          {!isChosen && <span className="dim">Choose a namespace above, or any of these.</span>}
        </div>
      </section>
      {purge.trouble !== undefined && <TroubleNotice trouble={purge.trouble} />}
      {isRunning && <Progressing purge={purge} onStop={stop} />}
      {purge.phase === 'counted' && purge.matched === 0n && (
        <Empty title="Nothing matches." commands={['onced purge load-test --reason "end of the test"']}>
          <p>There is nothing to remove. The same from a terminal, which counts first too:</p>
        </Empty>
      )}
      {purge.phase === 'counted' && purge.matched > 0n && (
        <Confirm purge={purge} onRemove={(removal) => void remove(removal)} />
      )}
      {(purge.phase === 'ended' || purge.phase === 'stopped') && <Result purge={purge} />}
    </Page>
  );
}

function Progressing({ purge, onStop }: { readonly purge: Purge; readonly onStop: () => void }) {
  const { phase, matched, removed } = purge;
  return (
    <section className="card step-end" aria-label="Progress">
      <p role="status">
        {phase === 'counting'
          ? `Counted ${plural(matched, 'record')} so far`
          : `Removed ${showCount(removed)} of ${plural(matched, 'record')} looked at`}
      </p>
      <Button size="compact-sm" variant="default" onClick={onStop}>
        Stop
      </Button>
    </section>
  );
}

function Result({ purge: { phase, removed, kept } }: { readonly purge: Purge }) {
  return (
    <section className="card" aria-label="Result">
      <h2>{phase === 'ended' ? 'Purged' : 'Stopped'}</h2>
      <p role="status">
        {plural(removed, 'record')} removed
        {kept > 0n && `, ${showCount(kept)} left because they have a live lease or changed meanwhile`}.
        {phase === 'stopped' && ' What is removed stays removed; count again to go on.'}
      </p>
      <p className="dim">
        The <Go to="/audit">audit log</Go> has who did it and why.
      </p>
    </section>
  );
}

function Refused({ namespace }: { readonly namespace: string }) {
  return (
    <Page title="Purge">
      <Empty
        title={
          namespace === ''
            ? 'Your credentials may not purge in all namespaces.'
            : `Your credentials may not purge in ${namespace}.`
        }
        commands={[`onced token create NAME --grant 'operator:${namespace === '' ? '*' : namespace}'`]}
      >
        <p>{namespace === '' && 'Choose one above where they may. '}An admin can grant more:</p>
      </Empty>
    </Page>
  );
}

const isAnythingChosen = ({ namespace, prefix, states, owner, age }: Filter): boolean =>
  namespace !== '' || prefix !== '' || states.length > 0 || owner !== '' || age.trim() !== '';
