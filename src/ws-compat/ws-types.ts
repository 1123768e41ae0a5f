/**
 * The type names that @types/ws gives to programs, `WebSocket.RawData` and so on, as names for our own types.
 */

import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo as NetAddressInfo } from 'node:net';
import type { ClientOptions as OurClientOptions } from '../client/client-handshake.ts';
import type { WebSocketServer as OurServer, WebSocketServerOptions } from '../server/websocket-server.ts';
import type * as Events from '../socket/event-target.ts';
import type { RawData as OurRawData } from '../socket/socket-types.ts';
import type { WebSocket as OurWebSocket } from '../socket/websocket.ts';
import type { PerMessageDeflateOptions as OurDeflateOptions } from './per-message-deflate.ts';

export type AddressInfo = NetAddressInfo;
export type ServerOptions<
  SocketClass extends typeof OurWebSocket = typeof OurWebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> = WebSocketServerOptions<SocketClass, RequestClass>;

export type Data = Events.Data;
/** A certificate or key, in PEM or DER. */
export type CertMeta = string | string[] | Buffer | Buffer[];

export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (info: {
  origin: string;
  secure: boolean;
  req: Request;
}) => boolean;

export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: { origin: string; secure: boolean; req: Request },
  callback: (isAccepted: boolean, status?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
) => void;

export type FinishRequestCallback = (request: ClientRequest, websocket: OurWebSocket) => void;

export interface EventListenerOptions {
  once?: boolean | undefined;
}

export interface WebSocketEventMap {
  open: Events.Event<OurWebSocket>;
  error: Events.ErrorEvent<OurWebSocket>;
  close: Events.CloseEvent<OurWebSocket>;
  message: Events.MessageEvent<OurWebSocket>;
}

type _CertMeta = CertMeta;
type _Data = Data;
type _EventListenerOptions = EventListenerOptions;
type _EventMap = WebSocketEventMap;
type _FinishRequest = FinishRequestCallback;
type _Async<Request extends IncomingMessage> = VerifyClientCallbackAsync<Request>;
type _Sync<Request extends IncomingMessage> = VerifyClientCallbackSync<Request>;
type _SocketClass = typeof OurWebSocket;
type _RequestClass = typeof IncomingMessage;

declare module '../socket/websocket.ts' {
  namespace WebSocket {
    export type AddressInfo = NetAddressInfo;
    export type CertMeta = _CertMeta;
    export type ClientOptions = OurClientOptions;
    export type CloseEvent = Events.CloseEvent<OurWebSocket>;
    export type Data = _Data;
    export type ErrorEvent = Events.ErrorEvent<OurWebSocket>;
    export type Event = Events.Event<OurWebSocket>;
    export type EventListenerOptions = _EventListenerOptions;
    export type FinishRequestCallback = _FinishRequest;
    export type MessageEvent = Events.MessageEvent<OurWebSocket>;
    export type PerMessageDeflateOptions = OurDeflateOptions;
    export type RawData = OurRawData;
    export type Server<T extends _SocketClass = _SocketClass, U extends _RequestClass = _RequestClass> = OurServer<
      T,
      U
    >;
    export type ServerOptions<
      T extends _SocketClass = _SocketClass,
      U extends _RequestClass = _RequestClass,
    > = WebSocketServerOptions<T, U>;
    export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = _Async<Request>;
    export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = _Sync<Request>;
    export type WebSocket = OurWebSocket;
    export type WebSocketEventMap = _EventMap;
    export type WebSocketServer = OurServer;
  }
}
