/** Thresholds, one of a figure: raised and cleared once each, however the figure wavers. They are kept in a file. */

import { readFileSync, writeFileSync } from 'node:fs';
import { type Alert, FIGURES, type Figure, type Sample } from './figures.ts';

/** So many samples above it raise it, and so many that are not clear it. */
const RAISE_AFTER = 3;
const CLEAR_AFTER = 10;

interface Watched {
  readonly above: number;
  raisedAt: number | undefined;
  /** Samples in a row that speak for the other state. */
  against: number;
}

export class Alerts {
  readonly #file: string;
  readonly #watched = new Map<Figure, Watched>();

  /** @param defaults where there is no such file yet */
  constructor(file: string, defaults: Partial<Record<Figure, number>>) {
    this.#file = file;
    for (const [figure, above] of Object.entries(readKept(file) ?? defaults)) {
      if (isFigure(figure) && isThreshold(above)) this.#watched.set(figure, { above, raisedAt: undefined, against: 0 });
    }
  }

  get list(): Alert[] {
    return [...this.#watched].map(([figure, { above, raisedAt }]) => ({
      figure,
      above,
      ...(raisedAt && { raisedAt }),
    }));
  }

  /** @param above null for no alert any more */
  set(figure: Figure, above: number | null): void {
    if (above === null) this.#watched.delete(figure);
    else this.#watched.set(figure, { above, raisedAt: undefined, against: 0 });
    writeFileSync(
      this.#file,
      JSON.stringify(Object.fromEntries(this.list.map((alert) => [alert.figure, alert.above]))),
    );
  }

  /** @returns those that are raised or cleared by this sample. What the server does not tell changes nothing. */
  look({ at, values }: Sample): Alert[] {
    const changed: Alert[] = [];
    for (const [figure, watched] of this.#watched) {
      const value = values[figure];
      if (value === null) continue;
      const isRaised = watched.raisedAt !== undefined;
      watched.against = value > watched.above === isRaised ? 0 : watched.against + 1;
      if (watched.against < (isRaised ? CLEAR_AFTER : RAISE_AFTER)) continue;
      watched.against = 0;
      watched.raisedAt = isRaised ? undefined : at;
      changed.push(this.list.find((alert) => alert.figure === figure)!);
    }
    return changed;
  }
}

export const isFigure = (name: string): name is Figure => Object.hasOwn(FIGURES, name);
export const isThreshold = (above: unknown): above is number => Number.isFinite(above) && (above as number) >= 0;

function readKept(file: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
