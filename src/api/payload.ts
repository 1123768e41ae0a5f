/**
 * Turns what applications send into a payload, and what arrives into what applications asked for.
 */

import type { Payload } from '../transport/message-sender.ts';
import { viewOf } from '../transport/view.ts';

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
  | readonly Uint8Array[]
  | null
  | undefined;

export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

export const BINARY_TYPES: readonly BinaryType[] = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

const EMPTY = Buffer.alloc(0);

/**
 * The payload of a message: text stays a string, everything else becomes bytes, on the same memory where possible.
 * @throws {TypeError} for data that has no bytes
 */
export function toPayload(data: SendData): Payload {
  if (typeof data === 'string') return data;
  if (data === undefined || data === null) return EMPTY;
  if (data instanceof Uint8Array) return data;
  if (typeof data === 'number') return String(data);
  if (ArrayBuffer.isView(data))
    return viewOf(new Uint8Array(data.buffer), data.byteOffset, data.byteOffset + data.byteLength);
  if (data instanceof Blob) return data;
  if (isViewList(data)) return Buffer.concat(data);
  return Buffer.from(data as ArrayBuffer);
}

function isViewList(data: unknown): data is readonly Uint8Array[] {
  return Array.isArray(data) && data.length > 0 && data.every((part) => part instanceof Uint8Array);
}

/**
 * The payload of a control frame: bytes, also for text.
 * @throws {TypeError} for data that has no bytes
 */
export function toControlPayload(data: SendData): Uint8Array | Blob {
  const payload = toPayload(data);
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** A binary message as `binaryType` asks for it. */
export function fromPayload(data: Buffer, binaryType: BinaryType): Buffer | ArrayBuffer | Buffer[] | Blob {
  if (binaryType === 'nodebuffer') return data;
  if (binaryType === 'fragments') return [data];
  if (binaryType === 'blob') return new Blob([data]);
  const { buffer, byteOffset, byteLength } = data;
  if (byteOffset === 0 && byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
