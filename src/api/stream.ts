/**
 * A WebSocket as a Duplex stream of node:stream, with ws's meaning: every chunk is a message, the end of writing is the
 * closing handshake, destroying is cutting the connection. Back-pressure goes both ways. Uses the public interface of
 * the socket alone.
 */

import { Duplex, type DuplexOptions } from 'node:stream';
import { inCallersContext } from '../deflate/async-context.ts';
import type { WebSocket } from './websocket.ts';

type Callback = (error?: Error | null) => void;

/**
 * @param options of the Duplex. `readableObjectMode: true` gives text messages as strings; `decodeStrings: false` sends
 *   strings as text. The writable side is never in object mode.
 */
export function createWebSocketStream(socket: WebSocket, options: DuplexOptions = {}): Duplex {
  const ends = new StreamEnds(socket);
  const duplex = new WebSocketDuplex({
    ...options,
    // A reader that has come to the end destroys a stream that allows it, and the writing side with it.
    autoDestroy: false,
    emitClose: true,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (socket.isPaused) socket.resume();
    },
    write(chunk: string | Buffer, _encoding, callback) {
      whenOpen(socket, () => socket.send(chunk, callback));
    },
    writev: undefined as never,
    final(callback) {
      whenOpen(socket, () => ends.finish(callback));
    },
    destroy(error, callback) {
      ends.destroy(error, callback);
    },
  });

  duplex.isReady = () => socket.readyState !== 0;
  const isText = duplex.readableObjectMode;
  socket.on('message', (data, isBinary) => {
    const chunk = isText && !isBinary ? data.toString() : socket.transientMessages ? Buffer.from(data as Buffer) : data;
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.once('error', (error) => {
    if (duplex.destroyed) return;
    // The socket is closing on its own: terminated, it could not tell the peer why.
    ends.isFailed = true;
    duplex.destroy(error);
  });
  socket.once('close', () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  destroyWhenDone(duplex);
  return duplex;
}

/**
 * What is written while something else is under way waits in the stream, and is sent when that is done: by then its memory
 * may hold something else, and whoever is called back then would be in another caller's async context.
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
}

type AnyWrite = (...given: readonly unknown[]) => boolean;
type AnyEnd = (...given: readonly unknown[]) => unknown;

function copyOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(Buffer.from(buffer, byteOffset, byteLength));
}

function inContext(argument: unknown): unknown {
  return typeof argument === 'function' ? inCallersContext(argument as () => void) : argument;
}

/** What `autoDestroy` would do, but only when both sides are done, or one has failed. */
function destroyWhenDone(duplex: Duplex): void {
  const destroyIfDone = () => {
    if (duplex.readableEnded && duplex.writableFinished) duplex.destroy();
  };
  const fail = (error: Error) => {
    duplex.off('error', fail);
    duplex.destroy();
    // This listener does not count as somebody who has heard of the error.
    if (duplex.listenerCount('error') === 0) duplex.emit('error', error);
  };
  duplex.on('end', destroyIfDone).on('finish', destroyIfDone).on('error', fail);
}

function whenOpen(socket: WebSocket, action: () => void): void {
  if (socket.readyState === 0) socket.once('open', action);
  else action();
}

/** How the two ends of the stream become the two ends of the connection. */
class StreamEnds {
  readonly #socket: WebSocket;
  /** Whether the connection has failed, which has closed it already. */
  isFailed = false;

  constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Closes the connection; finished when the network has everything, or when there is no network any more. */
  finish(callback: Callback): void {
    const socket = this.#socket;
    const transport = socket._socket;
    // Without a transport the handshake has failed, and the stream is about to be destroyed for it.
    if (transport === null) return;
    if (transport.writableFinished || socket.readyState === 3) {
      callback();
      return;
    }
    let isFinished = false;
    const finish = () => {
      if (isFinished) return;
      isFinished = true;
      callback();
    };
    transport.once('finish', finish);
    socket.once('close', finish);
    socket.close();
  }

  /** The stream is destroyed when the connection is closed, and not before. */
  destroy(error: Error | null, callback: Callback): void {
    const socket = this.#socket;
    if (socket.readyState === 3) {
      callback(error);
      return;
    }
    let reason = error;
    socket.once('error', (socketError) => {
      reason = socketError;
    });
    socket.once('close', () => callback(reason));
    if (!this.isFailed) socket.terminate();
  }
}
