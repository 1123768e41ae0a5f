/**
 * Where each field of a frame header lies and what it says (§5.2), for a header that may be cut or illegal. It tells and
 * does not judge: that is the reference reader's part.
 */

import {
  closeCodeName,
  isControlOpcode,
  isReservedOpcode,
  LENGTH_16,
  LENGTH_64,
  MASK,
  MAX_CONTROL_PAYLOAD_BYTES,
  Opcode,
  opcodeName,
  type Role,
  readCloseCode,
  readHeader,
  type ViolationId,
} from '../protocol/index.ts';
import { quote } from '../protocol/quote.ts';
import { formatHex } from './hex.ts';
import type { FieldId, FieldView } from './view.ts';

/** What the meaning of a header depends on beside its own bytes. */
export interface LayoutContext {
  readonly role: Role;
  readonly allowsRsv1: boolean;
  readonly isMessageOpen: boolean;
  readonly fault: ViolationId | undefined;
}

/** The fields in which a violation lies. RSV2 and RSV3 share one; only the one that is set is at fault. */
const FAULTY_FIELDS: Readonly<Record<ViolationId, readonly FieldId[]>> = {
  unexpectedRsv23: ['rsv2', 'rsv3'],
  unexpectedRsv1: ['rsv1'],
  reservedOpcode: ['opcode'],
  unexpectedContinuation: ['opcode'],
  expectedContinuation: ['opcode'],
  expectedFin: ['fin'],
  controlPayloadTooLong: ['payloadLength'],
  closePayloadOneByte: ['payloadLength'],
  expectedMask: ['mask'],
  unexpectedMask: ['mask'],
  lengthNotMinimal: ['extendedPayloadLength'],
  lengthUnsupported: ['extendedPayloadLength'],
  frameTooLong: ['payloadLength', 'extendedPayloadLength'],
  messageTooLong: ['payloadLength', 'extendedPayloadLength'],
  tooManyFragments: ['payloadLength'],
  tooManyControlFrames: [],
  rateExceeded: [],
  invalidCloseCode: ['statusCode'],
  invalidText: ['payload'],
  invalidCloseReason: ['closeReason'],
  invalidCompression: ['payload'],
  handlerFailed: [],
  backlogTooLong: [],
};

interface FlagLayout {
  readonly id: FieldId;
  readonly name: string;
  readonly firstBit: number;
  readonly bitLength: number;
  readonly section: string;
  readonly explain: (value: number, byte0: number, context: LayoutContext) => string;
}

/** The two bytes that every header has. */
const FIRST_TWO_BYTES: readonly FlagLayout[] = [
  { id: 'fin', name: 'FIN', firstBit: 0, bitLength: 1, section: '§5.2', explain: explainFin },
  { id: 'rsv1', name: 'RSV1', firstBit: 1, bitLength: 1, section: '§5.2', explain: explainRsv1 },
  { id: 'rsv2', name: 'RSV2', firstBit: 2, bitLength: 1, section: '§5.2', explain: explainReserved },
  { id: 'rsv3', name: 'RSV3', firstBit: 3, bitLength: 1, section: '§5.2', explain: explainReserved },
  { id: 'opcode', name: 'opcode', firstBit: 4, bitLength: 4, section: '§5.2', explain: explainOpcode },
  { id: 'mask', name: 'MASK', firstBit: 8, bitLength: 1, section: '§5.1', explain: explainMask },
  { id: 'payloadLength', name: 'payload length', firstBit: 9, bitLength: 7, section: '§5.2', explain: explainLength7 },
];

const LENGTH_FORMS: Readonly<Record<number, string>> = { 2: '16 bits', 8: '64 bits' };

/** How many bytes a header has that begins with these; 2 while there are fewer. */
export function declaredHeaderLength(header: Uint8Array): number {
  const read = readHeader(header);
  return read === 'more' ? 2 : read.headerLength;
}

/** The payload length that the header declares; undefined while the header is too short to tell. Exact at any size. */
export function declaredPayloadLength(header: Uint8Array): bigint | undefined {
  if (header.length < 2) return undefined;
  const lengthBytes = extendedLengthBytes(header[1]!);
  if (lengthBytes === 0) return BigInt(header[1]! & 0x7f);
  if (header.length < 2 + lengthBytes) return undefined;
  return BigInt(`0x${formatHex(header.subarray(2, 2 + lengthBytes), '')}`);
}

