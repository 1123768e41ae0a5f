/** The comparison as text: one block of rows per cell. */

import type { CellResult, Figure, Series } from './part.ts';
import { formatRate, formatRatio, formatTable } from './support/report.ts';
import { median, ratiosOf, type Spread } from './support/statistics.ts';

/** Above it, the load may be what is measured. */
const BUSY = 0.9;

const FORMATS: Readonly<Record<Figure['format'], (value: number) => string>> = {
  rate: formatRate,
  microseconds: (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)),
  bytes: (value) => Math.round(value).toLocaleString('en'),
  share: (value) => `${Math.round(value * 100)} %`,
  utilisation: (value) => `${Math.round(value * 100)} %${value > BUSY ? ' busy!' : ''}`,
};

function valuesOf({ rounds }: Series, key: string): (number | undefined)[] {
  return rounds.map((figures) => figures?.[key]);
}

export function medianOf(series: Series, key: string): number | undefined {
  const known = valuesOf(series, key).filter((value) => value !== undefined && value !== null && !Number.isNaN(value));
  return known.length === 0 ? undefined : median(known as number[]);
}

/** Above 1: better than the base. */
export function ratioToBase(series: Series, base: Series, { key, isLowerBetter }: Figure): Spread | undefined {
  const [own, others] = [valuesOf(series, key), valuesOf(base, key)];
  return isLowerBetter === true ? ratiosOf(others, own) : ratiosOf(own, others);
}

export function baseOf({ series }: CellResult, name: string): Series {
  return series.find(({ subject }) => subject === name) ?? series[0]!;
}

export function formatCell(result: CellResult, figures: readonly Figure[], baseName: string): string {
  const base = baseOf(result, baseName);
  const heading = [
    result.name,
    ...figures.flatMap(({ title, isCompared }) => [
      title,
      ...(isCompared === true ? [`× ${base.subject} (min–max)`] : []),
    ]),
  ];
  const rows = result.series.map((series) => [
    `  ${series.subject}`,
    ...figures.flatMap((figure) => {
      const value = medianOf(series, figure.key);
      const shown = value === undefined ? '–' : FORMATS[figure.format](value);
      return [shown, ...(figure.isCompared === true ? [formatRatio(ratioToBase(series, base, figure))] : [])];
    }),
  ]);
  const failures = result.series.flatMap(({ subject, failures }) => failures.map((text) => `  ${subject}: ${text}`));
  return [formatTable([heading, ...rows]), ...failures].join('\n');
}
