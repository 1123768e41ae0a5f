/**
 * What programs find as members of the class: the types that @types/ws has there, `WebSocket.RawData` and so on, and what
 * the main entry adds to it. All are names for our own.
 */

import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo as NetAddressInfo } from 'node:net';
import type { isSameSecret as ourIsSameSecret } from '../admission/same-secret.ts';
import type { createTickets as ourCreateTickets } from '../admission/tickets.ts';
import type * as Net from '../server/net-server.ts';
import type { WebSocketServer as OurServer, WebSocketServerOptions } from '../server/websocket-server.ts';
import type * as Events from '../socket/event-target.ts';
import type { RawData as OurRawData } from '../socket/payload.ts';
import type * as Prepared from '../socket/prepared-message.ts';
import type { createWebSocketStream as ourCreateStream } from '../socket/stream.ts';
import type { ClientOptions as OurClientOptions, WebSocket as OurWebSocket } from '../socket/websocket.ts';
import type { WebSocketStream as OurStream } from '../web/websocket-stream.ts';
import type * as Parsers from './parsers.ts';
import type * as Deflate from './per-message-deflate.ts';
import type { Receiver as OurReceiver } from './receiver.ts';
import type { Sender as OurSender } from './sender.ts';

export type AddressInfo = NetAddressInfo;
export type ServerOptions<
  SocketClass extends typeof OurWebSocket = typeof OurWebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  User = unknown,
> = WebSocketServerOptions<SocketClass, RequestClass, User>;

export type Data = Events.Data;
export type Event<Target = OurWebSocket> = Events.Event<Target>;
export type CloseEvent<Target = OurWebSocket> = Events.CloseEvent<Target>;
export type ErrorEvent<Target = OurWebSocket> = Events.ErrorEvent<Target>;
export type MessageEvent<Target = OurWebSocket> = Events.MessageEvent<Target>;
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
  open: Event;
  error: ErrorEvent;
  close: CloseEvent;
  message: MessageEvent;
}

type _CertMeta = CertMeta;
type _CloseEvent = CloseEvent;
type _Data = Data;
type _ErrorEvent = ErrorEvent;
type _Event = Event;
type _MessageEvent = MessageEvent;
type _EventListenerOptions = EventListenerOptions;
type _EventMap = WebSocketEventMap;
type _FinishRequest = FinishRequestCallback;
type _Async<Request extends IncomingMessage> = VerifyClientCallbackAsync<Request>;
type _Sync<Request extends IncomingMessage> = VerifyClientCallbackSync<Request>;
type _SocketClass = typeof OurWebSocket;
type _RequestClass = typeof IncomingMessage;

declare module '../socket/websocket.ts' {
  /** The values are what `require('framewright')` offers beside the class itself; the main entry sets them. */
  namespace WebSocket {
    export const broadcast: typeof Prepared.broadcast;
    export const createTickets: typeof ourCreateTickets;
    export const createWebSocketStream: typeof ourCreateStream;
    export const extension: typeof Parsers.extension;
    export const isSameSecret: typeof ourIsSameSecret;
    export const listen: typeof Net.listen;
    export const NetServer: typeof Net.NetServer;
    export const PerMessageDeflate: typeof Deflate.PerMessageDeflate;
    export const prepareMessage: typeof Prepared.prepareMessage;
    export const Receiver: typeof OurReceiver;
    export const Sender: typeof OurSender;
    export const Server: typeof OurServer;
    export const subprotocol: typeof Parsers.subprotocol;
    export const WebSocket: typeof OurWebSocket;
    export const WebSocketServer: typeof OurServer;
    export const WebSocketStream: typeof OurStream;

    export type AddressInfo = NetAddressInfo;
    export type CertMeta = _CertMeta;
    export type ClientOptions = OurClientOptions;
    export type CloseEvent = _CloseEvent;
    export type Data = _Data;
    export type ErrorEvent = _ErrorEvent;
    export type Event = _Event;
    export type EventListenerOptions = _EventListenerOptions;
    export type FinishRequestCallback = _FinishRequest;
    export type MessageEvent = _MessageEvent;
    export type PerMessageDeflateOptions = Deflate.PerMessageDeflateOptions;
    export type RawData = OurRawData;
    export type Server<
      T extends _SocketClass = _SocketClass,
      U extends _RequestClass = _RequestClass,
      User = unknown,
    > = OurServer<T, U, User>;
    export type ServerOptions<
      T extends _SocketClass = _SocketClass,
      U extends _RequestClass = _RequestClass,
      User = unknown,
    > = WebSocketServerOptions<T, U, User>;
    export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = _Async<Request>;
    export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = _Sync<Request>;
    export type WebSocket = OurWebSocket;
    export type WebSocketEventMap = _EventMap;
    export type WebSocketServer = OurServer;
  }
}
