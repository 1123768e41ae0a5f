/**
 * What passes, as lines for a terminal: one for each frame and each HTTP head, and one below it for each rule that it
 * breaks. Whatever a peer has chosen is shown so that it cannot move a cursor.
 */

import { type Direction, formatHex, printable, quote, sectionLabel, type Tone } from '../../inspector/index.ts';
import {
  closeCodeName,
  isControlOpcode,
  Opcode,
  opcodeName,
  type ReferenceFault,
  readCloseCode,
  VIOLATIONS,
  violationMessage,
} from '../../protocol/index.ts';
import type { HeadFault, Sight } from './conversation.ts';
import type { SeenFrame } from './frame-follower.ts';
import type { SeenHead } from './http-follower.ts';

export interface LineOptions {
  readonly paint: (text: string, tone: Tone) => string;
  /** How much of a payload is shown. */
  readonly maxCharacters: number;
}

const ARROWS: Readonly<Record<Direction, string>> = { clientToServer: '→', serverToClient: '←' };
const TONES: Readonly<Record<Direction, Tone>> = { clientToServer: 'wire', serverToClient: 'good' };
const KIND_WIDTH = 12;
const LENGTH_WIDTH = 9;

/** `12:03:04.123  #1`. */
export function placeOf(connection: number, atMs: number, { paint }: LineOptions): string {
  return paint(`${clock(atMs)}  ${`#${connection}`.padEnd(4)}`, 'dim');
}

/** Local time. */
function clock(atMs: number): string {
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** The lines for something that passed. */
export function sightLines(connection: number, atMs: number, sight: Sight, options: LineOptions): string[] {
  const { paint } = options;
  const { direction } = sight;
  const place = `${placeOf(connection, atMs, options)} ${paint(ARROWS[direction], TONES[direction])} `;
  if (sight.type === 'unread') {
    return [`${place}${paint(`from here on the bytes are passed on and not read: ${printable(sight.reason)}`, 'dim')}`];
  }
  if (sight.type === 'head') {
    return [
      place + headText(sight.head, options),
      ...(sight.fault === undefined ? [] : [headFaultLine(sight.fault, paint)]),
    ];
  }
  const { frame } = sight;
  return [place + frameText(frame, options), ...frame.faults.map((fault) => faultLine(fault, paint))];
}

/** How a frame looks: kind, length, what is remarkable about it, and the beginning of what it carries. */
function frameText(frame: SeenFrame, { paint, maxCharacters }: LineOptions): string {
  const kind = paint(opcodeName(frame.opcode).padEnd(KIND_WIDTH), frame.faults.length > 0 ? 'fault' : 'heading');
  const length = `${frame.payloadLength} B`.padStart(LENGTH_WIDTH);
  const remarks = remarksOf(frame);
  const content = contentOf(frame, maxCharacters);
  return `${kind}${length}${remarks === '' ? '' : `  ${paint(`[${remarks}]`, 'dim')}`}${content === '' ? '' : `  ${content}`}`;
}

function remarksOf({ fin, rsv, message, presentLength, payloadLength, opcode }: SeenFrame): string {
  const remarks: string[] = [];
  if (message !== undefined && (!fin || message.frames > 1)) {
    remarks.push(`part ${message.frames}${fin ? ', the last' : ''}`);
  } else if (isControlOpcode(opcode) && !fin) {
    remarks.push('a fragment');
  }
  if (message?.isCompressed) remarks.push(fin && message.isInflated ? ratio(message) : 'compressed');
  else if (rsv !== 0) remarks.push(`RSV ${rsv.toString(2).padStart(3, '0')}`);
  if (presentLength < payloadLength) remarks.push(`cut off behind ${presentLength} B`);
  return remarks.join(', ');
}

function ratio({ wireLength, contentLength }: { wireLength: number; contentLength: number }): string {
  const share = contentLength === 0 ? '' : `, ${Math.round((100 * wireLength) / contentLength)} %`;
  return `compressed from ${contentLength} B${share}`;
}

function contentOf({ opcode, beginning, message, payloadLength }: SeenFrame, maxCharacters: number): string {
  if (opcode === Opcode.Close) return closeText(beginning, maxCharacters);
  if (beginning.length === 0) return '';
  const isOpaque = message?.isCompressed === true && !message.isInflated;
  const isText = isControlOpcode(opcode) || (message?.opcode === Opcode.Text && !isOpaque);
  const total = message?.isInflated ? message.contentLength : payloadLength;
  const text = isText ? decode(beginning) : undefined;
  if (text !== undefined) return excerpt(text, beginning.length < total, maxCharacters);
  const bytes = Math.max(1, Math.floor(maxCharacters / 3));
  return `${formatHex(beginning.subarray(0, bytes))}${Math.min(bytes, beginning.length) < total ? ' …' : ''}`;
}

/** Code, what it means, and the reason. */
function closeText(payload: Uint8Array, maxCharacters: number): string {
  if (payload.length < 2) return 'no code';
  const code = readCloseCode(payload);
  const reason =
    payload.length > 2
      ? ` ${excerpt(decode(payload.subarray(2)) ?? formatHex(payload.subarray(2)), false, maxCharacters)}`
      : '';
  return `${code} ${closeCodeName(code)}${reason}`;
}

/** Its beginning in quotes. */
function excerpt(text: string, isCut: boolean, maxCharacters: number): string {
  const isLong = text.length > maxCharacters;
  return `${quote(isLong ? text.slice(0, maxCharacters) : text)}${isLong || isCut ? ' …' : ''}`;
}

/** Undefined for what is no text; a character may be cut at the end. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}

/** Fields of a handshake that are worth a line. */
const SHOWN_FIELDS = [
  'host',
  'origin',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'location',
  'content-type',
  'content-length',
];

function headText(head: SeenHead, { paint }: LineOptions): string {
  const line = 'method' in head ? `${head.method} ${head.target}` : `${head.statusCode} ${head.reason}`;
  const fields = SHOWN_FIELDS.flatMap((name) => {
    const value = head.headers.get(name);
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  const rest = fields.length === 0 ? '' : `  ${paint(clip(printable(fields.join('; ')), 300), 'dim')}`;
  return `${paint(clip(printable(line).trimEnd(), 300), 'heading')}${rest}`;
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

function headFaultLine({ message, section }: HeadFault, paint: LineOptions['paint']): string {
  return paint(`    ! ${sectionLabel(section)}: ${printable(message)}`, 'fault');
}

/** What is wrong, where the rule stands, and how a receiver answers. */
function faultLine({ id, detail }: ReferenceFault, paint: LineOptions['paint']): string {
  const { section, closeCode } = VIOLATIONS[id];
  const answer = `a receiver fails the connection with ${closeCode} ${closeCodeName(closeCode)}`;
  return paint(`    ! ${sectionLabel(section)}: ${violationMessage(id, detail)}; ${answer}`, 'fault');
}
