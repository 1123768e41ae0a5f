/** A client of HTTP/2 made of frames (RFC 9113 §4.1), for requests that no library would send. h2c with prior knowledge. */

import { once } from 'node:events';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { onTestFinished } from 'vitest';
import { ignoreError } from './ignore-error.ts';

const TYPES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
] as const;
type FrameType = (typeof TYPES)[number];

interface Http2Frame {
  readonly type: FrameType | undefined;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

interface RawHttp2 {
  headers(
    streamId: number,
    fields: Readonly<Record<string, string | undefined>>,
    options?: { endStream?: boolean },
  ): void;
  data(streamId: number, payload: Uint8Array): void;
  reset(streamId: number, code: number): void;
  ping(): void;
  /** The next frame that fits, of those that have not been asked for. */
  next(fits: (frame: Http2Frame) => boolean): Promise<Http2Frame>;
}

function encode(type: FrameType, flags: number, streamId: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = TYPES.indexOf(type);
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** RFC 7541 §6.2.2: a literal without indexing, new name; nothing here is longer than 126 bytes. */
function literal(name: string, value: string): Buffer {
  return Buffer.from([0, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)]);
}

export async function connectRawHttp2(server: Http2Server | Http2SecureServer): Promise<RawHttp2> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', ignoreError);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let unread = Buffer.alloc(0);
  const frames: Http2Frame[] = [];
  let wake: () => void = () => {};
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk]);
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const end = 9 + unread.readUIntBE(0, 3);
      frames.push({
        type: TYPES[unread[3]!],
        flags: unread[4]!,
        streamId: unread.readUInt32BE(5),
        payload: unread.subarray(9, end),
      });
      unread = unread.subarray(end);
    }
    wake();
  });
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(encode('SETTINGS', 0, 0, Buffer.alloc(0)));
  const peer: RawHttp2 = {
    headers(streamId, fields, { endStream = false } = {}) {
      const block = Object.entries(fields).flatMap(([name, value]) =>
        value === undefined ? [] : [literal(name, value)],
      );
      socket.write(encode('HEADERS', endStream ? 5 : 4, streamId, Buffer.concat(block)));
    },
    data(streamId, payload) {
      socket.write(encode('DATA', 0, streamId, payload));
    },
    reset(streamId, code) {
      socket.write(encode('RST_STREAM', 0, streamId, Uint8Array.of(0, 0, 0, code)));
    },
    ping() {
      socket.write(encode('PING', 0, 0, Buffer.alloc(8)));
    },
    async next(fits) {
      for (;;) {
        const found = frames.findIndex(fits);
        if (found >= 0) return frames.splice(found, 1)[0]!;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
  await peer.next(({ type, flags }) => type === 'SETTINGS' && flags === 0);
  socket.write(encode('SETTINGS', 1, 0, Buffer.alloc(0)));
  return peer;
}