/** The fields of a header, as far as its bytes go: one that is cut has its whole fields only. */
export function layOutHeader(header: Uint8Array, context: LayoutContext): FieldView[] {
  const fields: FieldView[] = [];
  for (const layout of FIRST_TWO_BYTES) {
    const byte = header[layout.firstBit >>> 3];
    if (byte !== undefined) fields.push(flagField(layout, byte, header[0]!, context));
  }
  if (header.length < 2) return fields;
  const maskAt = 2 + extendedLengthBytes(header[1]!);
  const length = declaredPayloadLength(header);
  if (maskAt > 2 && length !== undefined) fields.push(extendedLengthField(header, length, context));
  if ((header[1]! & MASK) !== 0 && header.length >= maskAt + 4) {
    const wire = formatHex(header.subarray(maskAt, maskAt + 4));
    const meaning = 'payload byte i is XORed with key byte i mod 4';
    fields.push(field('maskingKey', 'masking key', 8 * maskAt, 32, wire, wire, meaning, '§5.3', context));
  }
  return fields;
}

/**
 * The fields behind the header: a Close frame's status code and reason (§5.5.1), or else the payload as one field.
 * @param wire the payload as it was sent, as far as it is kept
 * @param payload the same, unmasked
 * @param presentLength payload bytes that are there, kept or not
 */
export function layOutPayload(
  opcode: number,
  headerLength: number,
  wire: Uint8Array,
  payload: Uint8Array,
  presentLength: number,
  text: string | undefined,
  context: LayoutContext,
): FieldView[] {
  if (presentLength === 0) return [];
  const bit = 8 * headerLength;
  const wireHex = formatHex(wire);
  if (opcode !== Opcode.Close || payload.length < 2) {
    const value = text === undefined ? formatHex(payload) : quote(text);
    return [
      field('payload', 'payload', bit, 8 * presentLength, wireHex, value, payloadMeaning(opcode), '§5.2', context),
    ];
  }
  const code = readCloseCode(payload);
  const codeWire = formatHex(wire.subarray(0, 2));
  const codeField = field(
    'statusCode',
    'status code',
    bit,
    16,
    codeWire,
    `${code}`,
    closeCodeName(code),
    '§7.4',
    context,
  );
  if (payload.length === 2) return [codeField];
  const value = text === undefined ? formatHex(payload.subarray(2)) : quote(text);
  const reasonWire = formatHex(wire.subarray(2));
  const bits = 8 * (wire.length - 2);
  const meaning = 'why, in UTF-8, for people and logs';
  return [codeField, field('closeReason', 'reason', bit + 16, bits, reasonWire, value, meaning, '§5.5.1', context)];
}

/** One line on the frame as a whole. */
export function summarize(byte0: number, payloadLength: bigint | undefined, masked: boolean): string {
  const opcode = byte0 & 0xf;
  const fragment = (byte0 & 0x80) === 0 ? ', more to follow' : '';
  const length = payloadLength === undefined ? '' : `, ${plural(payloadLength, 'byte')}`;
  return `${opcodeName(opcode)}${fragment}${length}${masked ? ', masked' : ''}`;
}

/** `1 byte`, `2 bytes`. */
export function plural(count: number | bigint, noun: string): string {
  return `${count} ${noun}${count === 1 || count === 1n ? '' : 's'}`;
}

function extendedLengthBytes(byte1: number): number {
  const length = byte1 & 0x7f;
  if (length === LENGTH_16) return 2;
  return length === LENGTH_64 ? 8 : 0;
}

function flagField(layout: FlagLayout, byte: number, byte0: number, context: LayoutContext): FieldView {
  const { id, name, firstBit, bitLength, section, explain } = layout;
  const value = (byte >>> (8 - (firstBit & 7) - bitLength)) & ((1 << bitLength) - 1);
  const wire = value.toString(2).padStart(bitLength, '0');
  const text = id === 'opcode' ? `0x${value.toString(16)}` : `${value}`;
  const meaning = explain(value, byte0, context);
  const made = field(id, name, firstBit, bitLength, wire, text, meaning, sectionOf(section, id, byte0), context);
  return id === 'rsv2' || id === 'rsv3' ? { ...made, isFault: made.isFault && value === 1 } : made;
}

/** Opcodes have sections of their own. */
function sectionOf(section: string, id: FieldId, byte0: number): string {
  if (id !== 'opcode') return section;
  return OPCODE_SECTIONS[byte0 & 0xf] ?? section;
}

