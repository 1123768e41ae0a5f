/**
 * The pulling side of a WebSocket: messages to iterate over and sends to wait for, on what the pushing side offers. The
 * class between EventTargetEmitter and WebSocket.
 */

import { Buffer, isAscii } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { copyOf } from '../transport/message-memory.ts';
import { viewOf, viewOfChunk } from '../transport/view.ts';
import { EventTargetEmitter } from './event-target.ts';
import { abnormalClosure, MessageIterator, type MessagesOptions } from './message-iterator.ts';
import type { SendData } from './payload.ts';
import type { SendCallback, SendOptions } from './socket-types.ts';

const ABNORMAL_CLOSURE = 1006;

export abstract class MessageSource extends EventTargetEmitter {
  #iterator: MessageIterator | undefined;
  /** What iterating ended with. */
  #iterationError: Error | undefined;

  abstract get readyState(): 0 | 1 | 2 | 3;
  abstract get _socket(): Duplex | null;
  abstract send(data: SendData, options: SendOptions | undefined, callback?: SendCallback): void;
  abstract pause(): void;
  abstract resume(): void;

  /**
   * The messages from now on, one after another: text as strings, binary as Buffers. A reader that lags pauses the
   * connection, and with it the peer, whose Close frame then waits as well. Ends when the connection is closed; throws
   * when it fails or is lost (1006), behind the messages that came before. Leaving a `for await` loop ends the iteration
   * and drops what was waiting; to read one message and go on later, call `next()`.
   * @throws {RangeError} when `maxQueue` is not a whole number from 1 on
   * @throws {Error} when the messages are being iterated over already
   */
  messages(options?: MessagesOptions): MessageIterator {
    if (this.#iterator !== undefined) {
      throw new Error('The messages of this WebSocket are being read already: use that iterator, or end it first');
    }
    const onError = (error: Error) => end(error);
    const onClose = (code: number) => end(code === ABNORMAL_CLOSURE ? abnormalClosure() : undefined);
    const release = () => {
      this.#iterator = undefined;
      this.off('error', onError).off('close', onClose);
    };
    const source = { pause: () => this.pause(), resume: () => this.resume(), release };
    const iterator = new MessageIterator(source, options);
    const end = (error: Error | undefined) => {
      this.#iterationError = error;
      release();
      iterator.end(error);
    };
    if (this.readyState === 3) {
      iterator.end();
      return iterator;
    }
    this.#iterator = iterator;
    this.on('error', onError).on('close', onClose);
    return iterator;
  }

  [Symbol.asyncIterator](): MessageIterator {
    return this.messages();
  }

  /**
   * Sends a message, see `send`.
   * @returns settled when the data has been written out: waiting for it keeps memory small while a peer reads slowly
   */
  sendMessage(data: SendData, options?: SendOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.send(data, options, (error) => {
        if (error !== undefined) reject(error);
        // Destroyed in the middle of a write, a net.Socket says that it went well.
        else if (this._socket?.destroyed) reject(new Error('The connection was closed while the message was written'));
        else resolve();
      });
    });
  }

  /** Hands a message to whoever iterates, and text to 'text' listeners. @returns whether there is somebody */
  protected offerMessage(bytes: Uint8Array, start: number, end: number, isBinary: boolean, isShared: boolean): boolean {
    const hasTextListeners =
      !isBinary && this.listenerCount('text') > 0 && this.emitText(decodeText(bytes, start, end));
    const iterator = this.#iterator;
    if (iterator === undefined) return hasTextListeners;
    if (!isBinary) iterator.push(decodeText(bytes, start, end));
    else iterator.push(isShared ? copyOf(bytes, start, end) : viewOfChunk(bytes, start, end));
    return true;
  }

  /** Whether this is the error that iterating ended with: then it is the connection's, and no fault of its reader's. */
  protected isIterationError(error: unknown): boolean {
    return error !== undefined && error === this.#iterationError;
  }
}

/** From here on it pays to look whether text is ASCII, which latin1 decodes faster. */
const LONG_TEXT_BYTES = 4096;
/**
 * Node keeps longer strings decoded as latin1 outside V8's heap, and V8 collects the whole of that when too much lies
 * outside: text of 1 MiB then took twice the time.
 */
const MAX_LATIN1_BYTES = 1_000_000;

/** Straight from the bytes that arrived: of short text no view is made. */
function decodeText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length < LONG_TEXT_BYTES && bytes instanceof Buffer) return bytes.toString('utf8', start, end);
  const view = viewOf(bytes, start, end);
  return view.toString(length <= MAX_LATIN1_BYTES && isAscii(view) ? 'latin1' : 'utf8');
}
