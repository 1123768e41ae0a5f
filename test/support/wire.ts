/**
 * Bytes on the wire, as tests write them down: literals in bits and hex, cuts into chunks, and copies. Builds bytes by
 * hand on purpose, so that it can contradict the frame writer.
 */

/** Bytes from text (as UTF-8), numbers or bytes; always memory of its own. */
export type Bytes = Uint8Array | string | readonly number[];

export function toBytes(bytes: Bytes): Uint8Array {
  if (typeof bytes === 'string') return new TextEncoder().encode(bytes);
  return Uint8Array.from(bytes);
}

/** `hex('81 05 48656c6c6f')` */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not whole bytes in hex: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

const HEX = Array.from({ length: 256 }, (_, byte) => ` ${byte.toString(16).padStart(2, '0')}`);

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text.slice(1);
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A copy to push: the parser unmasks in place, so bytes that a test needs again are never given away. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

/**
 * A frame, drawn as in the RFC: sixteen bits in groups of any size, then in hex an extended length and a masking key,
 * if any. The payload is given in clear; where MASK is set it is masked here, with the last four bytes of the header.
 *
 *     F rsv opcode M length
 *     bits('1 000 1001   0 0000101', 'Hello')
 *     bits('1 000 0001   1 1111110   0080 37fa213d', payload)
 */
export function bits(header: string, payload: Bytes = []): Uint8Array {
  const groups = header.trim().split(/\s+/);
  let twoBytes = '';
  while (twoBytes.length < 16 && groups.length > 0) twoBytes += groups.shift();
  if (!/^[01]{16}$/.test(twoBytes)) throw new Error(`a header starts with sixteen bits: ${header}`);
  const start = Uint8Array.of(Number.parseInt(twoBytes.slice(0, 8), 2), Number.parseInt(twoBytes.slice(8), 2));
  const rest = hex(groups.join(''));
  const body = toBytes(payload);
  if (twoBytes[8] === '1' && body.length > 0) {
    const key = rest.subarray(-4);
    if (key.length < 4) throw new Error(`a masked frame with a payload needs a masking key: ${header}`);
    for (let i = 0; i < body.length; i++) body[i]! ^= key[i % 4]!;
  }
  return concat(start, rest, body);
}

/** Which of the three forms of §5.2 a frame writes its payload length in. */
export type LengthForm = '7' | '16' | '64';

export interface FrameFields {
  readonly fin?: boolean;
  /** RSV1–3 as a number from 0 to 7, RSV1 the highest bit. */
  readonly rsv?: number;
  readonly opcode: number;
  /** Masks with these four bytes. */
  readonly key?: readonly number[] | undefined;
  readonly payload?: Bytes;
  readonly lengthForm?: LengthForm | undefined;
}

/** Any frame at all, legal or not, by field. */
export function frame(fields: FrameFields): Uint8Array {
  const { fin = true, rsv = 0, opcode, key, payload = [] } = fields;
  const body = toBytes(payload);
  const length = body.length;
  const lengthForm = fields.lengthForm ?? (length < 126 ? '7' : length < 65_536 ? '16' : '64');
  const header = [(fin ? 128 : 0) + rsv * 16 + opcode];
  const maskBit = key === undefined ? 0 : 128;
  if (lengthForm === '7') header.push(maskBit + (length % 126));
  else if (lengthForm === '16') header.push(maskBit + 126, Math.floor(length / 256), length % 256);
  else header.push(maskBit + 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >>> shift) & 255));
  if (key === undefined) return concat(Uint8Array.from(header), body);
  return concat(
    Uint8Array.from([...header, ...key]),
    body.map((byte, i) => byte ^ key[i % 4]!),
  );
}

/** Cuts bytes at the given places; each chunk is memory of its own. */
export function cutAt(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [...new Set(places)].filter((place) => place > 0 && place < bytes.length).sort((a, b) => a - b);
  const chunks: Uint8Array[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    chunks.push(bytes.slice(from, to));
    from = to;
  }
  return chunks;
}

/** One chunk per byte. */
export function byteByByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte));
}
