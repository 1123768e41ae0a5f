/**
 * The package's main entry: the names that ws has, with ws's meaning, and framewright's own. `require('framewright')`
 * gives the WebSocket class itself, as `require('ws')` does, with the others as its members.
 */

import { isSameSecret } from './admission/same-secret.ts';
import { createTickets } from './admission/tickets.ts';
import { metrics } from './diagnostics/metrics.ts';
import { drainOnSignal } from './server/drain-on-signal.ts';
import { listen, NetServer } from './server/net-server.ts';
import { WebSocketServer } from './server/websocket-server.ts';
import { broadcast, prepareMessage } from './socket/prepared-message.ts';
import { createWebSocketStream } from './socket/stream.ts';
import { WebSocket } from './socket/websocket.ts';
import { WebSocketError } from './web/web-arguments.ts';
import { WebSocketStream } from './web/websocket-stream.ts';
import { extension, subprotocol } from './ws-compat/parsers.ts';
import { PerMessageDeflate } from './ws-compat/per-message-deflate.ts';
import { Receiver } from './ws-compat/receiver.ts';
import { Sender } from './ws-compat/sender.ts';
import './ws-compat/private-surface.ts';

export type { Authenticate, AuthenticationRequest } from './admission/authenticate.ts';
export type { HttpAnswer, StreamedBody } from './admission/http-answer.ts';
export type { MessageRate } from './admission/message-limits.ts';
export type { AdmissionOptions } from './admission/options.ts';
export type { RefusalReason } from './admission/rejection.ts';
export type { TicketOptions, Tickets } from './admission/tickets.ts';
export type { TokenOptions, TokenSource } from './admission/tokens.ts';
export type { DeflateOptions, ZlibTuning } from './deflate/negotiate.ts';
export type { DiagnosticsMessages } from './diagnostics/messages.ts';
export type { Metrics } from './diagnostics/metrics.ts';
export type { BackloggedSocket, BacklogOptions, BacklogPolicy } from './options/backlog-settings.ts';
export type { SetSocketOptions, WsConnectionOptions } from './options/connection-options.ts';
export type {
  ConnectionOptions,
  ConnectionSettings,
  HeartbeatOptions,
  ListenerErrors,
} from './options/connection-settings.ts';
export type { Limits } from './protocol/index.ts';
export type { DrainCounts, DrainOptions } from './server/drain.ts';
export type { SignalDrainOptions } from './server/drain-on-signal.ts';
export type { Authorization, ListenOptions, NetRequest, NetServerEvents, RequestAnswer } from './server/net-server.ts';
export type {
  VerifyClient,
  VerifyClientCallback,
  VerifyClientInfo,
  WebSocketServerEvents,
  WebSocketServerOptions,
} from './server/websocket-server.ts';
export type { Message, MessageIterator, MessagesOptions } from './socket/message-iterator.ts';
export type { BinaryType, RawData, SendData } from './socket/payload.ts';
export type { BroadcastOptions, PreparedMessage, PrepareOptions } from './socket/prepared-message.ts';
export type { ClientOptions, SendCallback, SendOptions, WebSocketEvents } from './socket/websocket.ts';
export type { ConnectionError } from './transport/errors.ts';
export type { WebSocketCloseInfo } from './web/web-arguments.ts';
export type {
  WebSocketClosed,
  WebSocketConnection,
  WebSocketStreamChunk,
  WebSocketStreamData,
  WebSocketStreamOptions,
} from './web/websocket-stream.ts';
export type { PerMessageDeflateOptions, PerMessageDeflateParams } from './ws-compat/per-message-deflate.ts';
export type { ReceiverOptions } from './ws-compat/receiver.ts';
export type { FrameOptions, GenerateMask, SenderCallback, SenderSendOptions } from './ws-compat/sender.ts';
export type {
  AddressInfo,
  CertMeta,
  CloseEvent,
  Data,
  ErrorEvent,
  Event,
  EventListenerOptions,
  FinishRequestCallback,
  MessageEvent,
  ServerOptions,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketEventMap,
} from './ws-compat/ws-types.ts';

Object.assign(WebSocket, {
  broadcast,
  createTickets,
  createWebSocketStream,
  drainOnSignal,
  extension,
  isSameSecret,
  listen,
  metrics,
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
  createTickets,
  createWebSocketStream,
  drainOnSignal,
  extension,
  isSameSecret,
  listen,
  metrics,
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
