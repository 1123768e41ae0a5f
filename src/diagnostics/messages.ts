/** The messages of the diagnostics channels, as programs get them. */

import type { IncomingMessage } from 'node:http';
import type { RefusalReason } from '../admission/rejection.ts';
import type { NetRequest, NetServer } from '../server/net-server.ts';
import type { WebSocketServer } from '../server/websocket-server.ts';
import type { WebSocket } from '../socket/websocket.ts';
import type { ChannelMessages } from '../transport/diagnostics.ts';

/** By the names of their channels: `subscribe('framewright:close', (message) => …)` of node:diagnostics_channel. */
export type DiagnosticsMessages = ChannelMessages<
  WebSocket,
  WebSocketServer | NetServer,
  IncomingMessage | NetRequest,
  RefusalReason
>;
