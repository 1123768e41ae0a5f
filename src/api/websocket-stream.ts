/**
 * WebSocketStream, as browsers have it: a connection as a pair of web streams with back-pressure both ways, its opening
 * and closing as promises. On a WebSocket of its own, or on one that a server has accepted.
 */

import { ReadableStream, WritableStream, type WritableStreamDefaultController } from 'node:stream/web';
import type { ClientOptions } from './client-handshake.ts';
import { abnormalClosure, type Message, type MessageIterator } from './message-iterator.ts';
import type { SendData } from './payload.ts';
import { WebSocket } from './websocket.ts';

export interface WebSocketStreamOptions extends ClientOptions {
  /** Aborts the opening handshake; has no effect once the connection is open. */
  readonly signal?: AbortSignal | undefined;
  /** Messages that may wait to be read before the peer is slowed down. From 1 on; default 16. */
  readonly maxQueue?: number | undefined;
}

/** What a chunk may be: text as a string, binary messages as bytes. */
export type WebSocketStreamChunk = string | Uint8Array;

export interface WebSocketConnection {
  /** Messages: text as strings, binary as Uint8Arrays. */
  readonly readable: ReadableStream<WebSocketStreamChunk>;
  /** Each chunk is a message. Closing it closes the connection. */
  readonly writable: WritableStream<SendData>;
  /** Names of the extensions in use, joined by ', '. */
  readonly extensions: string;
  /** The subprotocol agreed on, or ''. */
  readonly protocol: string;
}

export interface WebSocketCloseInfo {
  /** Status code; 1005 when the peer's Close frame had none. */
  readonly closeCode?: number | undefined;
  readonly reason?: string | undefined;
}

const ABNORMAL_CLOSURE = 1006;
const NORMAL_CLOSURE = 1000;

export class WebSocketStream {
  /** Undefined for a connection that this side has accepted. */
  readonly url: string | undefined;
  /** Rejected when the handshake does not succeed. */
  readonly opened: Promise<WebSocketConnection>;
  /** Rejected when the connection fails, or is lost without a Close frame. */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  readonly #socket: WebSocket | undefined;

  /**
   * Connects to a server.
   * @param address see `WebSocket`; for a WebSocket, see `from`
   * @throws {SyntaxError | RangeError | TypeError} as `WebSocket`
   */
  constructor(address: string | URL | WebSocket, options: WebSocketStreamOptions = {}) {
    const { signal, maxQueue, ...clientOptions } = options;
    const opening = promiseParts<WebSocketConnection>();
    const closing = promiseParts<Required<WebSocketCloseInfo>>();
    this.opened = opening.promise;
    this.closed = closing.promise;
    if (signal?.aborted) {
      opening.reject(signal.reason);
      closing.reject(signal.reason);
      return;
    }

    const socket = address instanceof WebSocket ? address : new WebSocket(address, clientOptions);
    this.#socket = socket;
    this.url = socket.url;
    let failure: unknown;
    let writing: WritableStreamDefaultController | undefined;
    const open = () => {
      signal?.removeEventListener('abort', abort);
      const { readable, writable } = this.#streamsOn(socket, messages, (controller) => {
        writing = controller;
      });
      opening.resolve({ readable, writable, extensions: socket.extensions, protocol: socket.protocol });
    };
    const abort = () => {
      failure = signal!.reason;
      socket.off('open', open);
      socket.terminate();
    };
    const messages = socket.messages({ maxQueue });
    socket.on('error', (error) => {
      failure ??= error;
    });
    socket.once('close', (code, reason) => {
      signal?.removeEventListener('abort', abort);
      const error = failure ?? (code === ABNORMAL_CLOSURE ? abnormalClosure() : undefined);
      opening.reject(error ?? new Error('The connection is closed'));
      if (error === undefined) closing.resolve({ closeCode: code, reason: reason.toString() });
      else closing.reject(error);
      writing?.error(error ?? new Error('The connection is closed: nothing can be written any more'));
    });
    if (socket.readyState === 0) {
      signal?.addEventListener('abort', abort);
      socket.once('open', open);
    } else if (socket.readyState === 3) {
      const error = new Error('The connection is closed');
      opening.reject(error);
      closing.reject(error);
    } else {
      open();
    }
  }

  /**
   * Streams on a socket that a server has accepted. Its messages come to the stream from here on.
   * @throws {Error} when the messages are being iterated over already
   */
  static from(socket: WebSocket, options: Pick<WebSocketStreamOptions, 'maxQueue'> = {}): WebSocketStream {
    return new WebSocketStream(socket, options);
  }

  /**
   * Starts the closing handshake (§7.1.2), or aborts the opening one. A reason without a code is sent with 1000.
   * @throws {TypeError | RangeError} as `WebSocket.close`
   */
  close({ closeCode, reason }: WebSocketCloseInfo = {}): void {
    this.#socket?.close(closeCode ?? (reason ? NORMAL_CLOSURE : undefined), reason);
  }

  #streamsOn(
    socket: WebSocket,
    messages: MessageIterator,
    started: (controller: WritableStreamDefaultController) => void,
  ) {
    const readable = new ReadableStream<WebSocketStreamChunk>(
      {
        pull: async (controller) => {
          const { done, value } = await messages.next();
          if (done) controller.close();
          else controller.enqueue(toChunk(value));
        },
        cancel: async (reason) => {
          await messages.return();
          this.close(closeInfoOf(reason));
        },
      },
      // Read ahead is what the iterator does.
      { highWaterMark: 0 },
    );
    const writable = new WritableStream<SendData>({
      start: started,
      write: (chunk) => socket.sendMessage(chunk),
      close: async () => {
        this.close();
        await this.closed;
      },
      abort: (reason) => this.close(closeInfoOf(reason)),
    });
    return { readable, writable };
  }
}

function toChunk(message: Message): WebSocketStreamChunk {
  if (typeof message === 'string') return message;
  return new Uint8Array(message.buffer, message.byteOffset, message.length);
}

/** Streams are cancelled and aborted with anything; an error that names a status code has it sent. */
function closeInfoOf(reason: unknown): WebSocketCloseInfo {
  if (typeof reason !== 'object' || reason === null || !('closeCode' in reason)) return {};
  const { closeCode, reason: text } = reason as WebSocketCloseInfo;
  return { closeCode, reason: text };
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
