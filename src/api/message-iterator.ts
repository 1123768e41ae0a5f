/**
 * The messages of a connection as an async iterator: `for await`, or `next()` by hand. What nobody has asked for yet
 * waits in a short queue; when it is full, the connection is paused, so that a slow reader slows the peer down and
 * nothing is lost. Refuses to know how messages arrive.
 */

import type { WebSocketError } from './errors.ts';

/** Text as a string, anything else as a Buffer. */
export type Message = string | Buffer;

export interface MessagesOptions {
  /** Messages that may wait to be read before the connection is paused. From 1 on; default 16. */
  readonly maxQueue?: number | undefined;
}

/** The connection that is read. */
export interface PausableSource {
  pause(): void;
  resume(): void;
  /** The iterator wants no more messages. */
  release(): void;
}

type Result = IteratorResult<Message, undefined>;

interface Waiter {
  resolve(result: Result): void;
  reject(error: Error): void;
}

const DEFAULT_MAX_QUEUE = 16;
const DONE: Result = { done: true, value: undefined };

export class MessageIterator implements AsyncIterableIterator<Message, undefined> {
  readonly #source: PausableSource;
  readonly #maxQueue: number;
  /** Messages that nobody has asked for; not empty only while nobody waits. */
  readonly #queue: Message[] = [];
  readonly #waiting: Waiter[] = [];
  #isPausing = false;
  #hasEnded = false;
  /** What the iteration has still to end with. */
  #error: Error | undefined;

  /** @throws {RangeError} when `maxQueue` is not a whole number from 1 on */
  constructor(source: PausableSource, { maxQueue = DEFAULT_MAX_QUEUE }: MessagesOptions = {}) {
    if (!(maxQueue === Number.POSITIVE_INFINITY || Number.isSafeInteger(maxQueue)) || maxQueue < 1) {
      throw new RangeError(`maxQueue must be a whole number from 1 on, or Infinity; got ${maxQueue}`);
    }
    this.#source = source;
    this.#maxQueue = maxQueue;
  }

  // ---- What the connection reports ------------------------------------------------------------------------------

  /** Takes the next message. */
  push(message: Message): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: message });
      return;
    }
    this.#queue.push(message);
    if (this.#queue.length < this.#maxQueue || this.#isPausing) return;
    this.#isPausing = true;
    this.#source.pause();
  }

  /** No message follows. Those that wait are still handed out; behind them comes the error, if there is one. */
  end(error?: Error): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) this.#error = error;
    else if (error === undefined) first.resolve(DONE);
    else first.reject(error);
    for (const waiter of others) waiter.resolve(DONE);
  }

  // ---- What the reader asks for ---------------------------------------------------------------------------------

  next(): Promise<Result> {
    if (this.#queue.length > 0) return Promise.resolve({ done: false, value: this.#takeQueued() });
    const error = this.#error;
    if (error !== undefined) {
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#hasEnded) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The reader has had enough: what waits is dropped, and the connection flows on without it. */
  return(): Promise<Result> {
    this.#queue.length = 0;
    this.#error = undefined;
    this.end();
    this.#source.release();
    this.#resume();
    return Promise.resolve(DONE);
  }

  throw(error?: unknown): Promise<Result> {
    this.return();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #takeQueued(): Message {
    const message = this.#queue.shift()!;
    // Not at the first free place: pausing and resuming a socket for every message would cost more than reading it.
    if (this.#queue.length <= this.#maxQueue / 2) this.#resume();
    return message;
  }

  #resume(): void {
    if (!this.#isPausing) return;
    this.#isPausing = false;
    this.#source.resume();
  }
}

/** What iterating, and a WebSocketStream, end with when the connection was lost. */
export function abnormalClosure(): WebSocketError {
  const error = new Error('The connection ended without a Close frame: messages may be missing');
  return Object.assign(error, { code: 'WS_ERR_ABNORMAL_CLOSURE', closeCode: 1006, reason: '' });
}
