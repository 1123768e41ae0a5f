/**
 * Keys of what a call's handler publishes. They follow from the call's own key, so that a call that runs again, in another process
 * too, publishes nothing twice.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';

const running = new AsyncLocalStorage<DerivedKeys | undefined>();

class DerivedKeys {
  readonly #stem: string;
  /** How many there were, by channel. */
  readonly #counts = new Map<string, number>();

  constructor(name: string) {
    this.#stem = createHash('sha256').update(name).digest('base64url');
  }

  next(channel: string): string {
    const count = (this.#counts.get(channel) ?? 0) + 1;
    this.#counts.set(channel, count);
    return `${this.#stem}:${count}`;
  }
}

/** @param name of the call and its key; undefined for a call without key, also inside of another one's handler */
export function runWithKeys<Result>(name: string | undefined, run: () => Result): Result {
  return running.run(name === undefined ? undefined : new DerivedKeys(name), run);
}

/** For a publication to a channel without a key of its own: undefined outside of a handler whose call has a key. */
export function derivedKey(channel: string): string | undefined {
  return running.getStore()?.next(channel);
}
