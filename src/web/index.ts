/**
 * The package's entry for programs that run in browsers as well: WebSocket, WebSocketStream and their events and errors, as
 * the WebSockets Standard has them. Types need no DOM library, and fit its own where there is one.
 */

import type { CloseEvent } from './close-event.ts';
import type { WebSocketCloseInfo } from './web-arguments.ts';
import type { BufferSource } from './web-idl.ts';
import { WebSocket as Implementation } from './websocket.ts';

export { CloseEvent, type CloseEventConstructor, type CloseEventInit } from './close-event.ts';
export { WebSocketError } from './web-arguments.ts';
export {
  type WebSocketClosed,
  type WebSocketConnection,
  WebSocketStream,
  type WebSocketStreamChunk,
  type WebSocketStreamData,
  type WebSocketStreamOptions,
} from './websocket-stream.ts';
export type { BufferSource, WebSocketCloseInfo };

export type BinaryType = 'blob' | 'arraybuffer';

/** The global MessageEvent, whoever declares it. */
export type MessageEvent = typeof globalThis extends { MessageEvent: { prototype: infer Instance } }
  ? Instance
  : // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
    Event & { readonly data: any; readonly origin: string };

/** What a connection that could not be made or kept says: an Event, and in Node.js the cause, beyond the standard. */
export type ErrorEvent = Event & { readonly error?: Error };

export interface WebSocketEventMap {
  open: Event;
  message: MessageEvent;
  error: ErrorEvent;
  close: CloseEvent;
}

type Handler<Type extends keyof WebSocketEventMap> =
  // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
  ((this: WebSocket, event: WebSocketEventMap[Type]) => any) | null;

/** See https://websockets.spec.whatwg.org/#the-websocket-interface */
export interface WebSocket extends EventTarget {
  /** In its ws: or wss: form. */
  readonly url: string;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  readonly readyState: 0 | 1 | 2 | 3;
  /** Payload bytes given to `send` that the network had not taken when this turn of the event loop began. */
  readonly bufferedAmount: number;
  /** The value of Sec-WebSocket-Extensions in the server's answer, or ''. */
  readonly extensions: string;
  /** The subprotocol agreed on, or ''. */
  readonly protocol: string;
  /** How binary messages come. Default 'blob'; unknown values are ignored. */
  binaryType: BinaryType;
  onopen: Handler<'open'>;
  onmessage: Handler<'message'>;
  onerror: Handler<'error'>;
  onclose: Handler<'close'>;
  /**
   * Starts the closing handshake (§7.1.2).
   * @param code 1000, or 3000–4999; without one the Close frame is empty
   * @param reason at most 123 bytes of UTF-8; alone it goes with 1000
   * @throws {DOMException} InvalidAccessError for other codes, SyntaxError for a longer reason
   */
  close(code?: number, reason?: string): void;
  /**
   * Sends a message; dropped, and counted in `bufferedAmount` for good, when the connection is closing or closed.
   * @throws {DOMException} InvalidStateError while CONNECTING
   * @throws {TypeError} for memory that is shared between threads or resizable
   */
  send(data: string | BufferSource | Blob): void;
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
    listener: (this: WebSocket, event: WebSocketEventMap[Type]) => any,
    options?: Parameters<EventTarget['addEventListener']>[2],
  ): void;
  addEventListener(...listener: Parameters<EventTarget['addEventListener']>): void;
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    // biome-ignore lint/suspicious/noExplicitAny: as the DOM library has it
    listener: (this: WebSocket, event: WebSocketEventMap[Type]) => any,
    options?: Parameters<EventTarget['removeEventListener']>[2],
  ): void;
  removeEventListener(...listener: Parameters<EventTarget['removeEventListener']>): void;
}

export interface WebSocketConstructor {
  prototype: WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  /**
   * Connects.
   * @param url ws:, wss:, http: or https:, without a fragment
   * @param protocols subprotocols, most preferred first
   * @throws {DOMException} SyntaxError for a bad URL, and a subprotocol that is no token or stands there twice
   */
  new (url: string | URL, protocols?: string | string[] | { readonly protocols?: string | string[] }): WebSocket;
}

export const WebSocket = Implementation as unknown as WebSocketConstructor;
