/**
 * Messages that wait: for whoever iterates, or for a listener that is still to come. A handler that awaits something
 * before it listens would miss them otherwise. They do not wait for ever. Some programs never listen, and pings and the
 * Close frame stand behind messages. So a message waits
 * - for `HOLD_TIMEOUT_MS` at most, while the promise of a 'connection' listener (of a client's 'open' listener) is pending,
 *   and after a `for await` loop was left, since another may follow;
 * - otherwise until the end of the turn of the event loop that it came in.
 * When much is kept, the connection is paused. 'close' does not wait. Behind it, loops and streams still get what is kept;
 * listeners do not, since they expect no message there.
 */

import {
  MAX_KEPT,
  MAX_KEPT_BYTES,
  type Message,
  MessageIterator,
  MessageQueue,
  type MessagesOptions,
  type WaitingMessage,
} from './message-iterator.ts';

/** How long a message waits at most for a handler that has not returned, or for the next loop. */
export const HOLD_TIMEOUT_MS = 10_000;

/** The socket. */
interface HoldHost {
  /** Whether somebody hears of messages. */
  hasListener(): boolean;
  /** Gives listeners a message that has waited for them. */
  handOver(message: Message): void;
  /** Messages go to listeners from here on, and do not come by here any more. */
  passOn(): void;
  /** Nothing more is to arrive, or it is again. */
  pause(): void;
  resume(): void;
  /** Whether the application has paused the socket. */
  isPaused(): boolean;
  /** Whether this side has begun to close. */
  isClosing(): boolean;
  /** Whether each message gets a turn of the event loop of its own. */
  spreadsEvents(): boolean;
}

export class MessageHold {
  readonly #host: HoldHost;
  readonly #queue = new MessageQueue();
  #iterator: MessageIterator | undefined;
  /** Whether what was kept is on its way to listeners, and whether a listener has a message of it right now. */
  #draining: 'no' | 'due' | 'handing over' = 'no';
  /** Whether a reader has left, and another may follow. */
  #isBehindReader = false;
  #pendingHandlers = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** Messages that were dropped because nobody listened, since a reader was last warned of that. */
  missed = 0;

  constructor(host: HoldHost) {
    this.#host = host;
  }

  get isBeingRead(): boolean {
    return this.#iterator !== undefined;
  }

  get isDraining(): boolean {
    return this.#draining !== 'no';
  }

  /** Whether nothing here stands before listeners, and nobody else is to get messages. */
  get isForListenersOnly(): boolean {
    return this.#iterator === undefined && !this.#isBehindReader && this.#draining === 'no';
  }

  // ---- What arrives ---------------------------------------------------------------------------------------------

  /** Takes a message, for whoever iterates or is still to come. */
  keep(waiting: WaitingMessage): void {
    if (this.#iterator !== undefined) {
      this.#iterator.push(waiting);
      return;
    }
    this.#queue.push(waiting);
    this.#wait();
  }

  /** A handler that was given the socket has returned this promise. */
  whilePending(promise: PromiseLike<unknown>): void {
    this.#pendingHandlers += 1;
    const settle = () => {
      this.#pendingHandlers -= 1;
      if (this.#pendingHandlers > 0) return;
      this.#isBehindReader = false;
      if (this.#timer === undefined) return;
      this.#disarm();
      this.#wait();
    };
    promise.then(settle, settle);
  }

  #wait(): void {
    if (this.#queue.count >= MAX_KEPT || this.#queue.bytes >= MAX_KEPT_BYTES) {
      // Listeners and the peer's Close frame do not wait for a reader that may never come.
      if (this.#host.hasListener() || this.#host.isClosing()) {
        this.drop();
        return;
      }
      this.#host.pause();
    }
    if (this.#pendingHandlers === 0 && !this.#isBehindReader) {
      this.#immediate ??= setImmediate(() => this.#expire());
    } else {
      this.#timer ??= setTimeout(() => this.#expire(), HOLD_TIMEOUT_MS).unref();
    }
  }

  #expire(): void {
    this.#disarm();
    this.drop();
  }

  /** Nobody waits for a reader any longer. */
  #stop(): void {
    this.#isBehindReader = false;
    this.#disarm();
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  // ---- Who comes for it -----------------------------------------------------------------------------------------

