/** A chart of some figures over time, by uPlot, with the thresholds that they have. */

import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { Alert, Figure } from '../figures.ts';
import { kindOf } from '../figures.ts';
import { formatTick } from '../format.ts';
import type { Series, View } from './store.ts';

export interface Line {
  readonly figure: Figure;
  /** Has the axis on the right, and its own scale. */
  readonly isRight?: boolean;
}

const COLOURS = ['--line-1', '--line-2', '--line-3'] as const;
export const colourOf = (place: number) => `var(${COLOURS[place]})`;
const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** Of less, a chart is mostly empty. */
const MIN_SECONDS = 60;
const AXIS_FONT = '11px system-ui, sans-serif';

interface ChartProps {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly series: Series;
  readonly view: View;
  readonly alerts: readonly Alert[];
  readonly windowMs: number;
  /** Which sample the pointer is at, in all charts; undefined for the newest. */
  readonly onPoint: (place: number | undefined) => void;
}

export function Chart({ label, lines, series, view, alerts, windowMs, onPoint }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  // What uPlot's functions look at when it draws.
  const newest = useRef({ alerts, onPoint, from: 0 });
  newest.current.alerts = alerts;
  newest.current.onPoint = onPoint;
  const [width, setWidth] = useState(0);

  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(holder.current!);
    return () => observer.disconnect();
  }, []);

  const hasRight = lines.some(({ isRight }) => isRight);
  useEffect(() => {
    if (width === 0) return;
    const isPlain = kindOf(lines[0]!.figure).unit === 'ms';
    const height = holder.current!.clientHeight;
    const chart = new uPlot(
      {
        width,
        height,
        legend: { show: false },
        padding: [8, hasRight ? 0 : 26, 0, 0],
        cursor: {
          y: false,
          drag: { x: false, y: false },
          sync: { key: 'all', scales: ['x', null] },
          points: { size: 6 },
        },
        scales: {
          x: { time: true, range: (_, min, max) => rangeOf(min, max, Number(holder.current!.dataset.window) / 1000) },
          y: { range: (_, __, max) => [0, topOf(max, newest.current.alerts, lines, false)] },
          right: { range: (_, __, max) => [0, topOf(max, newest.current.alerts, lines, true)] },
        },
        axes: [
          axis({
            space: width < 500 ? 50 : 70,
            size: 24,
            values: (_, splits, __, ___, step) => splits.map((split) => clock(split, step)),
          }),
          axis({ size: 44, space: 32, values: (_, splits) => splits.map(isPlain ? String : formatTick) }),
          ...(hasRight
            ? [
                axis({
                  scale: 'right',
                  side: 1,
                  size: 36,
                  space: 32,
                  values: (_, splits) => splits.map((n) => (Number.isInteger(n) ? formatTick(n) : '')),
                  grid: { show: false },
                  stroke: () => css(COLOURS[lines.findIndex(({ isRight }) => isRight)]!),
                }),
              ]
            : []),
        ],
        series: [
          {},
          ...lines.map(({ isRight }, place) => ({
            scale: isRight ? 'right' : 'y',
            // Lines that lie on each other are both seen.
            width: place === 0 ? 2.5 : 1.5,
            points: { show: false },
            stroke: () => css(COLOURS[place]!),
            ...(place === 0 && { fill: () => css('--fill-1') }),
          })),
        ],
        hooks: {
          draw: [(chart) => drawThresholds(chart, newest.current.alerts, lines)],
          setCursor: [
            ({ cursor: { idx, left } }) =>
              newest.current.onPoint(idx == null || left == null || left < 0 ? undefined : newest.current.from + idx),
          ],
        },
      },
      [[], ...lines.map(() => [])] as uPlot.AlignedData,
      holder.current!,
    );
    plot.current = chart;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const redraw = () => chart.redraw(false, true);
    scheme.addEventListener('change', redraw);
    return () => {
      scheme.removeEventListener('change', redraw);
      chart.destroy();
      plot.current = null;
    };
  }, [width, lines, hasRight]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `view` stands for what has been put into `series`
  useEffect(() => {
    const { at, of } = series;
    const from = firstAfter(at, (at.at(-1) ?? 0) - windowMs / 1000 - 2);
    newest.current.from = from;
    plot.current?.setData([at.slice(from), ...lines.map(({ figure }) => of[figure].slice(from))] as uPlot.AlignedData);
  }, [view, windowMs, width, lines, series]);

  return <div ref={holder} className="plot" role="img" aria-label={label} data-window={windowMs} />;
}

/** All of the window, once there is so much. */
function rangeOf(min: number | null, max: number | null, window: number): uPlot.Range.MinMax {
  const end = max ?? Date.now() / 1000;
  return [Math.max(end - window, Math.min(min ?? end, end - MIN_SECONDS)), end];
}

/** A threshold far above the line would make it flat: such a one is not drawn. */
function topOf(max: number | null, alerts: readonly Alert[], lines: readonly Line[], isRight: boolean): number {
  const least = lines.some(({ figure }) => kindOf(figure).unit === 'ms') ? 5 : 4;
  const highest = Math.max(max ?? 0, least);
  const near = alerts
    .filter((alert) => lines.some((line) => line.figure === alert.figure && Boolean(line.isRight) === isRight))
    .map(({ above }) => above)
    .filter((above) => above <= 4 * highest);
  return Math.max(highest, ...near) * 1.12;
}

function drawThresholds(chart: uPlot, alerts: readonly Alert[], lines: readonly Line[]): void {
  const { ctx, bbox } = chart;
  for (const { figure, above, raisedAt } of alerts) {
    const line = lines.find((one) => one.figure === figure);
    if (line === undefined) continue;
    const y = Math.round(chart.valToPos(above, line.isRight ? 'right' : 'y', true)) + 0.5;
    if (y < bbox.top) continue;
    ctx.save();
    ctx.strokeStyle = css(raisedAt === undefined ? '--threshold' : '--bad');
    ctx.lineWidth = devicePixelRatio * (raisedAt === undefined ? 1 : 1.5);
    ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

function axis(more: uPlot.Axis): uPlot.Axis {
  return {
    font: AXIS_FONT,
    stroke: () => css('--faint'),
    ticks: { show: false },
    ...more,
    grid: { stroke: () => css('--grid'), width: 1, ...more.grid },
  };
}

const two = (n: number) => String(n).padStart(2, '0');
function clock(seconds: number, step: number): string {
  const date = new Date(seconds * 1000);
  return [date.getHours(), date.getMinutes(), ...(step < 60 ? [date.getSeconds()] : [])].map(two).join(':');
}

/** The place of the first that is not before. */
function firstAfter(ascending: readonly number[], from: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
