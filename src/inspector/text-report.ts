/**
 * An inspection as text for a terminal of 100 columns. It refuses to know whether the terminal has colours: it says what
 * a piece of text is, and the caller's `paint` does what it likes.
 */

import { printable, quote } from '../protocol/quote.ts';
import { type Conversation, type ConversationView, DIRECTIONS, type FrameEntry } from './conversation.ts';
import type { HeadView, HttpMessageView } from './handshake.ts';
import { plural } from './header-layout.ts';
import { sectionLabel } from './section.ts';
import type { DeflateView, FieldView, FrameView, InspectionView, MessageView, ViolationView } from './view.ts';
import type { Direction } from './wire-event.ts';

/** What a piece of the report is, for colours. */
export type Tone = 'heading' | 'fault' | 'good' | 'dim' | 'wire';

export interface TextReportOptions {
  /** Wraps a piece in terminal codes. Default: leaves it as it is. */
  readonly paint?: (text: string, tone: Tone) => string;
  /** How many bytes of each payload are printed. Default 256. */
  readonly maxPayloadBytes?: number;
  /** What the bytes were read from, as `readInput` says it: put in front. Default: nothing said. */
  readonly form?: string;
}

type Paint = NonNullable<TextReportOptions['paint']>;

const COLUMNS = 100;
const BYTES_PER_LINE = 16;

const COLUMN_WIDTHS = { bits: 13, name: 16, section: 8, wire: 12 };
const MEANING_COLUMN = 2 + Object.values(COLUMN_WIDTHS).reduce((sum, width) => sum + width, 0);

const READERS = {
  server: 'as a server reads it (client to server)',
  client: 'as a client reads it (server to client)',
};

const ROLE_REASONS: Readonly<Record<InspectionView['roleFrom'], string>> = {
  option: 'as asked for',
  handshake: 'to judge by the HTTP head',
  mask: 'to judge by the MASK bit of the first frame',
  default: 'for want of a frame to judge by',
};

/** The whole report; it ends with a line break. */
export function renderText(view: InspectionView, options: TextReportOptions = {}): string {
  const paint = options.paint ?? ((text) => text);
  const maxPayloadBytes = options.maxPayloadBytes ?? 256;
  const { form } = options;
  const blocks = [
    ...(form === undefined ? [] : [wrap(`Read as: ${describeReading(view, form)}`, 0, 2)]),
    [`${plural(view.length, 'byte')}, read ${READERS[view.role]}, ${ROLE_REASONS[view.roleFrom]}`],
    ...(view.preceding === undefined
      ? []
      : [view.preceding.flatMap((message) => wrap(renderPreceding(message), 0, 2))]),
    ...(view.handshake === undefined ? [] : [renderHead(view.handshake, paint)]),
    ...view.frames.flatMap((frame) => renderFrameAndFault(frame, paint, maxPayloadBytes)),
    ...renderEnd(view, paint),
  ];
  return joinBlocks(blocks);
}

