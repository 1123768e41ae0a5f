/** One run of a call's handler, and those who wait for its answer. */

import type { RealtimeError } from '../realtime-protocol/realtime-error.ts';

export interface Caller {
  /** Whether its connection is there. */
  isPresent: boolean;
  /** Takes the members of the answer but for its `id`. */
  answer(members: string): void;
}

export class CallRun {
  readonly #countUnattended: (change: 1 | -1) => void;
  readonly #callers = new Set<Caller>();
  #present = 0;
  #isUnattended = false;
  #hasEnded = false;
  #reason: RealtimeError | undefined;
  #ending: AbortController | undefined;

  /** @param countUnattended told when nobody is present any more that waits, and when that is over */
  constructor(countUnattended: (change: 1 | -1) => void) {
    this.#countUnattended = countUnattended;
  }

  get signal(): AbortSignal {
    if (this.#ending === undefined) {
      this.#ending = new AbortController();
      if (this.#reason !== undefined) this.#ending.abort(this.#reason);
    }
    return this.#ending.signal;
  }

  /** Why nobody waits any more, if so. */
  get abortReason(): RealtimeError | undefined {
    return this.#reason;
  }

  join(caller: Caller): void {
    this.#callers.add(caller);
    this.#present += 1;
    this.#setUnattended(false);
  }

  /** Its connection has gone; it goes on waiting. */
  miss(caller: Caller): void {
    if (!caller.isPresent) return;
    caller.isPresent = false;
    this.#present -= 1;
    this.#setUnattended(this.#present === 0);
  }

  /** It waits no more. Behind the last one the handler is told. */
  leave(caller: Caller, reason: RealtimeError): void {
    if (!this.#callers.delete(caller)) return;
    this.miss(caller);
    if (this.#callers.size > 0 || this.#reason !== undefined) return;
    this.#reason = reason;
    this.#ending?.abort(reason);
  }

  end(members: string): void {
    this.#setUnattended(false);
    this.#hasEnded = true;
    for (const caller of this.#callers) caller.answer(members);
    this.#callers.clear();
  }

  #setUnattended(isUnattended: boolean): void {
    if (this.#hasEnded || isUnattended === this.#isUnattended) return;
    this.#isUnattended = isUnattended;
    this.#countUnattended(isUnattended ? 1 : -1);
  }
}
