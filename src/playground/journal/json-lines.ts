/**
 * A journal as a file: one wire event a line, as `framewright inspect` writes them too. Bytes are written as hex; what they
 * say stands beside it for people and scripts, and is not read back.
 */

import { DIRECTIONS } from '../../inspector/conversation.ts';
import type { Direction, WireEvent } from '../../inspector/index.ts';
import { opcodeName } from '../../protocol/index.ts';
import type { ConnectionRecord } from './connection-record.ts';
import type { Entry } from './entry.ts';
import { decodeStart } from './rows.ts';

/** Longer text stands in the bytes only. */
const MAX_TEXT_BYTES = 4096;

/** What stands in a file for people beside the bytes. */
type Said = { readonly opcode: string; readonly length: number; readonly text?: string };

/** Events that a page has, and a wire has not. */
export type PageEvent =
  /** A message of which the page has not seen the frames. */
  | {
      readonly type: 'message';
      readonly connection: number;
      readonly direction: Direction;
      readonly atMs: number;
      readonly isText: boolean;
      readonly hex: string;
    }
  | {
      readonly type: 'note';
      readonly connection: number;
      readonly atMs: number;
      readonly what: 'note' | 'fault';
      readonly text: string;
    };

/** What a file is made of. */
export type FilePart = string | Uint8Array<ArrayBuffer> | Blob;

export type FileEvent = WireEvent | PageEvent;

/** The line of an entry, in parts of which a file can be made: the bytes may be many. */
export function linesOf(entry: Entry, record: ConnectionRecord): FilePart[] {
  const { connection, atMs } = entry;
  switch (entry.type) {
    case 'note':
      return entry.what === 'opened'
        ? [line({ type: 'opened', connection, at: record.startedAt, target: record.target })]
        : entry.what === 'ended'
          ? [...unlistedLines(connection, record), line({ type: 'ended', connection, atMs, reason: entry.text })]
          : [line({ type: 'note', connection, atMs, what: entry.what, text: entry.text })];
    case 'message': {
      const { direction, isText, from, end } = entry;
      const bytes = record.read(direction, from, end);
      return withHex({ type: 'message', connection, direction, atMs, isText, ...textIn(bytes, isText) }, bytes);
    }
    case 'head': {
      const { direction, from, end } = entry;
      return withHex({ type: 'bytes', connection, direction, atMs }, record.read(direction, from, end));
    }
    case 'frame': {
      const { direction, from, end, opcode, frame } = entry;
      const { data } = record.payload(entry, 0, MAX_TEXT_BYTES + 1);
      const said: Said = { opcode: opcodeName(opcode), length: frame.presentLength, ...textIn(data, frame.isText) };
      return withHex({ type: 'bytes', connection, direction, atMs, frame: said }, record.read(direction, from, end));
    }
  }
}

/** Lines of what no entry has, such as bytes behind a Close frame. */
export function unlistedLines(connection: number, record: ConnectionRecord): FilePart[] {
  return DIRECTIONS.flatMap((direction) => {
    const bytes = record.unlisted(direction);
    if (bytes.length === 0) return [];
    return withHex({ type: 'bytes', connection, direction, atMs: record.lastMs }, bytes);
  });
}

function textIn(bytes: Uint8Array, isText: boolean): { text?: string } {
  return isText && bytes.length <= MAX_TEXT_BYTES ? { text: decodeStart(bytes) } : {};
}

function line(event: object): string {
  return `${JSON.stringify(event)}\n`;
}

function withHex(event: object, bytes: Uint8Array): FilePart[] {
  return [`${JSON.stringify(event).slice(0, -1)},"hex":"`, hexOf(bytes), '"}\n'];
}

const DIGITS = new TextEncoder().encode('0123456789abcdef');

/** Hex digits as bytes: a string of so many would cost far more. */
function hexOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const digits = new Uint8Array(2 * bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    digits[2 * i] = DIGITS[bytes[i]! >>> 4]!;
    digits[2 * i + 1] = DIGITS[bytes[i]! & 15]!;
  }
  return digits;
}

/** @throws {Error} saying what the line is not */
export function readLine(text: string): FileEvent {
  const event = JSON.parse(text) as Partial<FileEvent>;
  const isEvent = typeof event === 'object' && event !== null && KNOWN_TYPES.includes(event.type ?? '');
  if (!isEvent) throw new Error('this is no event of a connection');
  return event as FileEvent;
}

const KNOWN_TYPES: readonly string[] = ['watching', 'opened', 'bytes', 'ended', 'refused', 'message', 'note'];
