/**
 * Token buckets as arithmetic: a bucket holds `burst` tokens at most and gains `perMs` of them in each millisecond; who does
 * something takes some out. All there is to know of a bucket is when it is full again (`fullAt`, of a monotonic clock in
 * milliseconds), so that one that nobody touches needs no care, and is not different from a new one once that time has come.
 */

export interface Rate {
  readonly perMs: number;
  readonly burst: number;
}

/** Never short of anything. */
export const NO_LIMIT: Rate = { perMs: Number.POSITIVE_INFINITY, burst: Number.MAX_VALUE };

/**
 * When so many tokens are there. More than the bucket can hold are waited for until it is full, and are then a debt: who
 * comes next waits for it.
 */
export function readyAt({ perMs, burst }: Rate, fullAt: number, tokens: number): number {
  return fullAt - (burst - Math.min(tokens, burst)) / perMs;
}

/** @returns when the bucket is full again, once the tokens have been taken at `now` */
export function fullAfter({ perMs }: Rate, fullAt: number, tokens: number, now: number): number {
  return Math.max(fullAt, now) + tokens / perMs;
}
