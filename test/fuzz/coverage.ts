/**
 * Which parts of `src` have run, as V8 counts them (the inspector's precise coverage, by blocks): so it can be told whether an
 * input reached a branch that none has reached before.
 */

import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface ScriptCoverage {
  readonly url: string;
  /** In the order of their places; a nested one comes behind the one around it. */
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** Of each script, which characters have run. */
export type Reached = Map<string, Uint8Array>;

const OURS = /\/src\/.*\.ts(\?|$)/;

export class Coverage {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    this.#post('Profiler.enable');
    this.#post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.disconnect();
  }

  /**
   * @param remembers whether what has run is put to `reached`
   * @returns whether something has run since the last call that is not in `reached`
   */
  take(reached: Reached, remembers: boolean): boolean {
    const { result } = this.#post('Profiler.takePreciseCoverage') as { result: ScriptCoverage[] };
    let isNew = false;
    for (const script of result) {
      if (OURS.test(script.url) && addScript(script, reached, remembers)) isNew = true;
    }
    return isNew;
  }

  #post(method: string, parameters: object = {}): unknown {
    let answer: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw error;
      answer = result;
    });
    return answer;
  }
}

function addScript({ url, functions }: ScriptCoverage, reached: Reached, remembers: boolean): boolean {
  const ranges = functions.flatMap((one) => one.ranges);
  const length = Math.max(...ranges.map(({ endOffset }) => endOffset));
  const now = new Uint8Array(length);
  for (const { startOffset, endOffset, count } of ranges) now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  const before = reached.get(url) ?? new Uint8Array(0);
  const isNew = now.some((has, at) => has === 1 && before[at] !== 1);
  if (!isNew || !remembers) return isNew;
  const all = new Uint8Array(Math.max(length, before.length));
  all.set(before);
  for (let at = 0; at < length; at++) all[at]! |= now[at]!;
  reached.set(url, all);
  return true;
}
