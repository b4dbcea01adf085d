// What tables of records show of each.

import type { IntentRecord } from '../../../../proto/gen/onced/v1/record_pb.js';
import { IntentState } from '../../../../proto/gen/onced/v1/record_pb.js';
import { showBytes } from '../format/numbers.ts';
import { Go } from './go.tsx';
import { State } from './state.tsx';
import { Age } from './times.tsx';
import type { Column } from './virtual-table.tsx';
import { Visible } from './visible.tsx';

export const recordId = ({ summary }: IntentRecord): string => `${summary?.namespace ?? ''}\0${summary?.key ?? ''}`;

export const KEY_COLUMN: Column<IntentRecord> = {
  name: 'key',
  width: 'minmax(180px, 2fr)',
  cell: ({ summary }) => (
    <Go to="/intent" parameters={{ namespace: summary?.namespace ?? '', key: summary?.key ?? '' }} className="key">
      <Visible text={summary?.key ?? ''} />
    </Go>
  ),
};

export const NAMESPACE_COLUMN: Column<IntentRecord> = {
  name: 'namespace',
  width: 'minmax(125px, 1fr)',
  cell: ({ summary }) => summary?.namespace,
};

export const STATE_COLUMN: Column<IntentRecord> = {
  name: 'state',
  width: '110px',
  cell: ({ summary }) => <State state={summary?.state ?? IntentState.UNSPECIFIED} />,
};

export const ATTEMPT_COLUMN: Column<IntentRecord> = {
  name: 'attempt',
  width: '70px',
  isNumber: true,
  cell: ({ summary }) => summary?.attempt,
};

export const OWNER_COLUMN: Column<IntentRecord> = {
  name: 'owner',
  width: 'minmax(110px, 1fr)',
  cell: ({ owner }) => <Visible text={owner} />,
};

export const UPDATED_COLUMN: Column<IntentRecord> = {
  name: 'last written',
  width: '120px',
  cell: ({ summary }) => <Age at={summary?.updateTime} />,
};

export const EXPIRES_COLUMN: Column<IntentRecord> = {
  name: 'expires',
  width: '110px',
  cell: ({ summary }) => <Age at={summary?.expireTime} />,
};

export const RESULT_COLUMN: Column<IntentRecord> = {
  name: 'result',
  width: '80px',
  isNumber: true,
  cell: ({ summary, resultBytes, resultDropped }) => {
    if (summary?.state !== IntentState.COMPLETED) return null;
    return resultDropped ? 'dropped' : showBytes(resultBytes);
  },
};
