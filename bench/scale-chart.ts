/** The scale part as a picture: what a message costs with ever more connections, as multiples of ws's cost with the fewest. */

import type { CellResult, Figure } from './part.ts';
import { barChart } from './support/chart.ts';
import { baseOf, medianOf } from './table.ts';

const SUBJECTS: Readonly<Record<string, string>> = {
  framewright: 'framewright',
  'framewright-net': 'on node:net',
  net: 'bare node:net',
  ws: 'ws',
  bun: 'Bun',
};

export function scaleChart(results: readonly CellResult[], base: string, figure: Figure, nodeMajor: string): string {
  const unit = medianOf(baseOf(results[0]!, base), figure.key)!;
  const groups = results.map(({ name, series }) => ({
    name,
    bars: series.flatMap((one) => {
      const cost = medianOf(one, figure.key);
      const label = SUBJECTS[one.subject] ?? one.subject;
      return cost === undefined
        ? []
        : [{ label, value: cost / unit, isHighlighted: one.subject.startsWith('framewright') }];
    }),
  }));
  return barChart({
    title: 'Processor time per message, by number of connections',
    note: `Times that of ${base}, ${results[0]!.name}; further to the left is better; Node.js ${nodeMajor}; logarithmic scale`,
    groups,
  });
}
