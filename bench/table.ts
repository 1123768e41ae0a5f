/** The comparison as text: one block of rows per cell. */

import type { CellResult, Figure, Part, Series } from './part.ts';
import { formatFactor, formatRate, formatRatio, formatTable } from './support/report.ts';
import { median, ratiosOf, type Spread } from './support/statistics.ts';

/** A load above it may be what is measured, a server below it is not at its limit. */
const BUSY = 0.9;

function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

const FORMATS: Readonly<Record<Figure['format'], (value: number) => string>> = {
  rate: formatRate,
  microseconds: (value) => (value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)),
  milliseconds: (value) => value.toFixed(1),
  count: (value) => (value > 0 && value < 9.5 ? value.toFixed(1) : value.toFixed(0)),
  bytes: (value) => Math.round(value).toLocaleString('en'),
  share: percent,
  utilisation: (value) => `${percent(value)}${value > BUSY ? ' busy!' : ''}`,
  saturation: (value) => `${percent(value)}${value < BUSY ? ' idle!' : ''}`,
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

/** Where a series of framewright is behind another library. */
export function whereSlower({ series }: CellResult, figure: Figure, names: readonly string[]): string[] {
  const rivals = series.filter(({ subject }) => names.includes(subject));
  return series
    .filter(({ subject }) => subject.startsWith('framewright'))
    .flatMap((own) =>
      rivals.flatMap((rival) => {
        const ratio = ratioToBase(own, rival, figure)?.median;
        return ratio !== undefined && ratio < 1
          ? [`${own.subject} is slower than ${rival.subject}: ${formatFactor(ratio)}`]
          : [];
      }),
    );
}

type Comparison = Pick<Part, 'figures' | 'base' | 'ownBase' | 'rivals'>;

export function formatCell(result: CellResult, { figures, base: baseName, ownBase, rivals = [] }: Comparison): string {
  const base = baseOf(result, baseName);
  // What nobody has in this cell is no column of it.
  const shown = figures.filter(({ key }) => result.series.some((series) => medianOf(series, key) !== undefined));
  const heading = shown.flatMap(({ title, isCompared }) => [
    title,
    ...(isCompared === true ? [`× ${base.subject} (min–max)`] : []),
    ...(isCompared === true && ownBase !== undefined ? ['× own'] : []),
  ]);
  const rows = result.series.map((series) => [
    `  ${series.subject}`,
    ...shown.flatMap((figure) => {
      const value = medianOf(series, figure.key);
      const cells = [value === undefined ? '–' : FORMATS[figure.format](value)];
      if (figure.isCompared !== true) return cells;
      cells.push(formatRatio(ratioToBase(series, base, figure)));
      if (ownBase === undefined) return cells;
      return [...cells, formatRatio(ratioToBase(series, baseOf(result, ownBase(series.subject)), figure))];
    }),
  ]);
  const failures = result.series.flatMap(({ subject, failures }) => failures.map((text) => `${subject}: ${text}`));
  const remarks = [...failures, ...whereSlower(result, figures[0]!, rivals)].map((text) => `  ${text}`);
  return [formatTable([[result.name, ...heading], ...rows]), ...remarks].join('\n');
}
