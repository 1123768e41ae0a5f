/** Jobs that must not overlap: one at a time, in the order of their coming. Each may end at once or later. */

export class JobQueue<Job extends object> {
  private readonly start: (job: Job) => void;
  private waiting: Job[] = [];
  /** Where in `waiting` the next job stands: taking the first of a long array off moves all the others. */
  private next = 0;
  /** The job that has begun and not ended. */
  current: Job | undefined;
  private isDraining = false;

  /** @param start begins a job, which ends when `settle` is called, during `start` or after it */
  constructor(start: (job: Job) => void) {
    this.start = start;
  }

  /** Whether a job that is added has to wait. */
  get isBusy(): boolean {
    return this.current !== undefined || this.isDraining || this.waiting.length > 0;
  }

  add(job: Job): void {
    this.waiting.push(job);
    this.drain();
  }

  /** The current job is over; `report` tells whoever gave it, before the next one starts. */
  settle(report: () => void): void {
    this.current = undefined;
    try {
      report();
    } finally {
      this.drain();
    }
  }

  /** Empties the queue. @returns what was in it, the current job first; that must not be settled any more */
  takeAll(): Job[] {
    const jobs = this.current === undefined ? [] : [this.current];
    this.current = undefined;
    const waiting = this.waiting.slice(this.next);
    this.waiting = [];
    this.next = 0;
    return jobs.concat(waiting);
  }

  /** A loop, not a recursion: jobs that end at once must not pile up on the stack. */
  private drain(): void {
    if (this.isDraining) return;
    this.isDraining = true;
    try {
      for (let job = this.takeNext(); job !== undefined; job = this.takeNext()) this.start(job);
    } finally {
      this.isDraining = false;
      // Only when a report threw: that is its caller's affair, the other jobs go on.
      if (this.current === undefined && this.waiting.length > 0) queueMicrotask(() => this.drain());
    }
  }

  private takeNext(): Job | undefined {
    if (this.current !== undefined || this.waiting.length === 0) return undefined;
    this.current = this.waiting[this.next++];
    if (this.next === this.waiting.length) {
      this.waiting = [];
      this.next = 0;
    }
    return this.current;
  }
}
