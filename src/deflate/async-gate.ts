/**
 * Lets a limited number of jobs into the thread pool at a time, in the order of their coming. One for the process: too
 * many zlib jobs at once fragment the heap and starve everything else that uses the pool.
 */

export class AsyncGate {
  private readonly waiting: (() => void)[] = [];
  private inside = 0;
  private isAdmitting = false;
  private limit: number | undefined;

  /** The first call decides. @param limit jobs at a time, from 1 on */
  setLimit(limit: number): void {
    this.limit ??= limit;
  }

  /** Starts `job` now or when others have left; it has to call `leave` once. */
  enter(job: () => void): void {
    this.waiting.push(job);
    this.admit();
  }

  leave(): void {
    this.inside--;
    this.admit();
  }

  /** A loop, not a recursion: a job whose connection has gone leaves as it enters, and there may be thousands of them. */
  private admit(): void {
    if (this.isAdmitting) return;
    this.isAdmitting = true;
    try {
      while (this.waiting.length > 0 && this.inside < (this.limit ?? Number.POSITIVE_INFINITY)) {
        this.inside++;
        this.waiting.shift()!();
      }
    } finally {
      this.isAdmitting = false;
    }
  }
}

/** What all codecs of the process pass through. */
export const zlibGate = new AsyncGate();
