/** What a part of the benchmark consists of, and how subjects are compared: in turn, round by round. */

import type { Figures, Timing } from './load/contract.ts';
import type { Subject, Surroundings } from './subjects.ts';

export interface Settings extends Surroundings {
  readonly rounds: number;
  readonly timing: Timing;
  /** Few cells. */
  readonly isQuick: boolean;
  /** All cells. */
  readonly isFull: boolean;
}

export interface Cell {
  readonly name: string;
  /** One measurement in a fresh process. @throws {Error} when it failed */
  measure(subject: Subject): Promise<Figures>;
}

/** A column of the table. */
export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly format:
    | 'rate'
    | 'microseconds'
    | 'milliseconds'
    | 'count'
    | 'bytes'
    | 'share'
    | 'utilisation'
    | 'saturation';
  /** The ratio stands the other way round: above 1 is always better. */
  readonly isLowerBetter?: boolean;
  /** Show how it compares with the part's base. */
  readonly isCompared?: boolean;
}

export interface Part {
  readonly name: string;
  readonly summary: string;
  /** Names of subjects, in the order of the table. */
  readonly subjects: readonly string[];
  /** The subject that ratios refer to. */
  readonly base: string;
  /** Who must not be better than framewright: where one is, a line says so. */
  readonly rivals?: readonly string[];
  /** Another subject to compare each with, beside the base: the same on one core. */
  readonly ownBase?: (subject: string) => string;
  /** What a name of a subject means; default: see subjects.ts. */
  readonly resolve?: (name: string, surroundings: Surroundings) => Subject;
  /** The first one is what it is about. */
  readonly figures: readonly Figure[];
  cells(settings: Settings): readonly Cell[];
  /** An SVG of the results. */
  readonly draw?: (results: readonly CellResult[], settings: Settings) => string;
}

export interface Series {
  readonly subject: string;
  /** By round; undefined where it failed. */
  readonly rounds: readonly (Figures | undefined)[];
  /** Why measurements failed, without repetition. */
  readonly failures: readonly string[];
}

export interface CellResult {
  readonly name: string;
  readonly series: readonly Series[];
}

/** A B C A B C …: what drifts in the machine meets all of them alike. */
export async function compare(cell: Cell, subjects: readonly Subject[], rounds: number): Promise<CellResult> {
  const series = subjects.map((subject) => ({
    subject: subject.name,
    rounds: [] as (Figures | undefined)[],
    failures: new Set<string>(),
  }));
  for (let round = 0; round < rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const { rounds: results, failures } = series[i]!;
      if (failures.size > 0 && results.every((result) => result === undefined)) {
        results.push(undefined);
        continue;
      }
      try {
        results.push(await cell.measure(subject));
      } catch (error) {
        results.push(undefined);
        failures.add((error as Error).message);
      }
    }
  }
  return { name: cell.name, series: series.map((one) => ({ ...one, failures: [...one.failures] })) };
}

/** The rounds of both, of the subjects of the later one. */
export function addRounds(earlier: CellResult, later: CellResult): CellResult {
  const series = later.series.map((own) => {
    const before = earlier.series.find(({ subject }) => subject === own.subject);
    if (before === undefined) return own;
    return {
      ...own,
      rounds: [...before.rounds, ...own.rounds],
      failures: [...new Set([...before.failures, ...own.failures])],
    };
  });
  return { name: later.name, series };
}
