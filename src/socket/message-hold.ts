/**
 * Messages for which nobody listens: kept until somebody does, since a handler that awaits something first would miss
 * them otherwise. It is not for ever, since there are programs that never listen: they too have to see pings and the
 * Close frame that stand behind messages. So a message waits
 * - while the promise of a 'connection' listener (of a client's 'open' listener) is pending, and once a `for await` loop
 *   has been left, since another may follow: at most `HOLD_TIMEOUT_MS`;
 * - otherwise until the turn of the event loop that it came in is over.
 * When much is kept, the connection is paused meanwhile. 'close' does not wait: behind it, what is kept is there for loops and
 * streams, and not for listeners, which expect no message any more. Refuses to know who listens.
 */

import { MAX_KEPT, MAX_KEPT_BYTES, MessageQueue, type WaitingMessage } from './message-iterator.ts';

/** How long a message waits at most for a handler that has not returned, or for the next loop. */
export const HOLD_TIMEOUT_MS = 10_000;

/** The socket. */
export interface HoldHost {
  /** As much is kept as may be. */
  full(): void;
  /** Nobody came: what was kept has to be dropped. */
  expire(): void;
}

export class MessageHold {
  readonly queue = new MessageQueue();
  readonly #host: HoldHost;
  #pendingHandlers = 0;
  /** Whether a reader has left, behind which another may follow. */
  isBehindReader = false;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(host: HoldHost) {
    this.#host = host;
  }

  keep(waiting: WaitingMessage): void {
    this.queue.push(waiting);
    this.#wait();
  }

  /** A handler that was given the socket has returned this. */
  whilePending(promise: PromiseLike<unknown>): void {
    this.#pendingHandlers += 1;
    const settle = () => {
      this.#pendingHandlers -= 1;
      if (this.#pendingHandlers > 0) return;
      this.isBehindReader = false;
      if (this.#timer === undefined) return;
      this.#disarm();
      this.#wait();
    };
    promise.then(settle, settle);
  }

  /** A reader has had enough; another may follow. */
  readerLeft(): void {
    this.isBehindReader = true;
    if (this.queue.count > 0) this.#wait();
  }

  /** Somebody has come for the messages, or nobody will. */
  stop(): void {
    this.isBehindReader = false;
    this.#disarm();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  #wait(): void {
    if (this.queue.count >= MAX_KEPT || this.queue.bytes >= MAX_KEPT_BYTES) this.#host.full();
    if (this.#pendingHandlers === 0 && !this.isBehindReader) {
      this.#immediate ??= setImmediate(() => this.#expire());
    } else {
      this.#timer ??= setTimeout(() => this.#expire(), HOLD_TIMEOUT_MS).unref();
    }
  }

  #expire(): void {
    this.#disarm();
    this.#host.expire();
  }
}
