/**
 * What the parser of production holds between two calls. TypeScript keeps others out of private fields, but for brackets:
 * so this file can look without the core having to show anything, and does not compile when a field is called otherwise.
 */

import { declaredHeaderLength } from '../../inspector/header-layout.ts';
import { type Connection, isControlOpcode, Opcode } from '../../protocol/index.ts';
import type { Receiver } from './receiver.ts';

const NONE = new Uint8Array(0);
/** A validator that has seen nothing. */
const FRESH = { pending: 0, lower: 0x80, upper: 0xbf };

export interface Held {
  /** Of the header that has begun and is not whole; empty between frames and inside a payload. */
  readonly headerBytes: Uint8Array;
  /** How long that header will be, as far as its bytes tell. */
  readonly headerLength: number;
  /** The frame whose payload is being read. */
  readonly frame: HeldFrame | undefined;
  /** The message that has begun and is not whole. */
  readonly message: HeldMessage | undefined;
  /** Of a control frame that has come in part. */
  readonly controlPayload: Uint8Array;
  /** Whether nothing is read any more. */
  readonly isStopped: boolean;
}

export interface HeldFrame {
  readonly opcode: number;
  readonly fin: boolean;
  /** Four bytes; undefined when the frame is not masked. */
  readonly maskingKey: Uint8Array | undefined;
  readonly payloadLength: number;
  /** How many bytes of the payload have come. */
  readonly position: number;
}

export interface HeldMessage {
  readonly isBinary: boolean;
  readonly isCompressed: boolean;
  readonly bytes: Uint8Array;
  /** Of text that is not compressed: how many bytes the character still needs, and the range that the next has to be in. */
  readonly utf8: { readonly pending: number; readonly lower: number; readonly upper: number } | undefined;
}

/* biome-ignore-start lint/complexity/useLiteralKeys: brackets are the way to look at private fields */
export function heldBy({ connection }: Receiver): Held {
  const parser = connection['parser'];
  const header = parser['header'];
  const { isStopped } = parser;
  const headerBytes = parser['spill'].slice(0, isStopped ? 0 : parser['spillLength']);
  const isInPayload = header.position < header.payloadLength && !isStopped;
  const isControl = isControlOpcode(header.opcode);
  const frame = isInPayload
    ? {
        opcode: header.opcode,
        fin: header.fin,
        maskingKey: header.masked ? bytesOf(header.maskingKey) : undefined,
        payloadLength: header.payloadLength,
        position: header.position,
      }
    : undefined;
  const isInMessage = !isStopped && (parser.isMessageOpen || (isInPayload && !isControl));
  return {
    headerBytes,
    headerLength: headerBytes.length === 0 ? 0 : declaredHeaderLength(headerBytes),
    frame,
    message: isInMessage ? heldMessage(connection, frame, header.rsv1) : undefined,
    controlPayload: connection['controlPayload'].slice(0, isInPayload && isControl ? header.position : 0),
    isStopped,
  };
}

function heldMessage(connection: Connection, frame: HeldFrame | undefined, rsv1: boolean): HeldMessage | undefined {
  const opcode = frame?.opcode;
  if (frame?.position === 0 && (opcode === Opcode.Text || opcode === Opcode.Binary)) {
    // Announced, and no byte of it has come: the assembler has what was before.
    const isBinary = opcode === Opcode.Binary;
    return { isBinary, isCompressed: rsv1, bytes: NONE, utf8: isBinary || rsv1 ? undefined : FRESH };
  }
  const assembler = connection['assembler'];
  if (assembler === undefined) return undefined;
  const { isBinary, isCompressed, bytes, length } = assembler;
  const validator = assembler['validator'];
  const utf8 =
    assembler['checksText'] && validator !== undefined
      ? { pending: validator['pending'], lower: validator['lower'], upper: validator['upper'] }
      : undefined;
  return { isBinary, isCompressed, bytes: bytes.slice(0, length), utf8 };
}
/* biome-ignore-end lint/complexity/useLiteralKeys: brackets are the way to look at private fields */

function bytesOf(key: number): Uint8Array {
  return Uint8Array.of(key >>> 24, key >>> 16, key >>> 8, key);
}
