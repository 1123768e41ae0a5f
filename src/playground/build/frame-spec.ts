/**
 * A frame as somebody sets it, bit by bit (§5.2): legal or not, and its bytes. Nothing is judged here, and nothing is put
 * right: what cannot be sent by any library can be sent from here.
 */

import { concat } from '../../inspector/bytes.ts';
import { formatHex, parseHex } from '../../inspector/index.ts';
import { maskReference, Opcode } from '../../protocol/index.ts';

/** In how many bits the length is said. */
export type LengthForm = 7 | 16 | 64;

export interface FrameSpec {
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly rsv2: boolean;
  readonly rsv3: boolean;
  /** 0 to 15. */
  readonly opcode: number;
  /** Four bytes; undefined leaves MASK clear and the payload as it is. */
  readonly maskingKey: Uint8Array | undefined;
  /** Undefined: the shortest that does. */
  readonly lengthForm: LengthForm | undefined;
  /** What the length says; undefined: how long the payload is. */
  readonly declaredLength: bigint | undefined;
  /** Not masked. */
  readonly payload: Uint8Array;
}

const NONE = new Uint8Array(0);

export const TEXT_FRAME: FrameSpec = {
  fin: true,
  rsv1: false,
  rsv2: false,
  rsv3: false,
  opcode: Opcode.Text,
  maskingKey: undefined,
  lengthForm: undefined,
  declaredLength: undefined,
  payload: NONE,
};

/** The most that each form can say. */
const MOST: Readonly<Record<LengthForm, bigint>> = { 7: 125n, 16: 0xffffn, 64: 2n ** 64n - 1n };

export function lengthOf({ declaredLength, payload }: FrameSpec): bigint {
  return declaredLength ?? BigInt(payload.length);
}

export function shortestForm(length: bigint): LengthForm {
  return length <= MOST[7] ? 7 : length <= MOST[16] ? 16 : 64;
}

/** Whether the length can be said in the form that was chosen; if not, its lowest bits are written. */
export function fitsForm(spec: FrameSpec): boolean {
  return spec.lengthForm === undefined || lengthOf(spec) <= MOST[spec.lengthForm];
}

/** The frame as it goes over the wire. */
export function encodeSpec(spec: FrameSpec): Uint8Array {
  const { fin, rsv1, rsv2, rsv3, opcode, maskingKey, payload } = spec;
  const length = lengthOf(spec);
  const form = spec.lengthForm ?? shortestForm(length);
  const byte0 = bit(fin, 0x80) | bit(rsv1, 0x40) | bit(rsv2, 0x20) | bit(rsv3, 0x10) | (opcode & 0xf);
  const length7 = form === 7 ? Number(length & 0x7fn) : form === 16 ? 126 : 127;
  const byte1 = bit(maskingKey !== undefined, 0x80) | length7;
  const wirePayload = payload.slice();
  if (maskingKey !== undefined) maskReference(wirePayload, 0, wirePayload.length, numberOf(maskingKey));
  return concat([Uint8Array.of(byte0, byte1), bigEndian(length, form), maskingKey ?? NONE, wirePayload]);
}

export function encodeSpecs(specs: readonly FrameSpec[]): Uint8Array {
  return concat(specs.map(encodeSpec));
}

function bit(isSet: boolean, value: number): number {
  return isSet ? value : 0;
}

function numberOf(key: Uint8Array): number {
  return ((key[0]! << 24) | (key[1]! << 16) | (key[2]! << 8) | key[3]!) >>> 0;
}

/** What stands behind the second byte: nothing, two bytes or eight. */
function bigEndian(length: bigint, form: LengthForm): Uint8Array {
  const bytes = new Uint8Array(form === 7 ? 0 : form / 8);
  let rest = length;
  for (let i = bytes.length - 1; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

/** The same message in so many frames (§5.4): the first has the opcode, the last has FIN. */
export function split(spec: FrameSpec, count: number): FrameSpec[] {
  const size = Math.ceil(spec.payload.length / count);
  return Array.from({ length: count }, (_, i) => ({
    ...spec,
    fin: i === count - 1 && spec.fin,
    rsv1: i === 0 && spec.rsv1,
    opcode: i === 0 ? spec.opcode : Opcode.Continuation,
    declaredLength: undefined,
    payload: spec.payload.slice(i * size, (i + 1) * size),
  }));
}

/** A frame as it stands in an address: first byte, key, bits of the length, length said, payload; `-` for what is left open. */
function formatSpec(spec: FrameSpec): string {
  const { maskingKey, lengthForm = '-', declaredLength = '-', payload } = spec;
  const firstByte = formatHex(encodeSpec({ ...spec, payload: NONE }).subarray(0, 1));
  const key = maskingKey === undefined ? '-' : formatHex(maskingKey, '');
  return [firstByte, key, lengthForm, declaredLength, formatHex(payload, '')].join('.');
}

const SPEC_SYNTAX = /^([0-9a-f]{2})\.(-|[0-9a-f]{8})\.(-|7|16|64)\.(-|\d{1,20})\.((?:[0-9a-f]{2})*)$/;

/** Reads what `formatSpec` writes, with commas between frames; whatever else stands there is passed over. */
export function parseSpecs(text: string): FrameSpec[] {
  return text.split(',').flatMap((word) => {
    const [, first, key, form, declared, payload] = SPEC_SYNTAX.exec(word) ?? [];
    if (first === undefined) return [];
    const firstByte = Number.parseInt(first, 16);
    return [
      {
        fin: (firstByte & 0x80) !== 0,
        rsv1: (firstByte & 0x40) !== 0,
        rsv2: (firstByte & 0x20) !== 0,
        rsv3: (firstByte & 0x10) !== 0,
        opcode: firstByte & 0xf,
        maskingKey: key === '-' ? undefined : parseHex(key!),
        lengthForm: form === '-' ? undefined : (Number(form) as LengthForm),
        declaredLength: declared === '-' ? undefined : BigInt.asUintN(64, BigInt(declared!)),
        payload: parseHex(payload!),
      },
    ];
  });
}

export function formatSpecs(specs: readonly FrameSpec[]): string {
  return specs.map(formatSpec).join(',');
}
