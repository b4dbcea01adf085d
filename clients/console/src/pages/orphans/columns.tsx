// What the queue shows of an orphan: for how long, why, and what its holder had saved.

import { Button, Checkbox } from '@mantine/core';
import type { IntentRecord } from '../../../../../proto/gen/onced/v1/record_pb.js';
import { KEY_COLUMN, NAMESPACE_COLUMN, OWNER_COLUMN, recordId } from '../../parts/record-columns.tsx';
import { Age } from '../../parts/times.tsx';
import type { Column } from '../../parts/virtual-table.tsx';
import { Visible } from '../../parts/visible.tsx';
import { textOf } from '../../payload/bytes.ts';
import { causeText, hex } from '../intent/facts.tsx';

export interface QueueActions {
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (id: string, isChosen: boolean) => void;
  readonly onResolve: (record: IntentRecord) => void;
}

const PREVIEW_BYTES = 60;

/** `actions` undefined for those who may only look. */
export function orphanColumns(scope: string, actions: QueueActions | undefined): readonly Column<IntentRecord>[] {
  const looks: readonly Column<IntentRecord>[] = [
    { name: 'since', width: '105px', cell: ({ orphan }) => <Age at={orphan?.orphanTime} /> },
    KEY_COLUMN,
    ...(scope === '' ? [NAMESPACE_COLUMN] : []),
    {
      name: 'because',
      width: '130px',
      cell: ({ orphan }) => (orphan === undefined ? '' : shortCause(causeText(orphan.cause))),
    },
    OWNER_COLUMN,
    { name: 'checkpoint', width: 'minmax(120px, 1.5fr)', cell: ({ checkpoint }) => <Preview bytes={checkpoint} /> },
  ];
  if (actions === undefined) return looks;
  return [chooseColumn(actions), ...looks, resolveColumn(actions)];
}

const shortCause = (text: string): string =>
  text.replace('its holder said that it does not know', 'holder unsure').replace('its ', '');

const chooseColumn = ({ chosen, onChoose }: QueueActions): Column<IntentRecord> => ({
  name: 'choose',
  width: '54px',
  cell: (record) => (
    <Checkbox
      size="xs"
      aria-label={`Choose ${record.summary?.key ?? ''}`}
      checked={chosen.has(recordId(record))}
      onChange={(event) => onChoose(recordId(record), event.currentTarget.checked)}
    />
  ),
});

const resolveColumn = ({ onResolve }: QueueActions): Column<IntentRecord> => ({
  name: 'action',
  width: '90px',
  cell: (record) => (
    <Button
      size="compact-xs"
      variant="default"
      aria-label={`Resolve ${record.summary?.key ?? ''}`}
      onClick={() => onResolve(record)}
    >
      Resolve …
    </Button>
  ),
});

function Preview({ bytes }: { readonly bytes: Uint8Array | undefined }) {
  if (bytes === undefined) return <span className="dim">none</span>;
  const head = bytes.subarray(0, PREVIEW_BYTES);
  const text = textOf(head);
  return <code>{text === undefined ? hex(head) : <Visible text={text} />}</code>;
}
