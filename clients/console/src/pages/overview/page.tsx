// Overview: how the server and its store are, now and over the last minutes.

import { timestampMs } from '@bufbuild/protobuf/wkt';
import { useMemo, useState } from 'react';
import { showDuration } from '../../format/durations.ts';
import { showCount, showRate } from '../../format/numbers.ts';
import { setServerClock } from '../../hooks/use-now.ts';
import { usePolled } from '../../hooks/use-polled.ts';
import { Empty } from '../../parts/empty.tsx';
import { Page } from '../../parts/page.tsx';
import { Age } from '../../parts/times.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { useScope } from '../../shell/scope.tsx';
import { Chart } from './chart.tsx';
import { Conflicts } from './conflicts.tsx';
import { remember } from './history.ts';
import { Records } from './records.tsx';
import { sampleOf, type Sample } from './samples.ts';
import { beginSeries, orphanSeries, percentileSeries } from './series.ts';
import { Tiles } from './tiles.tsx';

const EVERY_MS = 2000;

export default function OverviewPage() {
  const scope = useScope();
  const { may, isKnown } = usePermissions(scope);
  if (isKnown && !may('stats')) {
    return (
      <Page title="Overview">
        <Empty
          title={scope === '' ? 'Choose a namespace above.' : 'Your credentials may not look into this namespace.'}
        >
          <p>What you may see stands beside your name; an admin can grant more:</p>
        </Empty>
      </Page>
    );
  }
  return <Figures key={scope} scope={scope} />;
}

function Figures({ scope }: { readonly scope: string }) {
  const { api } = useSession();
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const { value: stats, trouble } = usePolled({
    question: scope,
    ask: (signal) => api.admin.getStats({ namespace: scope }, { signal }),
    everyMs: EVERY_MS,
    onAnswer: (answer) => {
      if (answer.serverTime !== undefined) setServerClock(timestampMs(answer.serverTime));
      setSamples(remember(scope, sampleOf(answer, scope)));
    },
  });
  const begins = useMemo(() => beginSeries(samples), [samples]);
  const outcomes = useMemo(() => percentileSeries(samples, ({ intentToOutcome }) => intentToOutcome), [samples]);
  const answers = useMemo(() => percentileSeries(samples, ({ beginTime }) => beginTime), [samples]);
  const orphans = useMemo(() => orphanSeries(samples), [samples]);
  return (
    <Page
      title="Overview"
      about={
        stats !== undefined && (
          <>
            {scope === '' ? 'All namespaces' : scope}; this server started <Age at={stats.startTime} />.
          </>
        )
      }
    >
      {trouble !== undefined && <TroubleNotice trouble={trouble} />}
      {stats === undefined && trouble === undefined && <p className="dim">Asking the server …</p>}
      {stats !== undefined && (
        <>
          <Tiles stats={stats} samples={samples} scope={scope} />
          <Conflicts conflicts={stats.degradedConflicts} />
          <div className="charts">
            <Chart title="Begins a second, by outcome" series={begins} show={showRate} />
            <Chart title="Intent to outcome" series={outcomes} show={showDuration} />
            <Chart title="Answer time of BeginIntent, waits included" series={answers} show={showDuration} />
            <Chart title="Orphans" series={orphans} show={showCount} isWhole />
          </div>
          <Records stats={stats} />
        </>
      )}
    </Page>
  );
}
