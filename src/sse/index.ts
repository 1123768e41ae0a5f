/** Server-Sent Events: streams of a server, whichever it is, and a client for Node.js. */

export type { Authorization } from '../admission/authorize.ts';
export type { HttpAnswer } from '../admission/http-answer.ts';
export type { NetRequest, RequestAnswer } from '../server/net-server.ts';
export {
  createEventAnswer,
  createEventResponse,
  createEventStream,
  type EventStreamOptions,
} from './create-event-stream.ts';
export {
  type Audience,
  createEventFeed,
  type EventFeed,
  type EventFeedOptions,
  type FeedDrainOptions,
} from './event-feed.ts';
export { type EventFields, EventStreamParser, formatEvent, type ServerSentEvent } from './event-format.ts';
export type { NodeRequest } from './event-request.ts';
export type { HeaderFields, NodeResponse } from './event-sinks.ts';
export {
  EventSource,
  type EventSourceConstructor,
  type EventSourceErrorEvent,
  type EventSourceInit,
} from './event-source.ts';
export { type EventStream, type EventStreamEnd, prepareEvent } from './event-stream.ts';
export {
  type EventHandler,
  type EventOpening,
  type OnEventStream,
  type ServeEventsOptions,
  serveEvents,
} from './serve-events.ts';
