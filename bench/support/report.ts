/** How a benchmark's result is shown and kept: a table on the terminal, JSON in bench/results. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { CellResult } from '../part.ts';
import manifest from '../peers/package.json' with { type: 'json' };
import { DEFAULT_NODE, nodeVersion } from './nodes.ts';
import { peerVersion } from './peers.ts';
import type { Spread } from './statistics.ts';

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
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toPrecision(3)}${units[unit]}`;
}

export function formatRatio(spread: Spread | undefined): string {
  if (spread === undefined) return '–';
  const { median, min, max } = spread;
  return `${formatFactor(median)} (${formatFactor(min)}–${formatFactor(max)})`;
}

export function formatFactor(factor: number): string {
  return factor.toFixed(factor >= 10 ? 1 : 2);
}

/** What a figure depends on beside the code. */
export function environment(nodeMajor = DEFAULT_NODE): Record<string, unknown> {
  const peers = Object.keys(manifest.optionalDependencies);
  return {
    date: new Date().toISOString(),
    node: nodeVersion(nodeMajor),
    loadNode: nodeVersion(DEFAULT_NODE),
    platform: `${process.platform}-${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    commit: currentCommit(),
    peers: Object.fromEntries(peers.map((name) => [name, peerVersion(name) ?? 'not installed'])),
  };
}

function currentCommit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** What bench/results/NAME.json has, if anything. */
export function loadResult(name: string): { readonly cells: readonly CellResult[] } | undefined {
  const file = new URL(`${name}.json`, RESULTS);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** Writes bench/results/NAME.json and says so. */
export function saveResult(name: string, result: object): void {
  saveFile(`${name}.json`, `${JSON.stringify({ environment: environment(), ...result }, undefined, 1)}\n`);
}

/** Writes a file into bench/results and says so. */
export function saveFile(name: string, content: string): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL(name, RESULTS), content);
  console.log(`written to bench/results/${name}`);
}

/** A size in the unit in which it is a whole number: 16 KiB. */
export function formatBytes(bytes: number): string {
  const kib = 1024;
  if (bytes >= kib * kib) return `${bytes / kib / kib} MiB`;
  return bytes >= kib ? `${bytes / kib} KiB` : `${bytes} B`;
}
