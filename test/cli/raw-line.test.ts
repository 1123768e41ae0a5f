import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type PlaygroundServer, startPlaygroundServer } from '../../src/cli/playground-server.ts';
import { breakagesFor, framesOf } from '../../src/playground/build/breakages.ts';
import { encodeSpecs } from '../../src/playground/build/frame-spec.ts';
import { readCloseCode, readFrames, VIOLATIONS } from '../../src/protocol/index.ts';
import { frame, hex, toHex } from '../support/wire.ts';

const KEY = [1, 2, 3, 4];

describe.each([
  { name: 'node:http', usesNet: false },
  { name: 'bare TCP', usesNet: true },
])('a raw line on $name', ({ usesNet }) => {
  let server: PlaygroundServer;
  const lines: Line[] = [];

  beforeEach(async () => {
    server = await startPlaygroundServer({ port: 0, host: '127.0.0.1', usesNet, assets: new Map() });
  });

  afterEach(async () => {
    for (const { socket } of lines.splice(0)) socket.terminate();
    await server.close();
  });

  function open(query = ''): Line {
    const line = new Line(`ws://127.0.0.1:${server.address.port}/raw${query}`);
    lines.push(line);
    return line;
  }

  it('§5.2 takes bytes to the echo server as they are, and brings its frames back', async () => {
    const line = open();
    await line.isOpen;
    const bytes = frame({ opcode: 1, payload: 'Hello', key: KEY });
    line.socket.send(bytes.subarray(0, 3));
    line.socket.send(bytes.subarray(3));
    await line.received(7);
    expect(line.hex).toBe('81 05 48 65 6c 6c 6f');
  });

  it('§7.1.7 brings the Close frame of a rule that was broken, and tells that TCP has ended', async () => {
    const line = open();
    await line.isOpen;
    const ended = once(line.socket, 'close');
    line.socket.send(hex('81 05 48 65 6c 6c 6f'));
    const [code, reason] = await ended;
    expect(line.hex).toBe('88 02 03 ea');
    expect([code, String(reason)]).toEqual([1000, 'the server has ended TCP']);
  });

  it('§7.1.7 brings the Close frame of each rule that there is, from a receiver with an occasion to enforce it', async () => {
    const found = await Promise.all(
      breakagesFor('server').map(async (breakage) => {
        const line = open(breakage.receiver === undefined ? '' : `?receiver=${breakage.id}`);
        await line.isOpen;
        const ended = once(line.socket, 'close');
        line.socket.send(encodeSpecs(framesOf(breakage, 'server', Uint8Array.from(KEY))));
        await ended;
        const last = readFrames(line.bytes, { role: 'client' }).frames.at(-1)!;
        return [breakage.id, last.opcode, readCloseCode(last.payload)];
      }),
    );
    expect(found).toEqual(breakagesFor('server').map(({ id }) => [id, 8, VIOLATIONS[id].closeCode]));
  });

  it('leads to no receiver that there is not', async () => {
    const [code] = await once(open('?receiver=toString').socket, 'close');
    expect(code).toBe(1008);
  });

  it('does no handshake that the page has written: what is text goes nowhere', async () => {
    const line = open();
    await line.isOpen;
    line.socket.send('GET /watch HTTP/1.1\r\n\r\n');
    line.socket.send(frame({ opcode: 9, key: KEY }));
    await line.received(2);
    expect(line.hex).toBe('8a 00');
  });

  it('§10.4 loses nothing of what the echo server sends faster than the page reads', async () => {
    const line = open();
    await line.isOpen;
    line.socket.pause();
    const payload = new Uint8Array(1024 * 1024).fill(7);
    const bytes = frame({ opcode: 2, payload, key: [0, 0, 0, 0] });
    for (let i = 0; i < 4; i++) line.socket.send(bytes);
    line.socket.send(frame({ opcode: 9, key: KEY }));
    line.socket.resume();
    await line.received(4 * (payload.length + 10) + 2);
    expect(toHex(line.bytes.subarray(-2))).toBe('8a 00');
  });

  it('§10.4 is refused past 32 of them, and there is room again when one is gone', async () => {
    const all = Array.from({ length: 32 }, () => open());
    await Promise.all(all.map((line) => line.isOpen));
    const [code] = await once(open().socket, 'close');
    expect(code).toBe(1013);
    const gone = once(all[0]!.socket, 'close');
    all[0]!.socket.close();
    await gone;
    // The server has seen the end of TCP when it tells so; the line is free then, or a moment later.
    for (;;) {
      const line = open();
      const outcome = await Promise.race([
        line.isOpen.then(() => 'open'),
        once(line.socket, 'close').then(() => 'refused'),
      ]);
      if (outcome === 'open') return;
    }
  });

  it('§7.4.1 ends with the server', async () => {
    const line = open();
    await line.isOpen;
    const ended = once(line.socket, 'close');
    await server.close();
    await ended;
    expect(line.hex).toMatch(/^(88 19 03 e9 .*)?$/);
  });
});

/** The page's end. */
class Line {
  readonly socket: WebSocket;
  readonly isOpen: Promise<void>;
  bytes = Buffer.alloc(0);
  #wanted = Number.POSITIVE_INFINITY;
  #resolve = () => {};

  constructor(url: string) {
    this.socket = new WebSocket(url, { perMessageDeflate: false });
    this.socket.on('error', () => {});
    this.isOpen = new Promise((resolve) => {
      this.socket.on('message', (data, isBinary) => {
        if (!isBinary) {
          resolve();
          return;
        }
        this.bytes = Buffer.concat([this.bytes, data as Buffer]);
        if (this.bytes.length >= this.#wanted) this.#resolve();
      });
    });
  }

  get hex(): string {
    return toHex(this.bytes);
  }

  received(lengthBytes: number): Promise<void> {
    this.#wanted = lengthBytes;
    return new Promise((resolve) => {
      this.#resolve = resolve;
      if (this.bytes.length >= lengthBytes) resolve();
    });
  }
}
