/**
 * WebSocketStream, as browsers have it: a connection as a pair of web streams, with back-pressure both ways, and its
 * opening and closing as promises. It stands on a WebSocket of its own, or on one that a server has accepted.
 */

import type { ReadableStream, WritableStream, WritableStreamDefaultController } from 'node:stream/web';
import { parseAddress } from '../client/address.ts';
import { CloseCode } from '../protocol/index.ts';
import {
  abnormalClosure,
  type MessageIterator,
  type MessagesOptions,
  queueLimits,
} from '../socket/message-iterator.ts';
import { type ClientOptions, internals, WebSocket } from '../socket/websocket.ts';
import {
  checkCloseArguments,
  checkSubprotocols,
  closeArgumentsOf,
  closeError,
  type WebSocketCloseInfo,
  WebSocketError,
} from './web-arguments.ts';
import { type BufferSource, defineInterface, toBytes, toDictionary, toStringSequence, toUsvString } from './web-idl.ts';

export interface WebSocketStreamOptions extends Omit<ClientOptions, 'protocols' | 'signal'>, MessagesOptions {
  /** Subprotocols, most preferred first. Default none. */
  readonly protocols?: readonly string[] | undefined;
  /** Aborts the opening handshake; has no effect once the connection is open. */
  readonly signal?: AbortSignal | undefined;
}

/** What is read: text as a string, binary messages as bytes. */
export type WebSocketStreamChunk = string | Uint8Array;

/** What can be written: a message a chunk. Anything else is made a string, as in browsers. */
export type WebSocketStreamData = string | BufferSource;

export interface WebSocketConnection {
  /** Messages: text as strings, binary as Uint8Arrays. */
  readonly readable: ReadableStream<WebSocketStreamChunk>;
  /** Each chunk is a message. Closing it closes the connection. */
  readonly writable: WritableStream<WebSocketStreamData>;
  /** Names of the extensions in use, joined by ', '. */
  readonly extensions: string;
  /** The subprotocol agreed on, or ''. */
  readonly protocol: string;
}

/** How a connection was closed by both sides. */
export interface WebSocketClosed {
  /** The peer's status code; 1005 when its Close frame had none. */
  readonly closeCode: number;
  readonly reason: string;
}

/**
 * In bytes or characters. While so much leaves, the peer may begin to close. Shorter messages have left before it could: a
 * Close frame that comes behind them may well be the answer to them.
 */
const LONG_MESSAGE = 1_048_576;

const CLOSED_OVER_DATA = 'The connection was closed by the peer before everything that was written had been sent';

export class WebSocketStream {
  readonly #url: string | undefined;
  readonly #opening = promiseParts<WebSocketConnection>();
  readonly #closing = promiseParts<WebSocketClosed>();
  #socket: WebSocket | undefined;
  #messages: MessageIterator | undefined;
  /** Whether this side has begun to close. */
  #isClosing = false;
  /** Messages that have been written and may never be read: on their way to the network, or too late for it. */
  #unsent = 0;
  /** Whether any message has left. */
  #hasSent = false;
  #writing: WritableStreamDefaultController | undefined;
  /** Why nothing can be written any more. */
  #writeError: unknown;

