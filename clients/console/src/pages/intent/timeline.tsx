// What happened to a key and what will: the instants that its record keeps, what was seen since the page was opened, and
// what operators did.

import { timestampMs, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { ReactNode } from 'react';
import type { AuditEvent } from '../../../../../proto/gen/onced/v1/admin_pb.js';
import { IntentState, type IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { useNowMs } from '../../hooks/use-now.ts';
import { stateWord } from '../../parts/state.tsx';
import { showInstant } from '../../parts/times.tsx';
import { Visible } from '../../parts/visible.tsx';
import type { Change } from './use-record.ts';

interface TimelineProps {
  readonly record: IntentRecord;
  readonly changes: readonly Change[];
  readonly events: readonly AuditEvent[];
}

interface Entry {
  readonly atMs: number;
  readonly what: ReactNode;
}

export function Timeline({ record, changes, events }: TimelineProps) {
  const nowMs = useNowMs();
  const entries = [...kept(record), ...seen(changes), ...done(events)].toSorted((a, b) => a.atMs - b.atMs);
  return (
    <section className="card" aria-label="Timeline">
      <h2>Timeline</h2>
      <ol className="timeline">
        {entries.map(({ atMs, what }, index) => (
          <li key={index} className={atMs > nowMs ? 'to-come' : 'past'}>
            <time dateTime={new Date(atMs).toISOString()}>{showInstant(atMs)}</time>
            <span>{what}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function kept(record: IntentRecord): readonly Entry[] {
  const { summary, leaseExpireTime, retryTime } = record;
  const attempt = summary?.attempt ?? 0;
  const state = summary?.state ?? IntentState.UNSPECIFIED;
  return [
    ...at(summary?.createTime, 'first begun'),
    ...at(summary?.settleTime, `${stateWord(state)} by attempt ${attempt}`),
    ...(summary?.settleTime === undefined ? at(summary?.updateTime, `last written by attempt ${attempt}`) : []),
    ...(summary?.settleTime === undefined ? at(leaseExpireTime, `lease of attempt ${attempt} runs out`) : []),
    ...(state === IntentState.RELEASED ? at(retryTime, 'the next attempt may start') : []),
    ...at(summary?.resultExpireTime, 'result bytes are dropped; the key still dedupes'),
    ...at(summary?.expireTime, 'expires: a retry would run again'),
  ];
}

const at = (time: Timestamp | undefined, what: string): readonly Entry[] =>
  time === undefined ? [] : [{ atMs: timestampMs(time), what }];

/** The first is what stood when the page was opened. */
const seen = (changes: readonly Change[]): readonly Entry[] =>
  changes.slice(1).map(({ atMs, state, attempt }) => ({
    atMs,
    what: `seen here: ${stateWord(state)}, attempt ${attempt}`,
  }));

const done = (events: readonly AuditEvent[]): readonly Entry[] =>
  events.flatMap(({ time, actor, action, reason }) =>
    time === undefined
      ? []
      : [
          {
            atMs: timestampMs(time),
            what: (
              <>
                {action} by <Visible text={actor} />
                {reason !== '' && (
                  <>
                    : <Visible text={reason} />
                  </>
                )}
              </>
            ),
          },
        ],
  );
