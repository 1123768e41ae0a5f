/** The echo part as a small picture for the README: how many times as much as ws those do that readers know. */

import type { CellResult, Figure } from './part.ts';
import { barChart } from './support/chart.ts';
import { baseOf, ratioToBase } from './table.ts';

const WIDTH = 460;
const SUBJECTS: Readonly<Record<string, string>> = {
  framewright: 'framewright',
  bun: 'Bun',
  deno: 'Deno',
  'ws-nobu': 'ws, no addon',
};
const CELLS = [
  '16 B × 50, 1 in flight',
  '16 B × 50, 16 in flight',
  '1 KiB × 50, 16 in flight',
  '64 KiB × 50, 1 in flight',
];

export function echoChart(results: readonly CellResult[], base: string, figure: Figure, nodeMajor: string): string {
  const groups = results
    .filter(({ name }) => CELLS.includes(name))
    .map((result) => ({
      name: result.name,
      bars: Object.entries(SUBJECTS).flatMap(([subject, label]) => {
        const series = result.series.find((one) => one.subject === subject);
        const ratio = series && ratioToBase(series, baseOf(result, base), figure);
        return ratio === undefined ? [] : [{ label, value: ratio.median, isHighlighted: subject === 'framewright' }];
      }),
    }));
  return barChart({
    title: 'Echo, messages per second, × ws with its addon',
    note: `Node.js ${nodeMajor}, loopback; payload × connections; logarithmic scale`,
    width: WIDTH,
    groups,
  });
}
