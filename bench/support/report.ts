/** How a benchmark's result is shown and kept: a table on the terminal, JSON in bench/results. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import type { Spread } from './statistics.ts';

const require = createRequire(import.meta.url);
const RESULTS = new URL('../results/', import.meta.url);

/** Rows of cells as aligned text; the first row is the heading, the first column is aligned to the left. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n');
}

/** A number with three significant digits and a unit prefix: 1.23 M. */
export function formatRate(perSecond: number): string {
  const units = ['', ' k', ' M', ' G'];
  let value = perSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toPrecision(3)}${units[unit]}`;
}

export function formatRatio({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** What a figure depends on beside the code. */
export function environment(): Record<string, string | number> {
  return {
    date: new Date().toISOString(),
    node: process.version,
    ws: (require('ws/package.json') as { version: string }).version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    commit: currentCommit(),
  };
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** Writes bench/results/NAME.json and says so. */
export function saveResult(name: string, result: object): void {
  mkdirSync(RESULTS, { recursive: true });
  const file = new URL(`${name}.json`, RESULTS);
  writeFileSync(file, `${JSON.stringify({ environment: environment(), ...result }, undefined, 2)}\n`);
  console.log(`\nwritten to bench/results/${name}.json`);
}
