import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { echoChart } from '../../bench/echo-chart.ts';
import { RATE } from '../../bench/figures.ts';
import type { CellResult } from '../../bench/part.ts';

const read = (name: string) => readFileSync(new URL(`../../bench/results/${name}`, import.meta.url), 'utf8');

it('the README’s chart shows what is in bench/results', async () => {
  const { cells, settings } = JSON.parse(read('echo.json')) as {
    cells: CellResult[];
    settings: { nodeMajor: string };
  };
  const svg = echoChart(cells, 'ws', RATE, settings.nodeMajor);
  expect(svg.match(/class="own"/g)).toHaveLength(4);
  await expect(svg).toMatchFileSnapshot('../../bench/results/echo.svg');
});
