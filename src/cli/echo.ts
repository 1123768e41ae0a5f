/** Echoes messages, and reads no faster than the peer does. */

import type { RawData, WebSocket } from '../index.ts';

/** Unsent bytes past which nothing more is read from the peer, in bytes. */
export const HIGH_WATER_BYTES = 1024 * 1024;

/** Sends every message back as it came. Pings are answered by the WebSocket itself (§5.5.2). */
export function echo(socket: WebSocket): void {
  socket.on('message', (data: RawData, isBinary: boolean) => {
    const bytes = data as Buffer;
    const isFull = socket.bufferedAmount + bytes.length > HIGH_WATER_BYTES;
    if (isFull) socket.pause();
    socket.send(bytes, { binary: isBinary }, isFull ? () => socket.resume() : undefined);
  });
}
