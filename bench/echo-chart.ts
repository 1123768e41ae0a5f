/** The echo part as a picture: how many times as much as ws each subject does. */

import type { CellResult, Figure } from './part.ts';
import { barChart } from './support/chart.ts';
import { baseOf, ratioToBase } from './table.ts';

const SUBJECTS: Readonly<Record<string, string>> = {
  framewright: 'framewright',
  'framewright-transient': 'transientMessages',
  net: 'bare node:net',
  bun: 'Bun',
  deno: 'Deno',
  'ws-nobu': 'ws, no addon',
  websocket: 'websocket',
  faye: 'faye-websocket',
};
const CELLS = [
  '16 B × 50, 1 in flight',
  '16 B × 50, 16 in flight',
  '16 B × 50, 64 in flight',
  '1 KiB × 50, 16 in flight',
  '16 KiB × 50, 1 in flight',
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
        return ratio === undefined
          ? []
          : [{ label, value: ratio.median, isHighlighted: subject.startsWith('framewright') }];
      }),
    }));
  return barChart({
    title: 'WebSocket echo over loopback, messages per second',
    note: `Times ws with bufferutil, Node.js ${nodeMajor}; payload × connections; logarithmic scale`,
    groups,
  });
}
