/** The package's entry for clients of a hub, in browsers and elsewhere: a connection that comes back by itself. */

export * from '../realtime-protocol/index.ts';
export { connect } from './live.ts';
export { reconnecting } from './reconnecting.ts';
export type {
  Backoff,
  Channel,
  ChannelEvents,
  ChannelState,
  ConnectionOptions,
  ConnectionState,
  ConnectOptions,
  JoinOptions,
  Live,
  LiveEvents,
  Message,
  ReconnectingEventMap,
  ReconnectingOptions,
  ReconnectingSocket,
  RequestOptions,
  SocketClass,
  SocketLike,
  TokenSource,
} from './types.ts';
