/**
 * What passes on connections that are watched, as a page, a proxy and a file tell it: a browser cannot see the bytes that
 * it sends and receives. And what a page may ask of the server, because browsers cannot send pings or fragments
 * themselves. An event is a line of JSON; on a WebSocket, bytes go as they are, in binary messages.
 */

export type WireEvent =
  /** The watch is on: a connection that names its id will be recorded. */
  | { readonly type: 'watching' }
  /** A connection begins. */
  | {
      readonly type: 'opened';
      readonly connection: number;
      /** When, as an ISO date. */
      readonly at: string;
      /** The server that is meant. */
      readonly target?: string;
    }
  /** Bytes as they were on the wire, the handshake's included. */
  | (BytesPlace & { readonly type: 'bytes'; readonly hex: string })
  /** The connection has ended. */
  | { readonly type: 'ended'; readonly connection?: number; readonly atMs: number; readonly reason?: string }
  /** A request was not carried out. */
  | { readonly type: 'refused'; readonly reason: string };

/** Where bytes passed, and when. */
export interface BytesPlace {
  /** Which connection, from 1 on; by default the only one. */
  readonly connection?: number;
  readonly direction: Direction;
  /** From the start of the connection. */
  readonly atMs: number;
}

/** What a server says of itself to the pages that it serves, at `desk.json`: what it can show them. */
export type Desk =
  /** It echoes, and shows a page the page's own connection. */
  | { readonly kind: 'echo' }
  /** It tells, on a WebSocket at the path `events`, what passes through it from `address` to `target`. */
  | { readonly kind: 'proxy'; readonly target: string; readonly address?: string; readonly events: string };

export type Direction = 'clientToServer' | 'serverToClient';

export type WatchRequest =
  | { readonly type: 'ping'; readonly payload: string }
  /** Send one text message, each part as a frame of its own (§5.4). */
  | { readonly type: 'fragments'; readonly parts: readonly string[] }
  /** Without a code there is no reason (§5.5.1). */
  | { readonly type: 'close'; readonly code?: number; readonly reason?: string };

/** An id of 128 random bits in hex: whoever has it sees the bytes of the connection that was opened with it. */
export const WATCH_ID = /^[0-9a-f]{32}$/;

/** Of a binary message, in front of the bytes: direction, connection, time. */
const PLACE_BYTES = 1 + 4 + 8;

/** The binary message that tells of `bytes`. */
export function packBytes({ connection = 1, direction, atMs }: BytesPlace, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(PLACE_BYTES + bytes.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, direction === 'clientToServer' ? 0 : 1);
  view.setUint32(1, connection);
  view.setFloat64(5, atMs);
  message.set(bytes, PLACE_BYTES);
  return message;
}

/** What `packBytes` was given; the bytes lie in the message. */
export function unpackBytes(message: Uint8Array): Required<BytesPlace> & { readonly bytes: Uint8Array } {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return {
    direction: view.getUint8(0) === 0 ? 'clientToServer' : 'serverToClient',
    connection: view.getUint32(1),
    atMs: view.getFloat64(5),
    bytes: message.subarray(PLACE_BYTES),
  };
}
