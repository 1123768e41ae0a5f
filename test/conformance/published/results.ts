/** The results that are published: a file for each testee, written by the runner and by nobody else. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../../../src/conformance/index.ts';

const FOLDER = new URL('results/', import.meta.url);

export interface PublishedResult {
  readonly id: string;
  readonly name: string;
  readonly role: 'server' | 'client';
  readonly version: string;
  readonly platform: string;
  readonly install: string;
  readonly settings: string;
  readonly program: string;
  /** The day of the run. */
  readonly date: string;
  /** Ids of cases by their verdict: `OK`, or `behavior / behaviorClose` where one of them is another. */
  readonly verdicts: Readonly<Record<string, string>>;
}

export function verdictOf({ behavior, behaviorClose }: Pick<CaseResult, 'behavior' | 'behaviorClose'>): string {
  return behavior === 'OK' && behaviorClose === 'OK' ? 'OK' : `${behavior} / ${behaviorClose}`;
}

/** Numbers as numbers, and those of framewright's own groups, which have letters, last. */
export function compareCases(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Ids by verdict. */
export function groupVerdicts(byCase: ReadonlyMap<string, string>): Record<string, string> {
  const groups = new Map<string, string[]>();
  for (const id of [...byCase.keys()].sort(compareCases)) {
    const verdict = byCase.get(id)!;
    groups.set(verdict, [...(groups.get(verdict) ?? []), id]);
  }
  return Object.fromEntries([...groups].map(([verdict, ids]) => [verdict, ids.join(' ')]));
}

/** Verdicts by case. */
export function verdictsByCase({ verdicts }: PublishedResult): Map<string, string> {
  return new Map(
    Object.entries(verdicts).flatMap(([verdict, ids]) => ids.split(' ').map((id) => [id, verdict] as const)),
  );
}

export function writeResult(result: PublishedResult): void {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(new URL(`${result.id}.json`, FOLDER), `${JSON.stringify(result, undefined, 2)}\n`);
}

export function readResults(): PublishedResult[] {
  if (!existsSync(FOLDER)) return [];
  const files = readdirSync(fileURLToPath(FOLDER)).filter((name) => name.endsWith('.json'));
  return files.map((name) => JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as PublishedResult);
}
