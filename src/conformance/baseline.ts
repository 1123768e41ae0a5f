/**
 * A baseline: the cases that are known not to pass, each with the verdict that it gets and the reason why that is so. A run
 * that differs from it in either direction is not as expected. Pure: files are the caller's business.
 */

import type { CaseResult } from './case-run.ts';
import { ALL_CASES } from './cases/index.ts';
import { BEHAVIORS, CLOSE_BEHAVIORS, isPassing } from './verdict.ts';

export interface BaselineRow {
  readonly id: string;
  readonly behavior: string;
  readonly behaviorClose: string;
  /** Why the case may have this verdict. */
  readonly reason: string;
  /** Whether it may have a better one too: in the testee, one thing runs a race with another. */
  readonly sometimes?: boolean;
}

export type Baseline = ReadonlyMap<string, BaselineRow>;

export const NO_BASELINE: Baseline = new Map();

/**
 * @throws {SyntaxError} when the text is no baseline, or a row has no reason; the message says which, and what to do
 */
export function parseBaseline(json: string, mayLackReasons = false): Baseline {
  const rows: unknown = JSON.parse(json);
  if (typeof rows !== 'object' || rows === null || Array.isArray(rows)) {
    throw new SyntaxError('expected an object with a row for each case, as --update-baseline writes it');
  }
  return new Map(Object.entries(rows).map(([id, row]) => [id, readRow(id, row, mayLackReasons)]));
}

function readRow(id: string, row: unknown, mayLackReason: boolean): BaselineRow {
  const { behavior, behaviorClose, reason = '', sometimes = false } = (row ?? {}) as Partial<Record<string, unknown>>;
  if (typeof behavior !== 'string' || typeof behaviorClose !== 'string' || typeof reason !== 'string') {
    throw new SyntaxError(`case ${id} lacks behavior, behaviorClose or reason`);
  }
  if (!ALL_CASES.some((one) => one.id === id)) throw new SyntaxError(`there is no case ${id}`);
  if (!isOneOf(BEHAVIORS, behavior) || !isOneOf(CLOSE_BEHAVIORS, behaviorClose)) {
    throw new SyntaxError(`case ${id}: ${behavior}, close ${behaviorClose} is no verdict`);
  }
  if (typeof sometimes !== 'boolean') throw new SyntaxError(`case ${id}: "sometimes" is true, or not there`);
  if (reason.trim() === '' && !mayLackReason) {
    throw new SyntaxError(
      `case ${id} has no reason: write into "reason" why it may be ${behavior}, close ${behaviorClose}`,
    );
  }
  return { id, behavior, behaviorClose, reason, ...(sometimes && { sometimes }) };
}

/** How a run differs from a baseline, a line each; none when it is as expected. */
export function compareWithBaseline(results: readonly CaseResult[], baseline: Baseline): string[] {
  return results.flatMap((result) => {
    const { id, behavior, behaviorClose } = result;
    const row = baseline.get(id);
    const is = `${behavior}, close ${behaviorClose}`;
    if (isKnown(result, baseline) || (row === undefined && isPassing(result))) return [];
    if (row === undefined) return [`${id}  is ${is}, and is not in the baseline`];
    const was = `${row.behavior}, close ${row.behaviorClose}`;
    if (isPassing(result)) {
      return row.sometimes
        ? []
        : [`${id}  passes now, and the baseline has ${was}: take its row out, or write "sometimes": true into it`];
    }
    return [`${id}  is ${is}, and the baseline has ${was}`];
  });
}

function isOneOf(words: readonly string[], word: string): boolean {
  return words.includes(word);
}

/** From good to bad; what else there is passes. */
const ORDER = ['OK', 'NON-STRICT', 'FAILED'];

/** Whether a case does not pass, in just the way that the baseline has it. */
export function isKnown(result: CaseResult, baseline: Baseline): boolean {
  const row = baseline.get(result.id);
  if (row === undefined || isPassing(result)) return false;
  const { behavior, behaviorClose } = result;
  if (row.sometimes) {
    const isNoWorse = ORDER.indexOf(behavior) <= ORDER.indexOf(row.behavior);
    return isNoWorse && (behaviorClose === row.behaviorClose || isPassing({ ...result, behavior: 'OK' }));
  }
  return row.behavior === behavior && row.behaviorClose === behaviorClose;
}

/** The baseline that a run agrees with: reasons stay, and so do the rows of cases that were not run. */
export function updateBaseline(results: readonly CaseResult[], baseline: Baseline): Baseline {
  const rows = new Map(baseline);
  for (const result of results) {
    const { id, behavior, behaviorClose } = result;
    const row = baseline.get(id);
    if (row?.sometimes && (isPassing(result) || isKnown(result, baseline))) continue;
    if (isPassing(result)) rows.delete(id);
    else rows.set(id, { ...row, id, behavior, behaviorClose, reason: row?.reason ?? '' });
  }
  return rows;
}

/** A line for each row, so that differences between versions can be read. */
export function formatBaseline(baseline: Baseline): string {
  const inOrder = ALL_CASES.flatMap(({ id }) => baseline.get(id) ?? []);
  const rows = inOrder.map(({ id, ...row }) => `  ${JSON.stringify(id)}: ${JSON.stringify(row)}`);
  return rows.length === 0 ? '{}\n' : `{\n${rows.join(',\n')}\n}\n`;
}
