/**
 * The package's main entry: the names that ws has, with ws's meaning, and framewright's own. `require('framewright')`
 * gives the WebSocket class itself, as `require('ws')` does, with the others as its members.
 */

import { listen, NetServer } from './api/net-server.ts';
import { WebSocket } from './api/websocket.ts';
import { WebSocketServer } from './api/websocket-server.ts';

export type { WebSocketError } from './api/errors.ts';
export type { CloseEvent, ErrorEvent, Event, MessageEvent } from './api/event-target.ts';
export type { Authorization, ListenOptions, NetRequest, NetServerEvents } from './api/net-server.ts';
export type { BinaryType, SendData } from './api/payload.ts';
export type { WsConnectionOptions } from './api/server-options.ts';
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
export type { HttpAnswer } from './server/http-answer.ts';

Object.assign(WebSocket, { WebSocket, WebSocketServer, Server: WebSocketServer, listen, NetServer });

export { listen, NetServer, WebSocket, WebSocket as default, WebSocket as 'module.exports', WebSocketServer };
