/**
 * A peer made of a bare socket: it says what the test says, byte by byte if need be, and keeps what it hears. It knows
 * just enough of HTTP and of frames to cut the server's bytes into heads and frames.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { Endpoint, StartedServer } from './servers.ts';
import { type Bytes, type FrameFields, frame, toBytes, toHex } from './wire.ts';

/** The key of §1.3 and its answer. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
export const ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

export type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/** An upgrade request; a field given replaces the usual one, an undefined one leaves it out. */
export function upgradeRequest(fields: Fields = {}, startLine = 'GET / HTTP/1.1'): string {
  const all: Fields = {
    Host: 'server.example',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': KEY,
    'Sec-WebSocket-Version': '13',
    ...fields,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    (value === undefined ? [] : [value].flat()).map((single) => `${name}: ${single}`),
  );
  return `${[startLine, ...lines].join('\r\n')}\r\n\r\n`;
}

/** A client's frame: masked, with the key 01 02 03 04. */
export function clientFrame(opcode: number, payload: Bytes = [], fields: Partial<FrameFields> = {}): Uint8Array {
  return frame({ key: [1, 2, 3, 4], ...fields, opcode, payload });
}
export const text = (payload: Bytes, fields?: Partial<FrameFields>) => clientFrame(1, payload, fields);
export const binary = (payload: Bytes, fields?: Partial<FrameFields>) => clientFrame(2, payload, fields);
export const ping = (payload: Bytes = []) => clientFrame(9, payload);
/** A Close frame with this code, or an empty one. */
export function close(code?: number, reason: Bytes = []): Uint8Array {
  return clientFrame(8, code === undefined ? [] : [code >> 8, code & 255, ...toBytes(reason)]);
}

/** A frame in short, `88 03 ea`: the first byte and the payload. */
export const inShort = (firstByte: number, payload: Bytes = []) =>
  `${toHex(Uint8Array.of(firstByte))} ${toHex(toBytes(payload))}`.trimEnd();
export const echoed = (payload: string) => inShort(0x81, payload);
export const closed = (code: number, reason = '') => inShort(0x88, [code >> 8, code & 255, ...toBytes(reason)]);

/** What a peer needs to know of a server. */
type Reachable = Pick<StartedServer, 'endpoint' | 'tls'> | { readonly endpoint: Endpoint };

export class RawPeer {
  readonly socket: Socket;
  /** What came and was not taken, and the memory that it lies in, with room for more. */
  #bytes = Buffer.alloc(0);
  #memory = this.#bytes;
  #start = 0;
  #hasEnded = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    onTestFinished(() => void socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      this.#append(chunk);
      this.#wake();
    });
    socket.on('end', () => this.#finish());
    socket.on('close', () => this.#finish());
    socket.on('error', (error) => {
      this.#error = error;
      this.#finish();
    });
  }

  /** Connects, and says nothing yet. It stays half open when the server ends, unless told otherwise. */
  static async connect(server: Reachable, allowHalfOpen = false): Promise<RawPeer> {
    const cert = 'tls' in server ? server.tls?.cert : undefined;
    const socket =
      cert === undefined
        ? connect({ ...server.endpoint, allowHalfOpen, noDelay: true })
        : connectTls({ ...server.endpoint, ca: cert, servername: 'localhost' });
    const peer = new RawPeer(socket);
    await once(socket, cert === undefined ? 'connect' : 'secureConnect');
    return peer;
  }

  /** Connects and does the opening handshake. */
  static async open(server: Reachable, fields: Fields = {}, allowHalfOpen = false): Promise<RawPeer> {
    const peer = await RawPeer.connect(server, allowHalfOpen);
    peer.send(upgradeRequest(fields));
    const head = await peer.head();
    if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`not accepted: ${head}`);
    return peer;
  }

  /** Everything in one write. */
  send(...parts: Bytes[]): void {
    this.socket.write(Buffer.concat(parts.map(toBytes)));
  }

  /** The next HTTP head, its empty line included. */
  head(): Promise<string> {
    return this.#take((bytes) => {
      const end = bytes.indexOf('\r\n\r\n');
      return end === -1 ? undefined : [bytes.toString('latin1', 0, end + 4), end + 4];
    });
  }

  /** The next frame in short. */
  frame(): Promise<string> {
    return this.#take((bytes) => {
      const found = parseFrame(bytes);
      return found && [inShort(bytes[0]!, found.payload), found.end];
    });
  }

  async frames(count: number): Promise<string[]> {
    const frames: string[] = [];
    while (frames.length < count) frames.push(await this.frame());
    return frames;
  }

  /** The payload of the next frame. */
  payload(): Promise<Buffer> {
    return this.#take((bytes) => {
      const found = parseFrame(bytes);
      return found && [Buffer.from(found.payload), found.end];
    });
  }

  /** The next so many bytes. */
  bytes(lengthBytes: number): Promise<Buffer> {
    return this.#take((bytes) =>
      bytes.length < lengthBytes ? undefined : [Buffer.from(bytes.subarray(0, lengthBytes)), lengthBytes],
    );
  }

  /** All that comes until the server ends, however it ends. */
  async rest(): Promise<string> {
    while (!this.#hasEnded) await this.#change();
    const rest = this.#bytes.toString('latin1');
    this.#bytes = Buffer.alloc(0);
    return rest;
  }

  /** The frames that come until the server ends. */
  async framesUntilEnd(): Promise<string[]> {
    while (!this.#hasEnded) await this.#change();
    const frames: string[] = [];
    while (this.#bytes.length > 0) frames.push(await this.frame());
    return frames;
  }

  /** What the socket ended with, when it was an error. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Goes away with a RST instead of a FIN. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  async #take<T>(parse: (bytes: Buffer) => [value: T, length: number] | undefined): Promise<T> {
    for (;;) {
      const taken = parse(this.#bytes);
      if (taken !== undefined) {
        this.#start += taken[1];
        this.#bytes = this.#bytes.subarray(taken[1]);
        return taken[0];
      }
      if (this.#hasEnded) {
        throw new Error(`the server ended; left over: ${JSON.stringify(this.#bytes.toString('latin1', 0, 500))}`, {
          cause: this.#error,
        });
      }
      await this.#change();
    }
  }

  /** Long messages come in very many chunks. */
  #append(chunk: Buffer): void {
    const end = this.#start + this.#bytes.length;
    const lengthBytes = this.#bytes.length + chunk.length;
    if (end + chunk.length > this.#memory.length) {
      const memory = Buffer.alloc(2 * lengthBytes);
      this.#bytes.copy(memory);
      this.#memory = memory;
      this.#start = 0;
    }
    chunk.copy(this.#memory, this.#start + this.#bytes.length);
    this.#bytes = this.#memory.subarray(this.#start, this.#start + lengthBytes);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#wake();
  }
}

/** A server's frame at the start of the bytes, if it is all there. Servers do not mask. */
export function parseFrame(bytes: Buffer): { readonly payload: Buffer; readonly end: number } | undefined {
  if (bytes.length < 2) return undefined;
  if (bytes[1]! > 127) throw new Error('a masked frame from a server');
  const form = bytes[1]!;
  const start = form < 126 ? 2 : form === 126 ? 4 : 10;
  if (bytes.length < start) return undefined;
  const length = form < 126 ? form : form === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = start + length;
  return bytes.length < end ? undefined : { payload: bytes.subarray(start, end), end };
}
