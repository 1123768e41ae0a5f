/**
 * Lets a limited number of jobs into the thread pool at a time, in the order of their coming. One for the process: too
 * many zlib jobs at once fragment the heap and starve everything else that uses the pool.
 */

export class AsyncGate {
  private readonly waiting: (() => void)[] = [];
  private inside = 0;
  private limit: number | undefined;

  /** The first call decides. @param limit jobs at a time, from 1 on */
  setLimit(limit: number): void {
    this.limit ??= limit;
  }

  /** Starts `job` now or when others have left; it has to call `leave` once. */
  enter(job: () => void): void {
    if (this.inside >= (this.limit ?? Number.POSITIVE_INFINITY)) {
      this.waiting.push(job);
      return;
    }
    this.inside++;
    job();
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.inside--;
    else next();
  }
}

/** What all codecs of the process pass through. */
export const zlibGate = new AsyncGate();
