/** The package's entry for React 18 and later: components follow connections, channels and streams, and share what they can. */

export type { ChannelMessage, ChannelView, UseChannelOptions } from './use-channel.ts';
export { useChannel, useMembers } from './use-channel.ts';
export type {
  EventSourceClass,
  EventSourceLike,
  EventSourceMessage,
  EventSourceView,
  UseEventSourceOptions,
} from './use-event-source.ts';
export { useEventSource } from './use-event-source.ts';
export type { UseLiveOptions } from './use-live.ts';
export { useLive } from './use-live.ts';
export type { SocketData, SocketMessage, SocketView, UseSocketOptions } from './use-socket.ts';
export { useSocket } from './use-socket.ts';
