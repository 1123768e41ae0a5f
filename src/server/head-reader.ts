/**
 * Reads the heads of HTTP requests from bare sockets, each within a deadline (§4.2.1). The parser counts bytes. Time, and
 * the end of sockets, are watched here: with the same listeners and one timer for all sockets of a server.
 */

import type { Duplex } from 'node:stream';
import { type HeadFailure, HttpHeadParser, type ParsedHead, type RequestHead } from '../handshake/index.ts';
import { MemberSet } from '../memory/member-set.ts';
import { viewOf } from '../memory/view.ts';
import { endWith } from './http-answer.ts';

interface HeadReaderOptions {
  /** From the first moment of the connection, in milliseconds. */
  readonly timeoutMs: number;
  readonly maxHeadBytes: number;
}

export type HeadResult = ParsedHead<RequestHead> | HeadFailure;

interface PendingHead {
  readonly parser: HttpHeadParser<'request'>;
  /** Whether nothing of it has come. Nothing has to: the connection has had an answer. */
  isIdle: boolean;
  /** By the clock of `performance.now`. */
  readonly deadlineMs: number;
}

function decodeLatin1(bytes: Uint8Array, start: number, end: number): string {
  return bytes instanceof Buffer ? bytes.toString('latin1', start, end) : viewOf(bytes, start, end).toString('latin1');
}

/** What is read from a socket, as long as it is. */
const PENDING = Symbol('framewright pending head');

interface ReadSocket extends Duplex {
  [PENDING]?: PendingHead | undefined;
}

export class HeadReader {
  readonly #options: HeadReaderOptions;
  readonly #done: (socket: Duplex, result: HeadResult) => void;
  /** In the order in which they came, which is that of their deadlines. */
  readonly #pending = new MemberSet<ReadSocket>();
  /** Runs while heads are pending, at the latest until the deadline of the first. */
  #timer: NodeJS.Timeout | undefined;
  readonly #onData: (this: Duplex, chunk: Buffer) => void;
  readonly #onEnd: (this: Duplex) => void;

  /**
   * @param done called once per head: with the head and the bytes behind it, or with what was wrong (408 after the
   *   deadline). The socket flows on: listen to it. When the peer goes away first there is nobody to answer, and `done` is
   *   not called.
   */
  constructor(options: HeadReaderOptions, done: (socket: Duplex, result: HeadResult) => void) {
    this.#options = options;
    this.#done = done;
    const reader = this;
    this.#onData = function (chunk) {
      reader.#receive(this, chunk);
    };
    this.#onEnd = function () {
      reader.#stop(this);
      this.destroy();
    };
  }

  /** Reads the head from a socket that nobody has read from. */
  read(socket: Duplex): void {
    this.#watch(socket, false);
  }

  /**
   * Reads the head of another request, behind an answer. When none has begun by the deadline the socket is ended. Of
   * requests that came together, each has a turn of the event loop.
   * @param socket paused: what it reads stands behind the rest
   * @param rest what has been read of it
   */
  readNext(socket: Duplex, rest: Uint8Array): void {
    this.#watch(socket, true);
    if (rest.length === 0) {
      socket.resume();
      return;
    }
    setImmediate(() => {
      if (this.#pending.has(socket)) this.#receive(socket, rest);
      if (this.#pending.has(socket)) socket.resume();
    });
  }

  /** Destroys the sockets whose requests are not complete. */
  destroyAll(): void {
    for (const socket of this.#pending) socket.destroy();
  }

  #watch(socket: ReadSocket, isIdle: boolean): void {
    const { timeoutMs, maxHeadBytes } = this.#options;
    const parser = new HttpHeadParser({ kind: 'request', maxHeadBytes, decodeLatin1 });
    socket[PENDING] = { parser, isIdle, deadlineMs: performance.now() + timeoutMs };
    this.#pending.add(socket);
    if (this.#timer === undefined) this.#startTimer(timeoutMs);
    socket.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onEnd);
  }

  #receive(socket: ReadSocket, chunk: Uint8Array): void {
    const pending = socket[PENDING]!;
    pending.isIdle = false;
    const result = pending.parser.push(chunk);
    if (result !== undefined) this.#finish(socket, result);
  }

  #finish(socket: Duplex, result: HeadResult): void {
    this.#stop(socket);
    this.#done(socket, result);
  }

  #stop(socket: ReadSocket): void {
    this.#pending.delete(socket);
    socket[PENDING] = undefined;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
  }

  #startTimer(timeoutMs: number): void {
    this.#timer = setTimeout(() => this.#expire(), timeoutMs);
    this.#timer.unref();
  }

  #expire(): void {
    const nowMs = performance.now();
    this.#timer = undefined;
    const message = `No complete request within ${this.#options.timeoutMs} ms`;
    for (const socket of this.#pending) {
      const { deadlineMs, isIdle } = socket[PENDING]!;
      if (deadlineMs > nowMs) {
        this.#startTimer(Math.ceil(deadlineMs - nowMs));
        return;
      }
      if (isIdle) {
        this.#stop(socket);
        endWith(socket, '');
      } else {
        this.#finish(socket, { ok: false, status: 408, message, section: '§4.2.1' });
      }
    }
  }
}
