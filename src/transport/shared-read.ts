/**
 * Reads plain TCP and unix sockets into one buffer that all of them share, in place of the 64 KiB that Node sets aside for
 * every read. Node offers that for sockets that are being made (`onread` of net.Socket) and keeps it in properties that
 * have no public name; this finds them on a socket of its own and gives them to sockets that exist, so that a socket
 * stays the one that its HTTP server counts and the application holds. Whatever is not as expected (another runtime,
 * TLS, a stream that is no socket) is left to 'data' events.
 */

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { readChunk } from '../memory/mask-kernel.ts';
import { type InputReceiver, receiveKept } from '../memory/message-memory.ts';
import { viewOfChunk } from '../memory/view.ts';
import { CONTROL_BIT, RSV1 } from '../protocol/index.ts';

/** Up to here what was read is copied whole; messages in longer reads are copied one by one. */
const MAX_COPIED_BYTES = 8192;

/** Who reads from a socket. */
export interface SharedReader extends InputReceiver {
  /** Whether messages need not outlive their handlers, so that short reads are not copied either. */
  readonly isTransient: boolean;
  /** Whether it wants no more for now. */
  readonly isReadingPaused: boolean;
}

interface ReadableHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/** A socket with the two properties, and its reader. */
type SharingSocket = Socket & Record<symbol, unknown> & { _handle?: ReadableHandle | null };

let PlainSocket: typeof Socket | undefined;

/** A net.Socket, and of no class made from it. */
export function isPlainSocket(stream: Duplex): stream is Socket {
  // Not loaded with this module: whoever has a socket has loaded node:net.
  PlainSocket ??= process.getBuiltinModule('node:net').Socket;
  return stream.constructor === PlainSocket;
}

const READER = Symbol('framewright reader');

/** The names of the two properties. */
interface OnReadNames {
  readonly buffer: symbol;
  readonly callback: symbol;
}

/** Looks for what was given on a socket that was given it. @returns undefined when it is kept elsewhere */
export function findOnReadNames(SocketClass: new (options: object) => object): OnReadNames | undefined {
  const onread = { buffer: Buffer.allocUnsafeSlow(1), callback: () => true };
  const socket = new SocketClass({ onread }) as Record<symbol, unknown>;
  const names = Object.getOwnPropertySymbols(socket);
  const buffer = names.find((name) => socket[name] === onread.buffer);
  const callback = names.find((name) => socket[name] === onread.callback);
  return buffer === undefined || callback === undefined ? undefined : { buffer, callback };
}

let names: OnReadNames | undefined;
let isSearched = false;

/**
 * Node calls it as a method of the socket. The reader is one listener of 'data'; when there are others, they are to hear
 * the bytes as well.
 * @returns false to stop reading: a socket that has been paused may be read from once more, when Node had made up its mind
 *   to before
 */
function onRead(this: SharingSocket, lengthBytes: number): boolean {
  const reader = this[READER] as SharedReader | undefined;
  // 'close' has been emitted by somebody else.
  if (reader === undefined) return true;
  if (this.listenerCount('data') > 1) this.emit('data', Buffer.from(viewOfChunk(readChunk, 0, lengthBytes)));
  else if (lengthBytes > MAX_COPIED_BYTES || reader.isTransient || (readChunk.bytes[0]! & (CONTROL_BIT | RSV1)) !== 0)
    // Nothing is kept of a pong, so that an idle connection needs no memory for those of its heartbeat, nor of what is inflated.
    reader.receive(readChunk, 0, lengthBytes);
  else receiveKept(reader, viewOfChunk(readChunk, 0, lengthBytes));
  return !reader.isReadingPaused;
}

/** The socket is closed: nothing is read from it any more. */
export function forgetReader(socket: Duplex): void {
  if (READER in socket) socket[READER] = undefined;
}

/**
 * Has a socket read into the shared buffer from now on, if it can. What it had read before is still in it.
 * @param reader listens for 'data' as well, which is how it gets what others push into the socket
 * @returns whether it does; otherwise everything comes as 'data' events
 */
export function readShared(socket: Duplex, reader: SharedReader): boolean {
  // Subclasses, TLS sockets among them, read in their own ways.
  if (!isPlainSocket(socket)) return false;
  if (!isSearched) {
    isSearched = true;
    names = findOnReadNames(socket.constructor as new (options: object) => object);
  }
  if (names === undefined) return false;
  const sharing = socket as SharingSocket;
  const handle = sharing._handle;
  // One that the application has made with `onread` reads as it was told.
  if (typeof handle?.useUserBuffer !== 'function' || sharing[names.buffer] !== null) return false;
  sharing[READER] = reader;
  sharing[names.buffer] = readChunk.bytes;
  sharing[names.callback] = onRead;
  // biome-ignore lint/correctness/useHookAtTopLevel: no hook of React's, a method of Node's
  handle.useUserBuffer(readChunk.bytes);
  return true;
}