  /**
   * Connects to a server.
   * @param address ws:, wss:, http:, https: or, only here, ws+unix:; for a WebSocket, see `from`
   * @throws {DOMException} SyntaxError for a bad address, and a subprotocol that is no token or stands there twice
   * @throws {TypeError} for options of the wrong type
   * @throws {RangeError} for numbers out of their range, see `WebSocket`
   */
  constructor(address: string | URL | WebSocket, options: WebSocketStreamOptions = {}) {
    // biome-ignore lint/complexity/noArguments: undefined counts as an argument
    if (arguments.length === 0) throw new TypeError('WebSocketStream needs an address');
    const { protocols, signal, queueOptions, clientOptions } = convertOptions(options);
    if (!(address instanceof WebSocket)) {
      this.#url = toUrl(address);
      checkSubprotocols(protocols);
      if (signal?.aborted) {
        this.#reject(signal.reason);
        return;
      }
    }
    const socket = address instanceof WebSocket ? address : new WebSocket(this.#url!, [...protocols], clientOptions);
    this.#socket = socket;
    if (socket.readyState === WebSocket.CLOSED && socket._socket === null)
      this.#reject(closeError('The connection is closed', CloseCode.AbnormalClosure, ''));
    else this.#follow(socket, queueOptions, signal);
  }

  /**
   * Streams on a socket that a server has accepted. They begin with the messages that are kept for its handler, also when
   * the socket has closed meanwhile.
   * @throws {Error} when the messages are being iterated over already
   */
  static from(socket: WebSocket, options: MessagesOptions = {}): WebSocketStream {
    return new WebSocketStream(socket, options);
  }

  /** Undefined for a connection that this side has accepted. */
  get url(): string | undefined {
    return this.#url;
  }

  /** Rejected when the handshake does not succeed: with the signal's reason, or a WebSocketError that has a `cause`. */
  get opened(): Promise<WebSocketConnection> {
    return this.#opening.promise;
  }

  /**
   * Rejected with a WebSocketError when the connection fails, is lost without a Close frame (1006), or is closed by the peer
   * before everything that was written has left.
   */
  get closed(): Promise<WebSocketClosed> {
    return this.#closing.promise;
  }

  /**
   * Starts the closing handshake (§7.1.2), or aborts the opening one: what has not been handed to `readable` is dropped. A
   * reason without a code is sent with 1000.
   * @throws {DOMException} InvalidAccessError for other codes than 1000 and 3000–4999, SyntaxError for a reason of more than
   *   123 bytes
   * @throws {TypeError} when `closeInfo` is no object, or its members have the wrong type
   */
  close(closeInfo: WebSocketCloseInfo = {}): void {
    const { code, reason } = closeArgumentsOf(closeInfo, 'closeInfo');
    this.#close(code, reason);
  }

  #close(code?: number, reason = ''): void {
    this.#isClosing = true;
    if (this.#messages !== undefined) void dropAll(this.#messages);
    this.#socket?.close(code, code === undefined ? undefined : reason);
  }

  /** Streams are cancelled and aborted with anything; a WebSocketError says what to send. */
  #closeFor(error: unknown): void {
    if (!(error instanceof WebSocketError)) {
      this.#close();
      return;
    }
    try {
      const { code, reason } = checkCloseArguments(error.closeCode ?? undefined, error.reason);
      this.#close(code, reason);
    } catch {
      // What ended another connection, as 1006 did, cannot be sent.
      this.#close();
    }
  }

