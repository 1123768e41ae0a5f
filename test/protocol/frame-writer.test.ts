/** The frame writer (§5.2, §5.3) against bytes written down by hand, and against frames built field by field. */

import { describe, expect, it } from 'vitest';
import { encodeFrame, firstByteOf, Opcode, writeFrameHeader } from '../../src/protocol/index.ts';
import { frame, toBytes, toHex } from '../support/wire.ts';

describe('frame writer', () => {
  const FIRST_BYTES: [opcode: number, fin: boolean, rsv1: boolean, byte: number][] = [
    [Opcode.Continuation, false, false, 0x00],
    [Opcode.Continuation, true, false, 0x80],
    [Opcode.Text, true, false, 0x81],
    [Opcode.Text, false, true, 0x41],
    [Opcode.Binary, true, true, 0xc2],
    [Opcode.Close, true, false, 0x88],
    [Opcode.Ping, true, false, 0x89],
    [Opcode.Pong, true, false, 0x8a],
  ];
  it.each(FIRST_BYTES)('§5.2 opcode %i, FIN %s, RSV1 %s: %i', (opcode, fin, rsv1, byte) => {
    expect(firstByteOf(opcode, fin, rsv1)).toBe(byte);
    if (!rsv1) expect(firstByteOf(opcode, fin)).toBe(byte);
  });

  const HEADERS: [payloadLength: number, key: number | undefined, header: string][] = [
    [0, undefined, '82 00'],
    [0, 0x37fa213d, '82 80 37 fa 21 3d'],
    [125, undefined, '82 7d'],
    [125, -1, '82 fd ff ff ff ff'],
    [126, undefined, '82 7e 00 7e'],
    [126, 0, '82 fe 00 7e 00 00 00 00'],
    [127, undefined, '82 7e 00 7f'],
    [256, undefined, '82 7e 01 00'],
    [65_535, undefined, '82 7e ff ff'],
    [65_535, 0x01020304, '82 fe ff ff 01 02 03 04'],
    [65_536, undefined, '82 7f 00 00 00 00 00 01 00 00'],
    [65_536, 0x80000000, '82 ff 00 00 00 00 00 01 00 00 80 00 00 00'],
    [2 ** 32 - 1, undefined, '82 7f 00 00 00 00 ff ff ff ff'],
    [2 ** 32, undefined, '82 7f 00 00 00 01 00 00 00 00'],
    [Number.MAX_SAFE_INTEGER, undefined, '82 7f 00 1f ff ff ff ff ff ff'],
  ];
  it.each(HEADERS)('§5.2 header for %i bytes, masking key %s: %s', (payloadLength, key, header) => {
    const target = new Uint8Array(24).fill(0xee);
    const next = writeFrameHeader(target, 5, 0x82, payloadLength, key);
    const lengthBytes = header.split(' ').length;
    expect(next).toBe(5 + lengthBytes);
    expect(toHex(target.subarray(5, next))).toBe(header);
    expect(new Set([...target.subarray(0, 5), ...target.subarray(next)])).toEqual(new Set([0xee]));
  });

  it('§5.7 masked text "Hello"', () => {
    expect(toHex(encodeFrame(0x81, toBytes('Hello'), 0x37fa213d))).toBe('81 85 37 fa 21 3d 7f 9f 4d 51 58');
  });

  it.each([0, 1, 7, 8, 125, 126, 127, 65_535, 65_536])(
    '§5.2 a frame of %i bytes; the payload given is left alone',
    (length) => {
      const payload = Uint8Array.from({ length }, (_, i) => i);
      const key = [0x11, 0x22, 0x33, 0x44];
      expect(toHex(encodeFrame(0x82, payload))).toBe(toHex(frame({ opcode: 2, payload })));
      expect(toHex(encodeFrame(0x82, payload, 0x11223344))).toBe(toHex(frame({ opcode: 2, payload, key })));
      expect(payload.every((byte, i) => byte === i % 256)).toBe(true);
    },
  );
});
