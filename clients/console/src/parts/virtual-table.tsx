// A table of any length: only the rows in view are in the page. The arrow keys go from row to row, by each row's link.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type CSSProperties, type KeyboardEvent, type ReactNode } from 'react';

export interface Column<Row> {
  readonly name: string;
  /** A track of a CSS grid, such as 120px or minmax(200px, 1fr). */
  readonly width: string;
  readonly cell: (row: Row) => ReactNode;
  readonly isNumber?: boolean;
}

interface VirtualTableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Called when the end comes into view. */
  readonly onEnd?: () => void;
}

const ROW_PX = 38;
const OVERSCAN = 6;

export function VirtualTable<Row>({ label, columns, rows, keyOf, onEnd }: VirtualTableProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (lastShown >= rows.length - OVERSCAN) onEnd?.();
  }, [lastShown, rows.length, onEnd]);

  const focusRow = (index: number): void => {
    if (index < 0 || index >= rows.length) return;
    virtual.scrollToIndex(index);
    const find = (): HTMLElement | null | undefined =>
      box.current?.querySelector<HTMLElement>(`[data-index="${index}"] :is(a, button.link)`);
    const row = find();
    // One that is not in the page yet comes with the next frame.
    if (row === null || row === undefined) requestAnimationFrame(() => find()?.focus());
    else row.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const row = event.target instanceof HTMLElement ? event.target.closest('[data-index]') : null;
    focusRow(row === null ? 0 : Number(row.getAttribute('data-index')) + step);
  };
  const tracks: CSSProperties & Readonly<Record<`--${string}`, string>> = {
    '--tracks': columns.map(({ width }) => width).join(' '),
    '--table-width': `${widthMin(columns)}px`,
  };
  const classOf = ({ isNumber = false }: Column<Row>): string => (isNumber ? 'cell number' : 'cell');
  return (
    <div
      ref={box}
      className="virtual-table"
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      tabIndex={0}
      style={tracks}
      onKeyDown={onKeyDown}
    >
      <div role="rowgroup" className="table-head">
        <div role="row" className="table-row" aria-rowindex={1}>
          {columns.map((column) => (
            <div key={column.name} role="columnheader" className={classOf(column)}>
              {column.name}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize() }}>
        {items.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <div
              key={keyOf(row)}
              role="row"
              className="table-row"
              aria-rowindex={index + 2}
              data-index={index}
              style={{ transform: `translateY(${start}px)`, height: ROW_PX }}
            >
              {columns.map((column) => (
                <div key={column.name} role="cell" className={classOf(column)}>
                  {column.cell(row)}
                </div>
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

const GAP_PX = 18;
const SIDES_PX = 28;

/** Below this it scrolls sideways: the least of each track, and what stands between them. */
const widthMin = <Row,>(columns: readonly Column<Row>[]): number =>
  columns.reduce((sum, { width }) => sum + Number(/\d+/.exec(width)?.[0] ?? 0) + GAP_PX, SIDES_PX - GAP_PX);