  #reject(error: unknown): void {
    this.#opening.reject(error);
    this.#closing.reject(error);
  }

  #follow(socket: WebSocket, queueOptions: MessagesOptions, signal: AbortSignal | undefined): void {
    const messages = socket.messages(queueOptions);
    this.#messages = messages;
    let cause: Error | undefined;
    const open = () => {
      signal?.removeEventListener('abort', abort);
      const { extensions, protocol } = socket;
      const connection = { readable: this.#readFrom(messages), writable: this.#writeTo(socket), extensions, protocol };
      this.#opening.resolve(connection);
    };
    if (socket.readyState === WebSocket.CLOSED) {
      // Its handler has awaited something first: it gets what it would have got in time.
      const { code, reason, error } = internals.endOf(socket);
      open();
      this.#closed(code, reason.toString(), error);
      return;
    }
    const abort = () => {
      this.#reject(signal!.reason);
      socket.terminate();
    };
    internals.observe(socket, {
      opened: open,
      failed(error) {
        cause ??= error;
        return true;
      },
      closed: (_socket, code, reason) => {
        signal?.removeEventListener('abort', abort);
        this.#closed(code, reason.toString(), cause);
      },
    });
    if (socket.readyState === WebSocket.CONNECTING) signal?.addEventListener('abort', abort);
    else open();
  }

  #closed(closeCode: number, reason: string, cause: Error | undefined): void {
    if (closeCode === CloseCode.AbnormalClosure) cause ??= abnormalClosure();
    if (cause === undefined && this.#unsent === 0) {
      this.#writeError = notWritable();
      this.#closing.resolve({ closeCode, reason });
    } else {
      const error = closeError(cause?.message ?? CLOSED_OVER_DATA, closeCode, reason, cause);
      // As in browsers: a stream that has been in use cannot be written to any more.
      this.#writeError = this.#hasSent && closeCode !== CloseCode.AbnormalClosure ? notWritable() : error;
      this.#reject(error);
    }
    this.#writing?.error(this.#writeError);
  }

  #readFrom(messages: MessageIterator): ReadableStream<WebSocketStreamChunk> {
    const streams = process.getBuiltinModule('node:stream/web');
    return new streams.ReadableStream<WebSocketStreamChunk>({
      pull: async (controller) => {
        // How the connection ended is for `closed` to say, in one error for all.
        const message = await messages.next().catch(() => undefined);
        if (message?.done === false) {
          controller.enqueue(toChunk(message.value));
          return;
        }
        await this.#closing.promise;
        controller.close();
      },
      cancel: (reason) => this.#closeFor(reason),
    });
  }

  #writeTo(socket: WebSocket): WritableStream<WebSocketStreamData> {
    const streams = process.getBuiltinModule('node:stream/web');
    return new streams.WritableStream<WebSocketStreamData>({
      start: (controller) => {
        this.#writing = controller;
      },
      write: async (chunk) => {
        const data = toBytes(chunk) ?? toUsvString(chunk);
        if (this.#isClosing) throw notWritable();
        this.#unsent += 1;
        if (socket.readyState === WebSocket.OPEN && (await this.#isTaken(socket, data))) {
          this.#unsent -= 1;
          return;
        }
        await this.#closing.promise.catch(() => {});
        throw this.#writeError;
      },
      close: async () => {
        this.#close();
        await this.#closing.promise;
      },
      abort: (reason) => this.#closeFor(reason),
    });
  }

  /** Whether a message has left before the peer began to close: it does not look at what leaves later (§5.5.1). */
  async #isTaken(socket: WebSocket, data: string | Uint8Array): Promise<boolean> {
    try {
      await socket.sendMessage(data);
    } catch {
      return false;
    }
    if (data.length >= LONG_MESSAGE) {
      await nextInput();
      if (socket.readyState !== WebSocket.OPEN && !this.#isClosing) return false;
    }
    this.#hasSent = true;
    return true;
  }
}

defineInterface('WebSocketStream', WebSocketStream);

/** In the order of Web IDL. @throws {TypeError} for what cannot be converted */
function convertOptions(options: unknown) {
  const { protocols, subprotocols, signal, maxQueue, maxQueueBytes, ...clientOptions } = toDictionary(
    options,
    'options',
  );
  if (protocols !== undefined && subprotocols !== undefined) {
    throw new TypeError('protocols and subprotocols are two names for one thing: give one of them');
  }
  const [name, given] = protocols === undefined ? ['subprotocols', subprotocols] : ['protocols', protocols];
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal');
  // Before there is a socket, which would connect all the same.
  const queueOptions = queueLimits({ maxQueue, maxQueueBytes } as MessagesOptions);
  return {
    protocols: given === undefined ? [] : toStringSequence(given, name as string),
    signal,
    queueOptions,
    clientOptions,
  };
}

/** @throws {DOMException} SyntaxError */
function toUrl(address: string | URL): string {
  const text = toUsvString(address);
  try {
    return parseAddress(text).url;
  } catch (error) {
    throw new DOMException((error as Error).message, 'SyntaxError');
  }
}

function toChunk(message: string | Buffer): WebSocketStreamChunk {
  if (typeof message === 'string') return message;
  return new Uint8Array(message.buffer, message.byteOffset, message.length);
}

function notWritable(): DOMException {
  return new DOMException('The connection is closed: nothing can be written any more', 'InvalidStateError');
}

/** From `close` on, the standard drops what comes: the Close frame does not wait behind messages that nobody reads. */
async function dropAll(messages: MessageIterator): Promise<void> {
  try {
    while (!(await messages.next()).done);
  } catch {
    // How the connection ended is for `closed` to say.
  }
}

/** Fulfilled once the network has been asked for input. */
function nextInput(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

/** A promise and what settles it. Nobody has to be waiting for it: its rejection is not an unhandled one. */
function promiseParts<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((...parts) => {
    [resolve, reject] = parts;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
