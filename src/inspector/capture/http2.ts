/**
 * Reads an HTTP/2 connection (RFC 9113) as far as WebSockets go over it (RFC 8441): header blocks in order, since each may
 * refer to those before, and the DATA of streams that were opened for a WebSocket.
 */

import { concat, PendingBytes } from '../bytes.ts';
import { type HeaderList, HpackDecoder, HpackError } from './hpack.ts';
import type { End } from './tcp.ts';

export interface Http2Handler<Stream> {
  /** A request for a WebSocket. */
  onRequest(streamId: number, headers: HeaderList): Stream;
  onResponse(stream: Stream, headers: HeaderList): void;
  onData(stream: Stream, from: 'client' | 'server', bytes: Uint8Array, atMs: number | undefined): void;
  onEnd(stream: Stream): void;
  onFault(message: string): void;
}

export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const FRAME = { data: 0, headers: 1, reset: 3, pushPromise: 5, continuation: 9 };
const FLAG = { endStream: 1, endHeaders: 4, padded: 8, priority: 32 };
const HEADER_BYTES = 9;
const MAX_BLOCK_BYTES = 1024 * 1024;
const MAX_STREAMS = 20_000;

const NONE = new Uint8Array(0);

interface Side {
  readonly hpack: HpackDecoder;
  readonly pending: PendingBytes;
  /** A header block of which more is to come. */
  block: Uint8Array;
  blockStream: number;
}

export class Http2Reader<Stream> {
  readonly #handler: Http2Handler<Stream>;
  readonly #client: End;
  readonly #sides: readonly [Side, Side];
  readonly #streams = new Map<number, Stream>();
  #hasFailed = false;

  constructor(client: End, handler: Http2Handler<Stream>) {
    this.#client = client;
    this.#handler = handler;
    this.#sides = [newSide(), newSide()];
  }

  push(from: End, bytes: Uint8Array, atMs: number | undefined): void {
    if (this.#hasFailed) return;
    const side = this.#sides[from];
    let rest = side.pending.add(bytes);
    if (rest === undefined) return;
    let wanted = HEADER_BYTES;
    if (from === this.#client && beginsWithPreface(rest)) rest = rest.subarray(PREFACE.length);
    while (rest.length >= HEADER_BYTES && !this.#hasFailed) {
      const length = (rest[0]! << 16) | (rest[1]! << 8) | rest[2]!;
      wanted = HEADER_BYTES + length;
      if (rest.length < wanted) break;
      const streamId = ((rest[5]! & 0x7f) << 24) | (rest[6]! << 16) | (rest[7]! << 8) | rest[8]!;
      const payload = rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
      this.#frame(from, rest[3]!, rest[4]!, streamId, payload, atMs);
      rest = rest.subarray(wanted);
      wanted = HEADER_BYTES;
    }
    side.pending.keep(rest, wanted);
  }

  end(): void {
    for (const stream of this.#streams.values()) this.#handler.onEnd(stream);
    this.#streams.clear();
  }

  #frame(
    from: End,
    type: number,
    flags: number,
    streamId: number,
    payload: Uint8Array,
    atMs: number | undefined,
  ): void {
    const side = this.#sides[from];
    const stream = this.#streams.get(streamId);
    if (type === FRAME.headers || type === FRAME.pushPromise) {
      const extra = type === FRAME.pushPromise ? 4 : (flags & FLAG.priority) === 0 ? 0 : 5;
      side.block = unpadded(payload, flags).subarray(extra);
      side.blockStream = type === FRAME.pushPromise ? 0 : streamId;
    } else if (type === FRAME.continuation) {
      side.block = concat([side.block, payload]);
      if (side.block.length > MAX_BLOCK_BYTES) this.#fail('a header block is too long');
    } else if (type === FRAME.data && stream !== undefined) {
      const data = unpadded(payload, flags);
      if (data.length > 0) this.#handler.onData(stream, from === this.#client ? 'client' : 'server', data, atMs);
    }
    const isBlock = type === FRAME.headers || type === FRAME.pushPromise || type === FRAME.continuation;
    if (isBlock && (flags & FLAG.endHeaders) !== 0 && !this.#hasFailed) this.#headers(from, side);
    if (type === FRAME.reset && stream !== undefined) {
      this.#streams.delete(streamId);
      this.#handler.onEnd(stream);
    }
  }

  #headers(from: End, side: Side): void {
    let headers: HeaderList;
    try {
      headers = side.hpack.decode(side.block);
    } catch (error) {
      if (!(error instanceof HpackError)) throw error;
      this.#fail(`a header block cannot be read: ${error.message}`);
      return;
    }
    side.block = NONE;
    const id = side.blockStream;
    const stream = this.#streams.get(id);
    if (from === this.#client) {
      const isWebSocket = headers.some(([name, value]) => name === ':protocol' && value === 'websocket');
      if (isWebSocket && stream === undefined && this.#streams.size < MAX_STREAMS) {
        this.#streams.set(id, this.#handler.onRequest(id, headers));
      }
    } else if (stream !== undefined && headers.some(([name]) => name === ':status')) {
      this.#handler.onResponse(stream, headers);
    }
  }

  #fail(message: string): void {
    this.#hasFailed = true;
    this.#handler.onFault(message);
  }
}

function newSide(): Side {
  return { hpack: new HpackDecoder(), pending: new PendingBytes(), block: NONE, blockStream: 0 };
}

export function beginsWithPreface(bytes: Uint8Array): boolean {
  if (bytes.length < PREFACE.length) return false;
  for (let i = 0; i < PREFACE.length; i++) if (bytes[i] !== PREFACE.charCodeAt(i)) return false;
  return true;
}

function unpadded(payload: Uint8Array, flags: number): Uint8Array {
  return (flags & FLAG.padded) === 0 ? payload : payload.subarray(1, Math.max(1, payload.length - payload[0]!));
}
