/** A suite's verdicts in the shape of Autobahn's `index.json`, for tools that read it, and reading such a file again. */

import type { SuiteReport } from './suite.ts';

export interface IndexEntry {
  readonly behavior: string;
  readonly behaviorClose: string;
  /** In milliseconds. */
  readonly duration: number;
  readonly remoteCloseCode: number | null;
}

/** Entries by case id, by agent. */
export type IndexReport = Readonly<Record<string, Readonly<Record<string, IndexEntry>>>>;

export function toIndexReport({ agent, results }: SuiteReport): IndexReport {
  const entries = results.map(({ id, behavior, behaviorClose, durationMs, remoteCloseCode }) => {
    const entry: IndexEntry = {
      behavior,
      behaviorClose,
      duration: durationMs,
      remoteCloseCode: remoteCloseCode ?? null,
    };
    return [id, entry] as const;
  });
  return { [agent]: Object.fromEntries(entries) };
}

/**
 * The verdicts of the one agent in an index report.
 * @throws {SyntaxError} when the text is not such a report; the message says what is wrong
 */
export function parseIndexReport(json: string): ReadonlyMap<string, Pick<IndexEntry, 'behavior' | 'behaviorClose'>> {
  const report: unknown = JSON.parse(json);
  if (!isObject(report)) throw new SyntaxError('expected an object with one agent in it');
  const agents = Object.values(report);
  const [entries] = agents;
  if (agents.length !== 1 || !isObject(entries)) {
    throw new SyntaxError(`expected the results of exactly one agent, found ${agents.length}`);
  }
  const verdicts = new Map<string, Pick<IndexEntry, 'behavior' | 'behaviorClose'>>();
  for (const [id, entry] of Object.entries(entries)) {
    const { behavior, behaviorClose } = isObject(entry) ? entry : {};
    if (typeof behavior !== 'string' || typeof behaviorClose !== 'string') {
      throw new SyntaxError(`case ${id} lacks behavior or behaviorClose`);
    }
    verdicts.set(id, { behavior, behaviorClose });
  }
  return verdicts;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
