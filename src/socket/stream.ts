/**
 * A WebSocket as a Duplex stream of node:stream, with ws's meaning: each chunk is a message, the end of writing starts the
 * closing handshake, and `destroy` cuts the connection. Back-pressure goes both ways. The stream observes the socket apart
 * from its listeners: it goes on when the application removes those.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import { inCallersContext } from '../deflate/async-context.ts';
import { checkOptions, describe } from '../options/option-check.ts';
import { doorOf, passedOver } from '../options/option-table.ts';
import { hasOwnEmit } from './emitter.ts';
import { MAX_KEPT, MAX_KEPT_BYTES } from './message-iterator.ts';
import type { RawData } from './payload.ts';
import { internals, WebSocket } from './websocket.ts';

type Callback = (error?: Error | null) => void;

/** Its options are those of a Duplex, which passes over what it does not know. Programs give it what the client was given. */
const DOOR = doorOf('createWebSocketStream()', passedOver('WebSocket', 'createWebSocketStream()'));

/**
 * @param options of the Duplex. `readableObjectMode: true` gives text messages as strings; `decodeStrings: false` sends
 *   strings as text. The writable side is never in object mode.
 * @throws {TypeError} for what is no WebSocket, and for an option that is taken elsewhere only
 */
export function createWebSocketStream(socket: WebSocket, options: DuplexOptions = {}): Duplex {
  if (!(socket instanceof WebSocket)) {
    throw new TypeError(`createWebSocketStream() takes a WebSocket as its first argument, not ${describe(socket)}`);
  }
  checkOptions(DOOR, options ?? {});
  const ends = new StreamEnds(socket);
  /** What has come past the high-water mark while this side is closing. */
  let excess = 0;
  let excessBytes = 0;
  const duplex = new WebSocketDuplex({
    ...options,
    // With it, a reader that has come to the end would destroy the writing side as well.
    autoDestroy: false,
    emitClose: true,
    objectMode: false,
    writableObjectMode: false,
    read() {
      excess = 0;
      excessBytes = 0;
      if (socket.isPaused) socket.resume();
    },
    write(chunk: string | Buffer, _encoding, callback) {
      ends.whenOpen(() => socket.send(chunk, callback));
    },
    writev: undefined as never,
    final(callback) {
      ends.whenOpen(() => ends.finish(callback));
    },
    destroy(error, callback) {
      ends.destroy(error, callback);
    },
  });

  const isReady = () => socket.readyState !== 0;
  duplex.isReady = isReady;
  const isText = duplex.readableObjectMode;
  const take = (data: RawData, isBinary: boolean) => {
    const chunk = isText && !isBinary ? data.toString() : socket.transientMessages ? Buffer.from(data as Buffer) : data;
    if (duplex.push(chunk)) return;
    if (!internals.isClosing(socket)) {
      socket.pause();
      return;
    }
    // The peer's Close frame stands behind it.
    excess += 1;
    excessBytes += (chunk as string | Buffer).length;
    if (excess < MAX_KEPT && excessBytes < MAX_KEPT_BYTES) return;
    // Nobody reads, and nobody is waited for: it is dropped, as node:http drops a body that nobody has asked for.
    if (duplex.readableFlowing === null && !duplex.readableDidRead) duplex.resume();
    else internals.holdBack(socket);
  };
  if (socket.readyState === 3) {
    // Its handler has awaited something first: it gets what it would have got in time.
    for (const message of internals.takeKept(socket)) duplex.push(isText ? message : Buffer.from(message));
    duplex.push(null);
    return duplex;
  }
  // Whoever has put another `emit` in Node's place decides what the stream hears, too.
  const isFiltered = hasOwnEmit(socket);
  if (isFiltered) socket.on('message', take);
  internals.observe(socket, {
    ...(isFiltered ? {} : { message: take }),
    opened: () => ends.opened(),
    failed(error) {
      ends.failed(error);
      // The stream's 'error' event tells it.
      if (!duplex.destroyed) duplex.destroy(error);
      return true;
    },
    closed() {
      ends.closed();
      if (!duplex.destroyed) duplex.push(null);
    },
  });
  return duplex;
}

