// A chart over time. Its last values stand beside it as text, which is also what a screen reader gets.

import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import type { Series } from './series.ts';

interface ChartProps {
  readonly title: string;
  readonly series: Series;
  readonly show: (value: number) => string;
  /** The values are counts: no gridline between 1 and 2. */
  readonly isWhole?: boolean;
}

const HEIGHT_PX = 170;
/** Shorter than this the axis would jump about while the first samples come. */
const SPAN_SECONDS_MIN = 60;
/** By number of the line, as in styles/charts.css. */
const COLOUR_COUNT = 7;

export function Chart({ title, series, show, isWhole = false }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useComputedColorScheme('light');
  const names = series.lines.map(({ name }) => name).join();
  const latest = useRef(show);
  latest.current = show;

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const options = optionsOf(element, { names: names.split(','), show: (value) => latest.current(value), isWhole });
    const made = new uPlot(options, [[]], element);
    plot.current = made;
    const watching = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watching.observe(element);
    return () => {
      watching.disconnect();
      made.destroy();
    };
    // The colours come from the style sheet, which follows the scheme.
  }, [names, scheme, isWhole]);

  useEffect(() => {
    // The axis of a single instant would have no length: a minute of nothing stands before it.
    const [first = 0] = series.times;
    const before = series.times.length === 1 ? [first - SPAN_SECONDS_MIN] : [];
    const lines = series.lines.map(({ values }) => [...before.map(() => null), ...values]);
    plot.current?.setData([[...before, ...series.times], ...lines]);
  }, [series, names, scheme]);

  return (
    <figure className="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul className="legend">
          {series.lines.map(({ name, values }, index) => (
            <li key={name} className={`line-${index % COLOUR_COUNT}`}>
              {name} <strong>{showLast(values.at(-1), show)}</strong>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} className="plot" aria-hidden="true" />
    </figure>
  );
}

const showLast = (value: number | null | undefined, show: (value: number) => string): string =>
  value === null || value === undefined ? '–' : show(value);

interface Look {
  readonly names: readonly string[];
  readonly show: (value: number) => string;
  readonly isWhole: boolean;
}

function optionsOf(element: HTMLElement, { names, show, isWhole }: Look): uPlot.Options {
  const styles = getComputedStyle(element);
  const grid = { stroke: styles.getPropertyValue('--chart-grid'), width: 1 };
  const axis = {
    stroke: styles.getPropertyValue('--chart-text'),
    grid,
    ticks: { show: false },
    font: '11px sans-serif',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { range: (_plot, min, max) => [Math.min(min, max - SPAN_SECONDS_MIN), max] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((seconds) => clock(seconds)), space: 80, size: 28 },
      {
        ...axis,
        size: 58,
        values: (_plot, ticks) => ticks.map((tick) => show(tick)),
        space: 34,
        ...(isWhole ? { incrs: WHOLE_STEPS } : {}),
      },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: styles.getPropertyValue(`--line-${index % COLOUR_COUNT}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

const WHOLE_STEPS = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((power) => [1, 2, 5].map((step) => step * 10 ** power));

const clock = (seconds: number): string => new Date(seconds * 1000).toLocaleTimeString('en-GB');