const OPCODE_SECTIONS: Readonly<Record<number, string>> = {
  [Opcode.Continuation]: '§5.4',
  [Opcode.Text]: '§5.6',
  [Opcode.Binary]: '§5.6',
  [Opcode.Close]: '§5.5.1',
  [Opcode.Ping]: '§5.5.2',
  [Opcode.Pong]: '§5.5.3',
};

function field(
  id: FieldId,
  name: string,
  firstBit: number,
  bitLength: number,
  wire: string,
  value: string,
  meaning: string,
  section: string,
  { fault }: LayoutContext,
): FieldView {
  const isFault = fault !== undefined && FAULTY_FIELDS[fault].includes(id);
  return { id, name, firstBit, bitLength, wire, value, meaning, section, isFault };
}

function extendedLengthField(header: Uint8Array, length: bigint, context: LayoutContext): FieldView {
  const lengthBytes = extendedLengthBytes(header[1]!);
  const wire = formatHex(header.subarray(2, 2 + lengthBytes));
  let meaning = `in ${LENGTH_FORMS[lengthBytes]}, the shortest form for it`;
  if (length >= 2n ** 63n) meaning = 'in 64 bits, of which the first must be 0';
  else if (length < LENGTH_16) meaning = `in ${LENGTH_FORMS[lengthBytes]}: not the shortest form, 7 bits would do`;
  else if (lengthBytes === 8 && length <= 0xffff) meaning = 'in 64 bits: not the shortest form, 16 bits would do';
  const name = 'extended length';
  return field('extendedPayloadLength', name, 16, 8 * lengthBytes, wire, `${length}`, meaning, '§5.2', context);
}

function explainFin(fin: number, byte0: number): string {
  if (fin === 0)
    return isControlOpcode(byte0 & 0xf) ? 'a fragment, which control frames cannot be' : 'more fragments follow';
  return isControlOpcode(byte0 & 0xf) ? 'in one piece, as every control frame' : 'the last frame of its message';
}

function explainRsv1(rsv1: number, byte0: number, { allowsRsv1 }: LayoutContext): string {
  if (rsv1 === 0) return allowsRsv1 && isMessageStart(byte0) ? 'not compressed (RFC 7692 §6.1)' : 'clear';
  if (!allowsRsv1) return 'set, though no extension gives it a meaning';
  return isMessageStart(byte0) ? 'compressed (RFC 7692 §6.1)' : 'set where it has no meaning';
}

function isMessageStart(byte0: number): boolean {
  const opcode = byte0 & 0xf;
  return opcode === Opcode.Text || opcode === Opcode.Binary;
}

function explainReserved(bit: number): string {
  return bit === 0 ? 'clear' : 'set, though no extension gives it a meaning';
}

function explainOpcode(opcode: number, _byte0: number, { isMessageOpen }: LayoutContext): string {
  const name = opcodeName(opcode);
  if (isReservedOpcode(opcode)) return `${name} opcode, without a meaning yet`;
  if (opcode === Opcode.Continuation) {
    return isMessageOpen ? 'continuation of the open message' : 'continuation, though no message is open';
  }
  if (isControlOpcode(opcode)) return `${name}, a control frame`;
  return isMessageOpen ? `${name}, though a message is still open` : `${name}, the start of a message`;
}

function explainMask(mask: number, _byte0: number, { role }: LayoutContext): string {
  const expected = role === 'server' ? 1 : 0;
  const sender = role === 'server' ? 'client' : 'server';
  const rule = role === 'server' ? 'always masks' : 'never masks';
  return `${mask === 1 ? 'masked' : 'not masked'}${mask === expected ? '' : `, but a ${sender} ${rule}`}`;
}

function explainLength7(length: number, byte0: number): string {
  if (isControlOpcode(byte0 & 0xf) && length > MAX_CONTROL_PAYLOAD_BYTES) {
    return `too long: control frames carry at most ${MAX_CONTROL_PAYLOAD_BYTES} bytes`;
  }
  if (length === LENGTH_16) return 'the length follows in 16 bits';
  if (length === LENGTH_64) return 'the length follows in 64 bits';
  if ((byte0 & 0xf) === Opcode.Close && length === 1) return '1 byte, half of a status code';
  return `${plural(length, 'byte')}, said in 7 bits`;
}

function payloadMeaning(opcode: number): string {
  if (opcode === Opcode.Ping) return 'application data, for the pong to bring back';
  if (opcode === Opcode.Pong) return 'application data of the ping that it answers';
  return 'application data';
}
