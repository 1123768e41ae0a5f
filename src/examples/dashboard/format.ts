/** Numbers and times as people read them. */

import { type Figure, kindOf } from './figures.ts';

const number = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const PREFIXES = ['', 'k', 'M', 'G', 'T'] as const;

export const formatCount = (value: number): string => number.format(value);

/** With three digits: 0.42, 4.2, 42, 420, 4.2 k. */
function short(value: number, step = 1000): string {
  let power = 0;
  for (; Math.abs(value) >= step * 0.9995 && power < PREFIXES.length - 1; power++) value /= step;
  const digits =
    power === 0 && Number.isInteger(value)
      ? 0
      : Math.abs(value) < 10
        ? power === 0
          ? 1
          : 2
        : Math.abs(value) < 100
          ? 1
          : 0;
  return `${value.toFixed(digits)} ${PREFIXES[power]}`;
}

export function formatFigure(figure: Figure, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  const { unit } = kindOf(figure);
  if (unit === 'ms') return `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`;
  if (unit === '' || unit === '/s') return value >= 100_000 ? short(value) + unit : `${formatAmount(value)}${unit}`;
  return short(value) + unit;
}
const formatAmount = (value: number) =>
  Number.isInteger(value) || value >= 10 ? formatCount(value) : value.toFixed(1);

export const formatBytes = (value: number): string => `${short(value)}B`;
/** At an axis. */
export function formatTick(value: number): string {
  const [digits, prefix] = short(value).split(' ');
  return `${Number(digits)} ${prefix}`.trim();
}

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const formatTime = (ms: number): string => time.format(ms);

export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
