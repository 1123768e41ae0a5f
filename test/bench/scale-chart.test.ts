import { expect, it } from 'vitest';
import type { CellResult } from '../../bench/part.ts';
import { scaleChart } from '../../bench/scale-chart.ts';

const figure = { key: 'cpuMicros', title: 'CPU µs each', format: 'microseconds' } as const;

function cell(name: string, costs: Readonly<Record<string, number>>): CellResult {
  const series = Object.entries(costs).map(([subject, cpuMicros]) => ({
    subject,
    rounds: [{ cpuMicros }],
    failures: [],
  }));
  return { name, series };
}

it('shows every cost as a multiple of the base’s in the first cell', () => {
  const svg = scaleChart(
    [cell('few', { ws: 4, framewright: 2 }), cell('many', { ws: 16, framewright: 3 })],
    'ws',
    figure,
    '24',
  );
  expect(svg.match(/[\d.]+×(?=<\/text>)/g)).toEqual(expect.arrayContaining(['1×', '0.5×', '4×', '0.75×']));
  expect(svg).toContain('Times that of ws, few');
});
