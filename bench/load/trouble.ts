/**
 * Clients that do harm, in a process of their own: `trouble.ts PORT KIND`. They take what comes and go on, refused and closed
 * connections included; every connection has an address of its own in 127/8.
 */

import { connect, type Socket } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { encodeFrame, FIN, Opcode, RSV1 } from '../../src/protocol/index.ts';
import type { Trouble } from './contract.ts';

const [, , portText = '', kind = ''] = process.argv;
const port = Number(portText);
const MASK = 0x37fa213d;
const MIB = 1024 * 1024;

function open(path: string, localAddress: string, extensions = ''): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  socket.on('error', () => {});
  socket.on('connect', () => {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${extensions}` +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
    );
  });
  return socket;
}

/** Sends the same bytes for ever, as fast as they are taken, from the answer to the request on. */
function flood(socket: Socket, bytes: Buffer): void {
  const send = () => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.once('data', send);
  socket.on('drain', send);
  // Who closes it has another one soon.
  socket.resume();
}

const again = (act: () => Socket) => {
  act().on('close', () => setTimeout(again, 100, act));
};

const TROUBLES: Readonly<Record<Trouble, () => void>> = {
  /** 64 MiB of messages of 16 bytes at once, again and again. */
  tiny() {
    const frame = encodeFrame(FIN | Opcode.Binary, new Uint8Array(16), MASK);
    const bytes = Buffer.alloc(Math.floor((64 * MIB) / frame.length) * frame.length, frame);
    again(() => {
      const socket = open('/sink', '127.3.0.1');
      flood(socket, bytes);
      return socket;
    });
  },
  /** Messages of 1 MiB that are a kilobyte compressed. */
  compressed() {
    const deflated = deflateRawSync(Buffer.alloc(MIB, 'framewright '), { finishFlush: 2 }).subarray(0, -4);
    const frame = encodeFrame(FIN | RSV1 | Opcode.Binary, deflated, MASK);
    const bytes = Buffer.alloc(64 * frame.length, frame);
    const extensions = 'Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover\r\n';
    again(() => {
      const socket = open('/sink', '127.3.0.2', extensions);
      flood(socket, bytes);
      return socket;
    });
  },
  /** Tiny messages whose echoes are read. */
  sender() {
    const frame = encodeFrame(FIN | Opcode.Binary, new Uint8Array(16), MASK);
    const bytes = Buffer.alloc(3000 * frame.length, frame);
    for (let i = 0; i < 4; i++) {
      again(() => {
        const socket = open('/', `127.3.1.${i + 1}`);
        flood(socket, bytes);
        return socket;
      });
    }
  },
  /** Read nothing of what they are sent. */
  reader() {
    for (let i = 0; i < 4; i++) again(() => open('/feed', `127.3.2.${i + 1}`).pause());
  },
  /** 5,000 upgrades in 10 s from 200 addresses; those that are let in stay. */
  upgrades() {
    let count = 0;
    const timer = setInterval(() => {
      for (let i = 0; i < 5 && count < 5000; i++, count++) open('/', `127.4.0.${1 + (count % 200)}`).resume();
      if (count === 5000) clearInterval(timer);
    }, 10);
  },
};

TROUBLES[kind as Trouble]();
// Sockets that are not read from do not keep a process alive.
setInterval(() => {}, 60_000);
