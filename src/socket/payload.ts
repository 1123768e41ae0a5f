/** Turns what applications send into a payload, and what arrives into what applications asked for. */

import { Buffer, isAscii } from 'node:buffer';
import { inspect, types } from 'node:util';
import { viewIn, viewOfChunk } from '../memory/view.ts';
import type { Chunk } from '../protocol/index.ts';
import type { Payload } from '../transport/send-order.ts';

/**
 * What `send`, `ping` and `pong` take. Numbers are sent as their decimal text, null and undefined as nothing, arrays of
 * views one behind the other.
 */
export type SendData =
  | string
  | number
  | ArrayBuffer
  | SharedArrayBuffer
  | ArrayBufferView
  | Blob
  | readonly number[]
  | readonly ArrayBufferView[]
  | null
  | undefined;

/**
 * What `message` listeners get: a Buffer unless `binaryType` asks for something else; text always comes as a Buffer. Who
 * sets `binaryType` to 'blob' declares a parameter of `RawData | Blob`.
 */
export type RawData = Buffer | ArrayBuffer | Buffer[];

export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

export const BINARY_TYPES: readonly BinaryType[] = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

const EMPTY = Buffer.alloc(0);

/**
 * The payload of a message: text stays a string, everything else becomes bytes, on the same memory where possible.
 * @throws {TypeError} with Node's code ERR_INVALID_ARG_TYPE for data that has no bytes. An object that is merely like an
 *   array has none either: anybody may have written its length into some JSON
 */
export function toPayload(data: SendData): Payload {
  if (typeof data === 'string') return data;
  if (data === undefined || data === null) return EMPTY;
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'number') return String(data);
  if (ArrayBuffer.isView(data)) return viewIn(data.buffer, data.byteOffset, data.byteLength);
  if (types.isAnyArrayBuffer(data)) return viewIn(data, 0, data.byteLength);
  if (looksLikeBlob(data)) return data;
  if (Array.isArray(data)) {
    if (data.length > 0 && isEach(data, isView)) return Buffer.concat(data.map(bytesOf));
    if (isEach(data, isNumber)) return Buffer.from(data);
  }
  const error = new TypeError(
    `What is sent must be a string, a number, an ArrayBuffer, a view of one (Buffer, Uint8Array, …), a Blob, or an array of views or of numbers; got ${inspect(data, BRIEFLY)}`,
  );
  throw Object.assign(error, { code: 'ERR_INVALID_ARG_TYPE' });
}

const BRIEFLY = { depth: 0, maxArrayLength: 3, maxStringLength: 40, breakLength: Number.POSITIVE_INFINITY };

/** `every` would pass over holes; here they are elements like any other. A few bytes can make millions of them. */
function isEach(data: readonly unknown[], fits: (value: unknown) => boolean): boolean {
  return data.findIndex((value) => !fits(value)) < 0;
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number';
}

function isView(value: unknown): boolean {
  return ArrayBuffer.isView(value);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return viewIn(buffer, byteOffset, byteLength);
}

/** Of any realm, and of packages that make their own. */
function looksLikeBlob(data: object): data is Blob {
  const {
    arrayBuffer,
    stream,
    type,
    size,
    [Symbol.toStringTag]: tag,
  } = data as Partial<Blob> & Record<symbol, unknown>;
  const hasMembers = typeof arrayBuffer === 'function' && typeof stream === 'function';
  return hasMembers && typeof type === 'string' && typeof size === 'number' && (tag === 'Blob' || tag === 'File');
}

/**
 * The payload of a control frame: bytes, also for text.
 * @throws {TypeError} for data that has no bytes
 */
export function toControlPayload(data: SendData): Uint8Array | Blob {
  const payload = toPayload(data);
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

function split(data: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    if (length > 0) pieces.push(data.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/**
 * A binary message as `binaryType` asks for it; see `RawData` of Blobs.
 * @param fragmentLengths those of its fragments, if they are known; empty ones are left out
 */
export function fromPayload(data: Buffer, binaryType: BinaryType, fragmentLengths: readonly number[] = []): RawData {
  if (binaryType === 'nodebuffer') return data;
  if (binaryType === 'fragments') return split(data, fragmentLengths.length > 0 ? fragmentLengths : [data.length]);
  if (binaryType === 'blob') return new Blob([data]) as never;
  const { buffer, byteOffset, byteLength } = data;
  if (byteOffset === 0 && byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

/** From here on it pays to look whether text is ASCII: latin1 decodes that faster. */
const LONG_TEXT_BYTES = 4096;
/**
 * Node has longer strings lie outside V8's heap. When much lies there, V8 collects all of it, which takes longer than to
 * decode: they are put together from pieces that V8 has room for among short-lived objects.
 */
const MAX_WHOLE_BYTES = 1_000_000;
const PIECE_BYTES = 65_536;

/** Text of the bytes that arrived; of short text no view is made. */
export function decodeText(chunk: Chunk, start: number, end: number): string {
  const { bytes } = chunk;
  const length = end - start;
  if (length < LONG_TEXT_BYTES && bytes instanceof Buffer) return bytes.toString('utf8', start, end);
  if (length <= MAX_WHOLE_BYTES) return decodePiece(viewOfChunk(chunk, start, end));
  let text = '';
  for (let at = start; at < end; ) {
    const next = startOfCharacter(bytes, Math.min(at + PIECE_BYTES, end), end);
    text += decodePiece(viewOfChunk(chunk, at, next));
    at = next;
  }
  return text;
}

function decodePiece(view: Buffer): string {
  return view.toString(isAscii(view) ? 'latin1' : 'utf8');
}

/** The last place up to `at` where text can be cut: a character has three continuation bytes at most. */
function startOfCharacter(bytes: Uint8Array, at: number, end: number): number {
  for (let start = at; start > at - 4 && start < end; start--) if ((bytes[start]! & 0xc0) !== 0x80) return start;
  return at;
}
