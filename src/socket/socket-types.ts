/** The types of the WebSocket class: what it is given, what it hands out, and its events. */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Limits } from '../protocol/index.ts';

/**
 * What `message` listeners get: a Buffer unless `binaryType` asks for something else; text always comes as a Buffer. Who
 * sets `binaryType` to 'blob' declares a parameter of `RawData | Blob`.
 */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** A method, so that callbacks which declare that there always is an error fit as well. */
export type SendCallback = { callback(error?: Error): void }['callback'];

export interface SendOptions {
  /** Send as a binary message. Default: whether the data is anything but a string or a number. */
  readonly binary?: boolean | undefined;
  /** Compress the message, where permessage-deflate has been agreed on. Default true. */
  readonly compress?: boolean | undefined;
  /**
   * Mask the frame (§5.1). Default: what the role asks for; a peer fails the connection at anything else (1002), so this
   * is for tests of peers.
   */
  readonly mask?: boolean | undefined;
  /** Whether this ends the message; false sends a fragment (§5.4). Default true. */
  readonly fin?: boolean | undefined;
}

/**
 * What follows when a listener or a send callback throws, or an async one's promise is rejected.
 * - `'close'`: the connection ends with 1011, and 'error' has code `WS_ERR_INTERNAL` and the cause; without an 'error'
 *   listener there is a process warning. Nobody else notices.
 * - `'throw'`: it is thrown on the next tick as an uncaught exception, as with every EventTarget; the connection goes on.
 */
export type ListenerErrors = 'close' | 'throw';

/** Settings of one connection, in the core's terms. */
export interface ConnectionSettings {
  readonly limits: Limits;
  /** Answer pings with pongs (§5.5.2). Default true. */
  readonly autoPong?: boolean | undefined;
  /** Take text and close reasons without checking them. Default false. */
  readonly skipsUtf8Validation?: boolean | undefined;
  /** Refuse payload lengths that are not in their shortest form. Default false. */
  readonly strictLengths?: boolean | undefined;
  /** Deadline of the closing handshake in milliseconds. Default 30 000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Clients: where masking keys come from, in network order. Default: the system's random source (§10.3). */
  readonly nextMaskingKey?: (() => number) | undefined;
  /** Read plain TCP into memory shared by all connections, where Node lets us. Default true. */
  readonly sharesReadBuffer?: boolean | undefined;
  /** Hand messages out in memory that is used again when their listeners return. Default false. */
  readonly transientMessages?: boolean | undefined;
  /** Give each message, ping and pong a turn of the event loop of its own. Default false. */
  readonly spreadsEvents?: boolean | undefined;
  /** What follows when application code throws. Default 'close' on servers, 'throw' on clients. */
  readonly listenerErrors?: ListenerErrors | undefined;
}

export interface WebSocketEvents {
  open: [];
  message: [data: RawData, isBinary: boolean];
  /** A text message as a string, decoded where it arrived. With such listeners, 'message' needs none for text. */
  text: [text: string];
  close: [code: number, reason: Buffer];
  /** `code` is a `WS_ERR_…` one once the connection was open; before, it is that of the network or of TLS, if any. */
  error: [error: Error & { readonly code?: string }];
  ping: [data: Buffer];
  pong: [data: Buffer];
  /** Clients: the response that upgrades, before it is checked. */
  upgrade: [response: IncomingMessage];
  /** Clients: a redirect is followed; the request has not been sent. With a listener, it keeps all its secrets. */
  redirect: [url: string, request: ClientRequest];
  /** Clients: a response that does not upgrade. A listener has to end the request, and the socket with `terminate()`. */
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
}
