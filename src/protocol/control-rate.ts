/** How many control frames come without data between them (§10.4), so that a flood of them can be told from a few. */

import type { Limits } from './limits.ts';

export class ControlRate {
  private readonly limits: Limits;
  private readonly now: () => number;
  private count = 0;
  private windowStart: number;

  constructor(limits: Limits, now: () => number) {
    this.limits = limits;
    this.now = now;
    this.windowStart = now();
  }

  /** A data frame has come. */
  reset(): void {
    this.count = 0;
  }

  /**
   * Counts a control frame. The clock is read only when the count is full: a run of them is a flood when it came too fast.
   * @returns whether it is one too many
   */
  isFlood(): boolean {
    if (++this.count <= this.limits.maxControlFramesBetweenData) return false;
    const elapsedMs = this.now() - this.windowStart;
    this.windowStart += elapsedMs;
    this.count = 1;
    return elapsedMs < this.limits.controlWindowMs;
  }
}
