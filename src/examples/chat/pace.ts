/** How often one user or address may do something, in all tabs of one process. Who is too fast is told so, and when to go on. */

import { RealtimeError } from '../../realtime/index.ts';

export class Pace {
  readonly #most: number;
  readonly #inMs: number;
  readonly #what: string;
  /** Counts of a stretch of time; the next one begins with none. */
  #counts = new Map<string, number>();
  #until = 0;

  /** @param what is done, as the one who is too fast is told it */
  constructor(most: number, inMs: number, what: string) {
    this.#what = what;
    this.#most = most;
    this.#inMs = inMs;
  }

  /** @throws {RealtimeError} UNAVAILABLE: of a call, the same key is good for the next try */
  check(user: string): void {
    if (Date.now() >= this.#until) [this.#counts, this.#until] = [new Map(), Date.now() + this.#inMs];
    const count = (this.#counts.get(user) ?? 0) + 1;
    this.#counts.set(user, count);
    if (count <= this.#most) return;
    throw new RealtimeError('UNAVAILABLE', `No more than ${this.#most} ${this.#what} in ${this.#inMs / 1000} s`, {
      data: { retryAfterMs: this.#until - Date.now() },
    });
  }
}
