/** Frames written octet by octet (§5.2), with whatever a case wants to be wrong with them. */

import { maskReference } from '../../protocol/index.ts';

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. Default none. */
  readonly rsv?: number;
  /** Undefined: not masked. */
  readonly maskingKey?: number | undefined;
  /** How many bytes say the length behind the seven bits. Default: as few as do. */
  readonly lengthBytes?: 0 | 2 | 8;
  /** The length announced. Default: that of the payload. */
  readonly announced?: bigint;
}

export function rawFrame(frame: RawFrame): Uint8Array {
  const { opcode, payload, fin = true, rsv = 0, maskingKey, announced = BigInt(payload.length) } = frame;
  const { lengthBytes = announced > 65_535n ? 8 : announced > 125n ? 2 : 0 } = frame;
  const length7 = lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : Number(announced);
  const head = Buffer.alloc(2 + lengthBytes + (maskingKey === undefined ? 0 : 4));
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (maskingKey === undefined ? 0 : 0x80) | length7;
  if (lengthBytes === 2) head.writeUInt16BE(Number(announced), 2);
  if (lengthBytes === 8) head.writeBigUInt64BE(announced, 2);
  if (maskingKey === undefined) return Buffer.concat([head, payload]);
  head.writeUInt32BE(maskingKey, 2 + lengthBytes);
  const bytes = Buffer.concat([head, payload]);
  // With a key of zeros there is nothing to do, and megabytes to do it to.
  if (maskingKey !== 0) maskReference(bytes, head.length, bytes.length, maskingKey);
  return bytes;
}