/**
 * What is written while something else is under way waits in the stream. By the time that it is sent, its memory may hold
 * something else, and its callback would run in another caller's async context.
 */
class WebSocketDuplex extends Duplex {
  /** Whether a chunk would be sent at once. */
  isReady: () => boolean = () => false;

  override write(chunk: unknown, ...rest: readonly unknown[]): boolean {
    const waits = this.writableLength > 0 || this.writableCorked > 0 || !this.isReady();
    const given = waits && ArrayBuffer.isView(chunk) ? copyOf(chunk) : chunk;
    return (super.write as AnyWrite).call(this, given, ...rest.map(inContext));
  }

  override end(...given: readonly unknown[]): this {
    const [chunk, ...rest] = given;
    const kept = ArrayBuffer.isView(chunk) ? [copyOf(chunk), ...rest] : given;
    (super.end as AnyEnd).call(this, ...kept.map(inContext));
    return this;
  }

  /**
   * Does what `autoDestroy` would do, but only when both sides are done, or one has failed. Not by listeners: applications
   * remove those of a stream that they were given.
   */
  override emit(name: string | symbol, ...args: unknown[]): boolean {
    const isDone = (name === 'end' || name === 'finish') && this.readableEnded && this.writableFinished;
    if (isDone || name === 'error') this.destroy();
    return (super.emit as AnyEmit).call(this, name, ...args);
  }
}

type AnyWrite = (...given: readonly unknown[]) => boolean;
type AnyEnd = (...given: readonly unknown[]) => unknown;
type AnyEmit = (name: string | symbol, ...given: readonly unknown[]) => boolean;

function copyOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(Buffer.from(buffer, byteOffset, byteLength));
}

function inContext(argument: unknown): unknown {
  return typeof argument === 'function' ? inCallersContext(argument as () => void) : argument;
}

/** How the two ends of the stream become the two ends of the connection. */
class StreamEnds {
  readonly #socket: WebSocket;
  /** What the connection has failed with. It closes by itself then; terminated, it could not tell the peer why. */
  #failure: Error | undefined;
  /** What waits for the connection to be open. */
  #whenOpened: () => void = () => {};
  /** What waits for it to be closed. */
  #whenClosed: (() => void)[] = [];

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** A stream does one thing after another. */
  whenOpen(action: () => void): void {
    if (this.#socket.readyState === 0) this.#whenOpened = action;
    else action();
  }

  opened(): void {
    this.#whenOpened();
  }

  failed(error: Error): void {
    this.#failure = error;
  }

  closed(): void {
    for (const action of this.#whenClosed.splice(0)) action();
  }

  /** Closes the connection; done when the network has everything, or is gone. */
  finish(callback: Callback): void {
    const socket = this.#socket;
    const transport = socket._socket;
    if (socket.readyState === 3 || transport?.writableFinished) {
      callback();
      return;
    }
    // Without a transport the handshake has failed, and the stream is about to be destroyed for it.
    if (transport === null) return;
    let isFinished = false;
    const finish = () => {
      if (isFinished) return;
      isFinished = true;
      callback();
    };
    transport.once('finish', finish);
    this.#whenClosed.push(finish);
    socket.close();
  }

  /** The stream is destroyed when the connection is closed, and not before. */
  destroy(error: Error | null, callback: Callback): void {
    const socket = this.#socket;
    if (socket.readyState === 3) {
      callback(error);
      return;
    }
    // What it was destroyed with is why it ends, whatever follows from that.
    this.#whenClosed.push(() => callback(error ?? this.#failure ?? null));
    if (this.#failure === undefined) socket.terminate();
  }
}
