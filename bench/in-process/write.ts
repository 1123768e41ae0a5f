/**
 * Messages in, writes to a socket out: framewright's WriteBatch beside ws's Sender, both on a socket that takes everything
 * at once. Sixteen messages at a time, as an echo of what one read has brought.
 */

import { Socket } from 'node:net';
import { FIN, Opcode } from '../../src/protocol/index.ts';
import { internals, ws } from './libraries.ts';
import type { Pass, Subjects } from './worker.ts';

interface WriteCell {
  readonly payloadBytes: number;
  readonly role: 'server' | 'client';
}

const BURST = 16;
const { WriteBatch } = internals;

/** Counts what is written, and keeps nothing. */
class SwallowingSocket {
  bytes = 0;
  readonly writableLength = 0;
  cork(): void {}
  uncork(): void {}
  write(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return true;
  }
}

/** Writes a burst per pass, and checks that all of it has left. */
function writeWith({ payloadBytes, role }: WriteCell, socket: SwallowingSocket, writeBurst: () => void): Pass {
  const lengthFieldBytes = payloadBytes < 126 ? 0 : payloadBytes < 65_536 ? 2 : 8;
  const frameBytes = 2 + lengthFieldBytes + (role === 'client' ? 4 : 0) + payloadBytes;
  return () => {
    socket.bytes = 0;
    writeBurst();
    if (socket.bytes !== BURST * frameBytes) throw new Error(`${socket.bytes} bytes of ${BURST * frameBytes}`);
    return BURST;
  };
}

export const subjects: Subjects<WriteCell> = {
  framewright(cell) {
    const socket = new SwallowingSocket();
    // What WriteBatch asks: whether this is plain TCP.
    Object.defineProperty(socket, 'constructor', { value: Socket });
    const batch = new WriteBatch(socket as unknown as Socket, cell.role);
    batch.owner = {
      connection: { isAwaitingFlush: false, flushed() {} },
      noticeBytes: 65_536,
      backlogGrew() {},
      backlogShrank() {},
      handle() {},
    };
    batch.attentionBytes = 65_536;
    const payload = Buffer.alloc(cell.payloadBytes, 0x2a);
    return writeWith(cell, socket, () => {
      batch.isHeld = true;
      for (let i = 0; i < BURST; i++) batch.writeFrame(FIN | Opcode.Binary, payload);
      batch.isHeld = false;
      batch.flush();
    });
  },
  ws(cell) {
    const socket = new SwallowingSocket();
    const sender = new ws.Sender(socket, {});
    const payload = Buffer.alloc(cell.payloadBytes, 0x2a);
    const options = { binary: true, compress: false, fin: true, mask: cell.role === 'client' };
    return writeWith(cell, socket, () => {
      for (let i = 0; i < BURST; i++) sender.send(payload, options, undefined);
    });
  },
};
