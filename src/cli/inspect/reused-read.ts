/**
 * Reads a TCP or unix socket into memory that is used again, in place of the 64 KiB that Node sets aside for every read: as
 * `readShared` of the transport does, but that what was read may stay where it is until it has been written on.
 */

import { Socket } from 'node:net';
import { findOnReadNames, isPlainSocket } from '../../transport/shared-read.ts';

const READ_BYTES = 64 * 1024;

interface ReusingSocket extends Socket {
  [name: symbol]: unknown;
  _handle?: { useUserBuffer?(buffer: Uint8Array): void } | null;
}

const names = findOnReadNames(Socket);

/**
 * @param take gets what was read, during the call. @returns whether somebody goes on using its memory
 * @returns whether it does so; otherwise everything comes as 'data' events
 */
export function readReused(socket: Socket, take: (chunk: Buffer) => boolean): boolean {
  const reusing = socket as ReusingSocket;
  if (names === undefined || !isPlainSocket(socket) || typeof reusing._handle?.useUserBuffer !== 'function')
    return false;
  const { buffer, callback } = names;
  let memory = Buffer.allocUnsafeSlow(READ_BYTES);
  const readInto = () => {
    reusing[buffer] = memory;
    // biome-ignore lint/correctness/useHookAtTopLevel: no hook of React's, a method of Node's
    reusing._handle?.useUserBuffer?.(memory);
  };
  reusing[callback] = (lengthBytes: number): boolean => {
    if (take(memory.subarray(0, lengthBytes))) {
      memory = Buffer.allocUnsafeSlow(READ_BYTES);
      readInto();
    }
    return !socket.isPaused();
  };
  readInto();
  return true;
}
