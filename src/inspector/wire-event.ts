/**
 * What a server that is being watched tells a page about the page's own connection, as JSON messages: a browser cannot
 * see the bytes that it sends and receives. And what the page may ask of the server, because browsers cannot send pings
 * or fragments themselves.
 */

export type WireEvent =
  /** The watch is on: a connection that names its id will be recorded. */
  | { readonly type: 'watching' }
  /** Bytes as they were on the wire, the handshake's included; `atMs` counts from the start of the connection. */
  | { readonly type: 'bytes'; readonly direction: Direction; readonly atMs: number; readonly hex: string }
  /** The watched connection has ended. */
  | { readonly type: 'ended'; readonly atMs: number }
  /** A request was not carried out. */
  | { readonly type: 'refused'; readonly reason: string };

export type Direction = 'clientToServer' | 'serverToClient';

export type WatchRequest =
  | { readonly type: 'ping'; readonly payload: string }
  /** Send one text message, each part as a frame of its own (§5.4). */
  | { readonly type: 'fragments'; readonly parts: readonly string[] }
  /** Without a code there is no reason (§5.5.1). */
  | { readonly type: 'close'; readonly code?: number; readonly reason?: string };

/** An id of 128 random bits in hex: whoever has it sees the bytes of the connection that was opened with it. */
export const WATCH_ID = /^[0-9a-f]{32}$/;
