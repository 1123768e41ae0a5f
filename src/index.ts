/**
 * The package's main entry: the names that ws has, with ws's meaning, and framewright's own. `require('framewright')`
 * gives the WebSocket class itself, as `require('ws')` does, with the others as its members.
 */

import { listen, NetServer } from './api/net-server.ts';
import { extension, subprotocol } from './api/parsers.ts';
import { PerMessageDeflate } from './api/per-message-deflate.ts';
import { broadcast, prepareMessage } from './api/prepared-message.ts';
import { Receiver } from './api/receiver.ts';
import { Sender } from './api/sender.ts';
import { createWebSocketStream } from './api/stream.ts';
import { WebSocketError } from './api/web-arguments.ts';
import { WebSocket } from './api/websocket.ts';
import { WebSocketServer } from './api/websocket-server.ts';
import { WebSocketStream } from './api/websocket-stream.ts';

export type { ClientOptions } from './api/client-handshake.ts';
export type { ConnectionError } from './api/errors.ts';
export type { CloseEvent, ErrorEvent, Event, MessageEvent } from './api/event-target.ts';
export type { Message, MessageIterator, MessagesOptions } from './api/message-iterator.ts';
export type { Authorization, ListenOptions, NetRequest, NetServerEvents } from './api/net-server.ts';
export type { BinaryType, SendData } from './api/payload.ts';
export type { PerMessageDeflateOptions, PerMessageDeflateParams } from './api/per-message-deflate.ts';
export type { BroadcastOptions, PreparedMessage, PrepareOptions } from './api/prepared-message.ts';
export type { ReceiverOptions } from './api/receiver.ts';
export type { FrameOptions, GenerateMask, SenderCallback, SenderSendOptions } from './api/sender.ts';
export type { WsConnectionOptions } from './api/server-options.ts';
export type { WebSocketCloseInfo } from './api/web-arguments.ts';
export type {
  ConnectionSettings,
  RawData,
  SendCallback,
  SendOptions,
  WebSocketEvents,
} from './api/websocket.ts';
export type {
  VerifyClient,
  VerifyClientCallback,
  VerifyClientInfo,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from './api/websocket-server.ts';
export type {
  WebSocketClosed,
  WebSocketConnection,
  WebSocketStreamChunk,
  WebSocketStreamData,
  WebSocketStreamOptions,
} from './api/websocket-stream.ts';
export type {
  AddressInfo,
  CertMeta,
  Data,
  EventListenerOptions,
  FinishRequestCallback,
  ServerOptions,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketEventMap,
} from './api/ws-types.ts';
export type { HttpAnswer } from './server/http-answer.ts';

Object.assign(WebSocket, {
  broadcast,
  createWebSocketStream,
  extension,
  listen,
  NetServer,
  PerMessageDeflate,
  prepareMessage,
  Receiver,
  Sender,
  Server: WebSocketServer,
  subprotocol,
  WebSocket,
  WebSocketError,
  WebSocketServer,
  WebSocketStream,
});

export {
  broadcast,
  createWebSocketStream,
  extension,
  listen,
  NetServer,
  PerMessageDeflate,
  prepareMessage,
  Receiver,
  Sender,
  subprotocol,
  WebSocket,
  WebSocket as default,
  WebSocketError,
  WebSocketServer,
  WebSocketServer as Server,
  WebSocketStream,
};
