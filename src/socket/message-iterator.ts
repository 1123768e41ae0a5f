/**
 * The messages of a connection as an async iterator: for `for await`, or `next()` by hand. What nobody has asked for yet
 * waits in a short queue. When the queue is full, the connection is paused: a slow reader slows the peer down, and nothing
 * is lost. The queue is the socket's: what one loop leaves, the next one finds. Refuses to know how messages arrive.
 */

import { ANY, checkOptions, type OptionKinds } from '../options/option-check.ts';
import { checkWholeNumber } from '../protocol/whole-number.ts';
import type { ConnectionError } from '../transport/errors.ts';

/** Text as a string, anything else as a Buffer. */
export type Message = string | Buffer;

export interface MessagesOptions {
  /** Messages that may wait to be read before the connection is paused. From 1 on. Default 16. */
  readonly maxQueue?: number | undefined;
  /** Bytes of payload that may wait before the connection is paused. From 1 on. Default 1 048 576 (1 MiB). */
  readonly maxQueueBytes?: number | undefined;
}

/** The connection that is read. */
interface PausableSource {
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
const DEFAULT_MAX_QUEUE_BYTES = 1024 * 1024;
/**
 * The most messages, and bytes of payload, that are kept for a reader that is not there, or that lags while this side is
 * closing: the peer's Close frame stands behind them.
 */
export const MAX_KEPT = 1024;
export const MAX_KEPT_BYTES = 1024 * 1024;
const DOOR = {
  name: 'messages()',
  kinds: { maxQueue: ANY, maxQueueBytes: ANY } satisfies OptionKinds<MessagesOptions>,
  isLenient: false,
};
const DONE: Result = { done: true, value: undefined };

export interface WaitingMessage {
  readonly message: Message;
  /** Of its payload. */
  readonly lengthBytes: number;
  /** Whether listeners have heard it: it waits for readers only. */
  readonly isHeard: boolean;
}

/** Messages that have arrived and that nobody has taken, in their order. */
export class MessageQueue {
  readonly #messages: WaitingMessage[] = [];
  /** Payload bytes of all that wait. */
  bytes = 0;

  get count(): number {
    return this.#messages.length;
  }

  push(waiting: WaitingMessage): void {
    this.#messages.push(waiting);
    this.bytes += waiting.lengthBytes;
  }

  /** The oldest. There has to be one. */
  shift(): WaitingMessage {
    const waiting = this.#messages.shift()!;
    this.bytes -= waiting.lengthBytes;
    return waiting;
  }

  /** How many of them no listener has heard. */
  get unheardCount(): number {
    return this.#messages.filter(({ isHeard }) => !isHeard).length;
  }

  takeAll(): Message[] {
    const messages = this.#messages.map(({ message }) => message);
    this.clear();
    return messages;
  }

  clear(): void {
    this.#messages.length = 0;
    this.bytes = 0;
  }
}

/** @throws {TypeError | RangeError} when one is not a whole number from 1 on */
export function queueLimits({
  maxQueue = DEFAULT_MAX_QUEUE,
  maxQueueBytes = DEFAULT_MAX_QUEUE_BYTES,
}: MessagesOptions): { readonly maxQueue: number; readonly maxQueueBytes: number } {
  checkWholeNumber('maxQueue', maxQueue, 1);
  checkWholeNumber('maxQueueBytes', maxQueueBytes, 1);
  return { maxQueue, maxQueueBytes };
}

export class MessageIterator implements AsyncIterableIterator<Message> {
  /** Not empty only while nobody waits. */
  readonly #queue: MessageQueue;
  readonly #source: PausableSource;
  readonly #maxQueue: number;
  readonly #maxQueueBytes: number;
  readonly #waiting: Waiter[] = [];
  #isPausing = false;
  #isClosing = false;
  #hasEnded = false;
  /** Whether the reader has had enough: the queue is the next one's. */
  #hasLeft = false;
  /** What the iteration has still to end with. */
  #error: Error | undefined;

  /**
   * @param queue with what has arrived already
   * @throws {TypeError} for options that are not known
   * @throws {RangeError} when `maxQueue` or `maxQueueBytes` is not a whole number from 1 on
   */
  constructor(queue: MessageQueue, source: PausableSource, options: MessagesOptions = {}) {
    checkOptions(DOOR, options);
    const { maxQueue, maxQueueBytes } = queueLimits(options);
    this.#queue = queue;
    this.#source = source;
    this.#maxQueue = maxQueue;
    this.#maxQueueBytes = maxQueueBytes;
    this.#pauseWhenFull();
  }

  /** Whether the source is to stay paused until something has been read. */
  get isFull(): boolean {
    return this.#isPausing;
  }

  // ---- What the connection reports ------------------------------------------------------------------------------

  /** Takes the next message. */
  push(waiting: WaitingMessage): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve({ done: false, value: waiting.message });
      return;
    }
    this.#queue.push(waiting);
    this.#pauseWhenFull();
  }

  /** This side closes the connection: more may wait, since the peer's Close frame stands behind it. */
  closing(): void {
    this.#isClosing = true;
    if (!this.#isOverfull()) this.#resume();
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
    if (this.#hasLeft) return Promise.resolve(DONE);
    if (this.#queue.count > 0) return Promise.resolve({ done: false, value: this.#takeQueued() });
    const error = this.#error;
    if (error !== undefined) {
      this.#error = undefined;
      return Promise.reject(error);
    }
    if (this.#hasEnded) return Promise.resolve(DONE);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The reader has had enough. What waits is there for the next one. */
  return(): Promise<Result> {
    if (this.#hasLeft) return Promise.resolve(DONE);
    this.#hasLeft = true;
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
    const { message } = this.#queue.shift();
    // Not at the first free place: to pause and resume a socket for each message would cost more than to read it.
    const { count, bytes } = this.#queue;
    if (count <= this.#maxQueue / 2 && bytes <= this.#maxQueueBytes / 2) this.#resume();
    return message;
  }

  #pauseWhenFull(): void {
    if (this.#isPausing || !this.#isOverfull()) return;
    this.#isPausing = true;
    this.#source.pause();
  }

  #isOverfull(): boolean {
    const { count, bytes } = this.#queue;
    if (!this.#isClosing) return count >= this.#maxQueue || bytes >= this.#maxQueueBytes;
    return count >= this.#maxQueue + MAX_KEPT || bytes >= this.#maxQueueBytes + MAX_KEPT_BYTES;
  }

  #resume(): void {
    if (!this.#isPausing) return;
    this.#isPausing = false;
    this.#source.resume();
  }
}

/** What iterating and a WebSocketStream end with when the connection was lost. */
export function abnormalClosure(): ConnectionError {
  const error = new Error('The connection ended without a Close frame: messages may be missing');
  return Object.assign(error, { code: 'WS_ERR_ABNORMAL_CLOSURE', closeCode: 1006, reason: '' });
}
