/** The inspector: what the bytes of a connection say, field by field, and how they come out of what people have. */

export { printable, quote } from '../protocol/quote.ts';
export {
  bytesOfOneDirection,
  type Conversation,
  ConversationInspector,
  type ConversationNote,
  type ConversationView,
  DIRECTIONS,
  FrameEntry,
  inspectConversation,
  type Passage,
} from './conversation.ts';
export type { RecordedFrame, RecordedMessage } from './frame-recorder.ts';
export {
  type AcceptDerivation,
  deriveAccept,
  type HeadFieldView,
  type HeadView,
  type HttpMessageView,
} from './handshake.ts';
export { plural } from './header-layout.ts';
export { formatHex, HEX_SYNTAX, HexSyntaxError, parseHex } from './hex.ts';
export { InputError, type ReadInput, readInput } from './input.ts';
export { type InspectOptions, inspect, isWholeAndLegal, StreamInspector, viewInspection } from './inspect.ts';
export type { InflateFault } from './message-inflater.ts';
export { sectionLabel, sectionUrl } from './section.ts';
export {
  describeReading,
  renderConversation,
  renderEntry,
  renderHead,
  renderText,
  type TextReportOptions,
  type Tone,
  timeText,
} from './text-report.ts';
export type * from './view.ts';
export * from './wire-event.ts';