  /**
   * @throws {RangeError} when `maxQueue` or `maxQueueBytes` is not a whole number from 1 on
   * @throws {Error} when the messages are being iterated over already
   */
  read(options: MessagesOptions | undefined): MessageIterator {
    if (this.#iterator !== undefined) {
      throw new Error('The messages of this WebSocket are being read already: use that iterator, or end it first');
    }
    const host = this.#host;
    const source = {
      pause: () => host.pause(),
      resume: () => host.resume(),
      release: () => {
        if (this.#iterator === iterator) this.#readerLeft();
      },
    };
    const iterator: MessageIterator = new MessageIterator(this.#queue, source, options);
    this.#stop();
    this.#draining = 'no';
    this.#iterator = iterator;
    if (host.isClosing()) iterator.closing();
    if (!iterator.isFull) host.resume();
    if (this.missed > 0) warnOfMissed(this.missed);
    this.missed = 0;
    return iterator;
  }

  /** A listener has come. The program that added it has the rest of this tick to get ready. */
  listenerAdded(): void {
    if (this.#draining !== 'no' || this.#iterator !== undefined || this.#queue.unheardCount === 0) return;
    this.#draining = 'due';
    this.#stop();
    // Nothing overtakes what was kept.
    this.#host.pause();
    process.nextTick(() => this.drain());
  }

  /** Hands what was kept to listeners, as far as they stay and do not pause. */
  drain(isLast = false): void {
    const host = this.#host;
    while (this.#draining === 'due' && this.#queue.count > 0 && host.hasListener()) {
      if (!isLast && host.isPaused()) return;
      const { message, isHeard } = this.#queue.shift();
      if (!isHeard) this.#handOver(message);
      if (host.spreadsEvents() && !isLast) {
        setImmediate(() => this.drain());
        return;
      }
    }
    if (this.#draining !== 'due') return;
    if (this.#queue.count === 0) this.passOn();
    else this.#readerLeft();
  }

  #handOver(message: Message): void {
    this.#draining = 'handing over';
    this.#host.handOver(message);
    if (this.isDraining) this.#draining = 'due';
  }

  /** @returns all that waits; the caller's from here on */
  takeAll(): Message[] {
    this.#stop();
    return this.#queue.takeAll();
  }

  // ---- Who leaves -----------------------------------------------------------------------------------------------

  /** Somebody else may come: what waits is kept for a while. */
  #readerLeft(): void {
    this.#iterator = undefined;
    this.#draining = 'no';
    this.#host.resume();
    this.#isBehindReader = true;
    if (this.#queue.count > 0) this.#wait();
  }

  /** From here on, messages are for listeners only. */
  passOn(): void {
    this.#draining = 'no';
    this.#stop();
    this.#host.passOn();
  }

  /** Nobody has come for what was kept. */
  drop(): void {
    if (this.#iterator !== undefined || this.#draining !== 'no') return;
    this.missed += this.#queue.unheardCount;
    this.#queue.clear();
    this.passOn();
  }

  // ---- The end of the connection --------------------------------------------------------------------------------

  /** This side closes the connection. */
  closing(): void {
    this.#iterator?.closing();
  }

  /** Nothing is to reach listeners any more. What a loop has not read yet is still its own. */
  forget(): void {
    if (this.#iterator === undefined) this.#queue.clear();
  }

  /** 'close' follows: listeners get what is on its way to them. */
  closed(): void {
    if (this.#draining !== 'no') this.drain(true);
    this.#draining = 'no';
  }

  /** What waits is still read; another reader may come for it as well. */
  endReading(error: Error | undefined): void {
    this.#iterator?.end(error);
    this.#iterator = undefined;
  }
}

/** Data is gone. */
function warnOfMissed(count: number): void {
  const what = count === 1 ? '1 message' : `${count} messages`;
  process.emitWarning(`${what} of a WebSocket came before anybody listened, and what nobody listens for is dropped`, {
    type: 'FramewrightWarning',
    code: 'WS_MESSAGES_MISSED',
    detail:
      "Call messages(), or add a 'message' listener, before the first await; or return the promise of what you await " +
      "from the 'connection' listener (a client's 'open' listener), and messages are kept until then.",
  });
}