function joinBlocks(blocks: readonly (readonly string[])[]): string {
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

const ARROWS: Readonly<Record<Direction, string>> = {
  clientToServer: 'client → server',
  serverToClient: 'client ← server',
};

/** The report on both directions of a connection, in the order in which frames passed; it ends with a line break. */
export function renderConversation(
  view: ConversationView,
  { name, notes = [], areMessages }: Conversation,
  options: TextReportOptions = {},
): string {
  const paint = options.paint ?? ((text) => text);
  const { maxPayloadBytes = 256, form } = options;
  const blocks: string[][] = [];
  if (form !== undefined) blocks.push(wrap(`Read as: ${form}`, 0, 2));
  if (name !== undefined && name !== '') blocks.push([paint(printable(name), 'heading')]);
  if (areMessages) {
    const text =
      'Only messages were recorded. Each stands here as one frame, masked with zeros where the client sent it.';
    blocks.push(wrap(text, 0).map((line) => paint(line, 'dim')));
  }
  for (const direction of DIRECTIONS) {
    const { handshake, preceding = [], deflate } = view[direction];
    if (preceding.length > 0) blocks.push(preceding.flatMap((message) => wrap(renderPreceding(message), 0, 2)));
    if (handshake !== undefined) blocks.push(renderHead(handshake, paint));
    if (handshake?.kind === 'response' && deflate) blocks.push(wrap(`${deflate.parameters} is in use`, 0));
  }
  for (const { direction, atMs, frame } of view.entries) {
    const label = `${atMs === undefined ? '' : `${timeText(atMs)}  `}${ARROWS[direction]}  `;
    blocks.push(...renderFrameAndFault(frame, paint, maxPayloadBytes, label));
  }
  for (const { text, atMs } of notes) {
    blocks.push([paint(`${atMs === undefined ? '' : `${timeText(atMs)}  `}${printable(text)}`, 'fault')]);
  }
  for (const direction of DIRECTIONS) {
    const own = view[direction];
    if (own.length === 0) continue;
    blocks.push(...renderEnd(own, paint).map(([first = '', ...rest]) => [`${ARROWS[direction]}  ${first}`, ...rest]));
  }
  return joinBlocks(blocks);
}

/** Milliseconds since 1970 as a date, others as seconds. */
export function timeText(atMs: number): string {
  const isDate = atMs > 1e11 && atMs < 8.64e15;
  return isDate ? new Date(atMs).toISOString() : `${(atMs / 1000).toFixed(6)} s`;
}

const SENDERS = { server: 'client', client: 'server' };

const DEFLATE_SOURCES: Readonly<Record<DeflateView['from'], string>> = {
  option: 'as asked for',
  response: 'as the response agrees',
  request: 'as the request offers; its answer stands in the other direction',
  guess: 'for all that is known: the handshake is not there',
};

/**
 * In one line, what the input was taken for: how bytes were written down, what stands in front of the frames, whose frames
 * they are, and whether they may be compressed.
 * @param form what `readInput` says of it
 */
export function describeReading(view: InspectionView, form: string): string {
  const { preceding = [], handshake, frames, role, deflate } = view;
  const parts = [form];
  if (preceding.length > 0) {
    parts.push(`${plural(preceding.length, `HTTP ${preceding[0]!.kind}`)} before the handshake`);
  }
  if (handshake !== undefined) parts.push(`the ${handshake.kind} of ${handshake.fault ? 'a' : 'the'} handshake`);
  if (frames.length > 0) parts.push(`${handshake === undefined ? '' : 'then '}frames of a ${SENDERS[role]}`);
  if (deflate !== undefined) parts.push(`permessage-deflate (${DEFLATE_SOURCES[deflate.from]})`);
  return parts.join(', ');
}

function renderPreceding({ kind, offset, length, bodyLength, startLine }: HttpMessageView): string {
  const size = `${plural(length, 'byte')}${bodyLength === 0 ? '' : ` and ${plural(bodyLength, 'byte')} of body`}`;
  return `HTTP ${kind} before the handshake at byte ${offset}, ${size}: ${printable(startLine)}`;
}

export function renderHead(head: HeadView, paint: Paint): string[] {
  const size = head.length === 0 ? '' : `, ${plural(head.length, 'byte')}`;
  const lines = [paint(`HTTP ${head.kind}${size}`, 'heading')];
  if (head.startLine !== '') lines.push(`  ${printable(head.startLine)}`);
  for (const { name, value, meaning, section } of head.fields) {
    lines.push(`  ${name}: ${printable(value)}`);
    if (meaning !== undefined) lines.push(...wrap(`${meaning} (${section})`, 6).map((line) => paint(line, 'dim')));
  }
  return lines;
}

/** A frame of a conversation, with what is wrong with it. */
export function renderEntry({ direction, frame }: FrameEntry, options: TextReportOptions = {}): string {
  const { paint = (text: string) => text, maxPayloadBytes = 256 } = options;
  const blocks = renderFrameAndFault(frame, paint, maxPayloadBytes, `${ARROWS[direction]}  `);
  return `${blocks.flat().join('\n')}\n`;
}

function renderFrameAndFault(frame: FrameView, paint: Paint, maxPayloadBytes: number, label = ''): string[][] {
  const lines = renderFrame(frame, paint, maxPayloadBytes, label);
  return frame.violation === undefined ? [lines] : [lines, renderViolation(frame.violation, paint)];
}

function renderFrame(frame: FrameView, paint: Paint, maxPayloadBytes: number, label: string): string[] {
  const lines = [paint(`${label}Frame ${frame.index + 1} at byte ${frame.offset}: ${frame.summary}`, 'heading')];
  const { message } = frame;
  if (message !== undefined && (!frame.fin || message.part > 1)) {
    lines.push(`  part ${message.part} of message ${message.index + 1}`);
  }
  lines.push(
    `  ${paint(frame.headerHex, 'wire')}  ${paint(`header, ${plural(bytesOf(frame.headerHex), 'byte')}`, 'dim')}`,
  );
  const faultAt = frame.violation && frame.violation.faultOffset - frame.offset;
  if (faultAt !== undefined && faultAt < bytesOf(frame.headerHex)) lines.push(caret(2 + 3 * faultAt, paint));
  for (const field of frame.fields) if (field.id !== 'payload') lines.push(...renderField(field, paint));
  if (frame.payload.presentLength > 0) lines.push(...renderPayload(frame, paint, maxPayloadBytes));
  const { lostLength } = frame.payload;
  if (lostLength !== undefined) lines.push(paint(`  ${plural(lostLength, 'byte')} of it were not recorded`, 'fault'));
  if (frame.completed !== undefined) lines.push(...renderInflated(frame.completed, paint, maxPayloadBytes));
  return lines;
}

/** Points at a byte in the line above. */
function caret(column: number, paint: Paint): string {
  return paint(`${' '.repeat(column)}^^ here`, 'fault');
}

function renderInflated({ inflated, length, fault }: MessageView, paint: Paint, maxPayloadBytes: number): string[] {
  if (fault !== undefined) return [paint(`  ${fault}`, 'fault')];
  if (inflated === undefined) return [];
  const lines = [`  inflated to ${plural(inflated.length, 'byte')} from ${length} (ratio ${inflated.ratio})`];
  lines.push(...dump(inflated.hex, maxPayloadBytes, paint, true));
  if (inflated.length > maxPayloadBytes) lines.push(more(inflated.length - maxPayloadBytes, paint));
  else if (inflated.text !== undefined) lines.push(...wrap(quote(inflated.text), 4));
  return lines;
}

function more(byteCount: number, paint: Paint): string {
  return paint(`    … and ${plural(byteCount, 'more byte')}`, 'dim');
}

function isFragmented(message: MessageView, view: InspectionView): boolean {
  return view.frames[message.frames[0]!]?.fin === false;
}

function renderField(field: FieldView, paint: Paint): string[] {
  const { bits, name, section, wire } = COLUMN_WIDTHS;
  const wireText = bytesOf(field.wire) > 8 ? '' : field.wire;
  const isWide = wireText.length >= wire;
  const start =
    `  ${bitRange(field).padEnd(bits)}${field.name.padEnd(name)}${field.section.padEnd(section)}` +
    (isWide ? wireText : wireText.padEnd(wire));
  const meaning = wrap(explanationOf(field), MEANING_COLUMN);
  const lines = isWide ? [start, ...meaning] : [start + meaning[0]!.trimStart(), ...meaning.slice(1)];
  return field.isFault ? lines.map((line) => paint(line, 'fault')) : lines;
}

/** The value stands in front where the wire does not show it to the eye. */
function explanationOf(field: FieldView): string {
  const showsValue = field.id === 'extendedPayloadLength' || field.id === 'statusCode' || field.id === 'closeReason';
  return showsValue ? `${field.value}: ${field.meaning}` : field.meaning;
}

function bitRange({ firstBit, bitLength }: FieldView): string {
  return bitLength === 1 ? `bit ${firstBit}` : `bits ${firstBit}–${firstBit + bitLength - 1}`;
}

function renderPayload(frame: FrameView, paint: Paint, maxPayloadBytes: number): string[] {
  const { wireHex, unmaskedHex, text, presentLength } = frame.payload;
  const isFaulty = frame.fields.some((field) => field.id === 'payload' && field.isFault);
  const { violation, offset, headerHex } = frame;
  const faultAt = violation && violation.faultOffset - offset - bytesOf(headerHex);
  const lines: string[] = [];
  if (frame.masked) {
    lines.push('  payload as sent, masked', ...dump(wireHex, maxPayloadBytes, paint, false, faultAt));
  }
  const name = frame.masked ? '  payload unmasked' : '  payload';
  lines.push(name, ...dump(unmaskedHex, maxPayloadBytes, paint, true, faultAt));
  if (presentLength > maxPayloadBytes) {
    lines.push(more(presentLength - maxPayloadBytes, paint));
  } else if (text !== undefined && frame.opcodeName !== 'close') {
    lines.push(...wrap(quote(text), 4));
  }
  return isFaulty ? lines.map((line) => paint(line, 'fault')) : lines;
}

/** Sixteen bytes to a line, with their place in the payload and, for readable payload, their ASCII characters. */
function dump(
  hex: string,
  maxBytes: number,
  paint: Paint,
  hasCharacters: boolean,
  /** The byte that is pointed at; it may be the one behind the last. */
  faultAt = -1,
): string[] {
  const shown = hex.slice(0, 3 * maxBytes).trim();
  const lines: string[] = [];
  for (let at = 0; at < bytesOf(shown); at += BYTES_PER_LINE) {
    const bytes = shown.slice(3 * at, 3 * (at + BYTES_PER_LINE)).trim();
    const place = paint(at.toString(16).padStart(4, '0'), 'dim');
    const characters = hasCharacters ? `${' '.repeat(3 * BYTES_PER_LINE + 1 - bytes.length)}${asciiOf(bytes)}` : '';
    lines.push(`    ${place}  ${paint(bytes, 'wire')}${characters}`);
    const isHere = faultAt >= at && (faultAt < at + BYTES_PER_LINE || faultAt === bytesOf(shown));
    if (isHere && faultAt <= at + BYTES_PER_LINE) lines.push(caret(10 + 3 * (faultAt - at), paint));
  }
  return lines;
}

function asciiOf(hex: string): string {
  const characters = hex.split(' ').map((pair) => {
    const byte = Number.parseInt(pair, 16);
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·';
  });
  return characters.join('');
}

function renderEnd(view: InspectionView, paint: Paint): string[][] {
  const blocks: string[][] = [];
  const { incomplete, ignored, handshake } = view;
  const faulty = view.frames.filter(({ violation }) => violation !== undefined).length;
  for (const message of view.messages) if (isFragmented(message, view)) blocks.push(renderMessage(message));
  if (handshake?.fault !== undefined) {
    const { message, section } = handshake.fault;
    const verdict = view.frames.length > 0 ? 'Handshake at fault' : 'No WebSocket';
    const advice = view.frames.length > 0 ? '; what stands behind it is shown as frames all the same' : '';
    const text = `${verdict}: ${message} (${sectionLabel(section)})${advice}`;
    blocks.push(wrap(text, 0).map((line) => paint(line, 'fault')));
  }
  if (incomplete !== undefined) blocks.push([paint(`Incomplete: ${incomplete.explanation}`, 'fault')]);
  if (ignored !== undefined) {
    const { length, offset, explanation, section } = ignored;
    const from = `${plural(length, 'byte')} from byte ${offset} on not read: ${explanation} (${sectionLabel(section)})`;
    blocks.push(wrap(from, 0).map((line) => paint(line, 'dim')));
  }
  const count = view.frames.length === 0 ? 'No frames' : plural(view.frames.length, 'frame');
  if (faulty > 1) blocks.push([paint(`${count}, ${faulty} of them with a violation`, 'fault')]);
  if (faulty === 0 && incomplete === undefined && handshake?.fault === undefined) {
    blocks.push([paint(`${count}${view.frames.length === 0 ? '' : ', all legal'}`, 'good')]);
  }
  return blocks;
}

function renderViolation(violation: ViolationView, paint: Paint): string[] {
  const { id, code, section, frame, offset, faultOffset, closeCode, closeCodeName, message, remedy } = violation;
  return [
    paint(`Violation: ${message}`, 'fault'),
    `  rule      ${sectionLabel(section)} (${id}, ${code})`,
    `  where     frame ${frame + 1}, which begins at byte ${offset}; the fault is in byte ${faultOffset}`,
    ...wrap(`remedy    ${remedy}`, 2, 10),
    `  answer    the connection fails with Close ${closeCode} (${closeCodeName})`,
  ];
}

function renderMessage(message: MessageView): string[] {
  const frames = `frame${message.frames.length === 1 ? '' : 's'} ${message.frames.map((frame) => frame + 1).join(', ')}`;
  const state = message.isComplete ? '' : ', not finished';
  const lines = [
    `Message ${message.index + 1}: ${message.type}, ${plural(message.length, 'byte')} in ${frames}${state}`,
  ];
  if (message.text !== undefined) lines.push(...wrap(quote(message.text.slice(0, 1000)), 2));
  return lines;
}

function bytesOf(hex: string): number {
  return Math.ceil(hex.length / 3);
}

/** Breaks text at spaces, or inside a word that is longer than a line, and indents every line. */
function wrap(text: string, indent: number, hangingIndent = 0): string[] {
  const lines: string[] = [];
  let rest = text;
  for (;;) {
    const margin = ' '.repeat(indent + (lines.length === 0 ? 0 : hangingIndent));
    const width = COLUMNS - margin.length;
    if (rest.length <= width) return [...lines, margin + rest];
    const space = rest.lastIndexOf(' ', width);
    const end = space > 0 ? space : width;
    lines.push(margin + rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
}
