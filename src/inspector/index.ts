/** The inspector: what the bytes of one direction of a connection say, field by field. */

export { printable, quote } from '../protocol/quote.ts';
export type { RecordedFrame } from './frame-recorder.ts';
export {
  type AcceptDerivation,
  deriveAccept,
  type HeadFieldView,
  type HeadView,
  type HttpMessageView,
} from './handshake.ts';
export { plural } from './header-layout.ts';
export { formatHex, HEX_SYNTAX, HexSyntaxError, parseHex } from './hex.ts';
export { type HexText, parseHexText } from './hex-dump.ts';
export { InputError, type ReadInput, readInput } from './input.ts';
export { type InspectOptions, inspect, isWholeAndLegal, StreamInspector, viewInspection } from './inspect.ts';
export { sectionLabel, sectionUrl } from './section.ts';
export { describeReading, renderText, type TextReportOptions, type Tone } from './text-report.ts';
export type * from './view.ts';
export * from './wire-event.ts';
