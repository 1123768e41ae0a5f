/** What both ends of the realtime layer share: the protocol's definition, names, positions, errors, and the messages on the wire. */

export type {
  CallDefinition,
  CallInput,
  CallName,
  CallOutput,
  CallReturn,
  Calls,
  ChannelDefinition,
  ChannelName,
  Channels,
  History,
  Member,
  MemberDataOf,
  MemberInput,
  MessageInput,
  MessageOf,
  ParamsOf,
  Pattern,
  PatternOf,
  Protocol,
} from './define-protocol.ts';
export { defineProtocol } from './define-protocol.ts';
export type { Position } from './position.ts';
export { formatPosition, parsePosition } from './position.ts';
export type { RealtimeErrorCode, RealtimeErrorDetails } from './realtime-error.ts';
export { RealtimeError } from './realtime-error.ts';
export type { InputOf, Issue, OutputOf, StandardSchemaV1 } from './standard-schema.ts';
