/** The types of the WebSocket class: what it is given, what it hands out, and its events. */

import type { ClientRequest, IncomingMessage } from 'node:http';

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
