// The figures that answer "is it well?": one number each, with what it is made of.

import { timestampMs } from '@bufbuild/protobuf/wkt';
import type { ReactNode } from 'react';
import type { GetStatsResponse } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { showDuration } from '../../format/durations.ts';
import { plural, showBytes, showCount, showRate, showShare } from '../../format/numbers.ts';
import { serverNowMs } from '../../hooks/use-now.ts';
import { Go } from '../../parts/go.tsx';
import { between, duplicateShare, quantileMs, ratesBetween, totalOf, windowStart, type Sample } from './samples.ts';

interface TilesProps {
  readonly stats: GetStatsResponse;
  readonly samples: readonly Sample[];
  readonly scope: string;
}

const RATE_WINDOW_MS = 10_000;
const PERCENTILE_WINDOW_MS = 60_000;

export function Tiles({ stats, samples, scope }: TilesProps) {
  const last = samples.at(-1);
  if (last === undefined) return null;
  const from = windowStart(samples, last, RATE_WINDOW_MS);
  const share = duplicateShare(last.begins);
  // Calls are counted by namespace only where it has a policy of its own: nought would be a guess elsewhere.
  const isCounted = scope === '' || last.begins.size > 0;
  const note = (text: string): string => (isCounted ? text : 'not counted by itself without a policy of its own');
  return (
    <div className="tiles">
      <Tile name="Begins a second" note={note(`${plural(totalOf(last.begins), 'begin')} since the server started`)}>
        {from === undefined || !isCounted ? '–' : showRate(totalOf(ratesBetween(from, last)))}
      </Tile>
      <Tile name="Duplicates stopped" note="begins that found somebody was there before">
        {share === undefined ? '–' : showShare(share)}
      </Tile>
      <Tile
        name="Suspected double effects"
        note={note(last.suspected === 0 ? 'none known since the start' : 'late or unprotected holders: look into each')}
        isBad={last.suspected > 0}
      >
        {isCounted ? showCount(last.suspected) : '–'}
      </Tile>
      <OutcomeTile samples={samples} last={last} />
      <Tile name="Orphans" note={orphanNote(stats)} isBad={stats.orphans > 0n}>
        <Go to="/orphans" parameters={{ namespace: scope }}>
          {showCount(stats.orphans)}
        </Go>
      </Tile>
      <Tile name="Late retries" note={note('came after their record had expired')} isBad={last.lateRetries > 0}>
        {isCounted ? showCount(last.lateRetries) : '–'}
      </Tile>
      <RecordsTile stats={stats} />
      <StoreTile stats={stats} />
    </div>
  );
}

function OutcomeTile({ samples, last }: { readonly samples: readonly Sample[]; readonly last: Sample }) {
  const from = windowStart(samples, last, PERCENTILE_WINDOW_MS);
  const recent = between(from?.intentToOutcome, last.intentToOutcome);
  const isRecent = from !== undefined && (recent.at(-1)?.count ?? 0) > 0;
  const shown = isRecent ? recent : last.intentToOutcome;
  const at = (quantile: number): string => {
    const ms = quantileMs(shown, quantile);
    return ms === undefined ? '–' : showDuration(ms);
  };
  return (
    <Tile
      name="Intent to outcome, p50"
      note={`p95 ${at(0.95)} · p99 ${at(0.99)} · ${isRecent ? 'last minute' : 'since the start'}`}
    >
      {at(0.5)}
    </Tile>
  );
}

function RecordsTile({ stats: { records } }: { readonly stats: GetStatsResponse }) {
  const count = records.reduce((total, group) => total + group.records, 0n);
  const bytes = records.reduce((total, group) => total + group.bytes, 0n);
  return (
    <Tile name="Records" note={`${showBytes(bytes)} of results and checkpoints`}>
      {showCount(count)}
    </Tile>
  );
}

function StoreTile({ stats }: { readonly stats: GetStatsResponse }) {
  const { store, tier, storeHealthy, storeBytes, journalRows } = stats;
  const notes = [
    `${store}, tier ${tier}`,
    ...(storeBytes > 0n ? [showBytes(storeBytes)] : []),
    ...(journalRows > 0n ? [`${plural(journalRows, 'row')} wait in the journal`] : []),
  ];
  return (
    <Tile name="Store" note={notes.join(' · ')} isBad={!storeHealthy || journalRows > 0n}>
      {storeHealthy ? 'answers' : 'silent'}
    </Tile>
  );
}

function orphanNote({ orphans, oldestOrphanTime }: GetStatsResponse): string {
  if (orphans === 0n || oldestOrphanTime === undefined) return 'every outcome is known';
  return `the oldest for ${showDuration(Math.max(0, serverNowMs() - timestampMs(oldestOrphanTime)))}`;
}

interface TileProps {
  readonly name: string;
  readonly note: string;
  readonly isBad?: boolean;
  readonly children: ReactNode;
}

function Tile({ name, note, isBad = false, children }: TileProps) {
  return (
    <section className={isBad ? 'card tile tile-bad' : 'card tile'} aria-label={name}>
      <h2>{name}</h2>
      <p className="tile-value">{children}</p>
      <p className="tile-note">{note}</p>
    </section>
  );
}
