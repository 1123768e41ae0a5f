/** The body of a Close frame (§5.5.1, §7.4), read and built. */

import { describe, expect, it } from 'vitest';
import {
  buildClosePayload,
  MAX_CLOSE_REASON_BYTES,
  parseClosePayload,
  readStatusCode,
} from '../../src/protocol/index.ts';
import { concat, hex, toBytes, toHex } from '../support/wire.ts';

/** Reads a body that lies inside a larger memory. */
function parse(body: Uint8Array, skipsUtf8Validation?: boolean) {
  const memory = concat(hex('ff ff ff'), body, hex('ff ff'));
  return parseClosePayload(memory.subarray(3, 3 + body.length), skipsUtf8Validation);
}

describe('close payload: reading', () => {
  const ROWS: [body: string, statusCode: number, reason: string][] = [
    ['', 1005, ''],
    ['03 e8', 1000, ''],
    ['03 e9 62 79 65', 1001, 'bye'],
    ['0b b8 c3 a9', 3000, 'é'],
    ['13 87', 4999, ''],
    ['03 f6', 1014, ''],
  ];
  it.each(ROWS)('§5.5.1 [%s] says %i "%s"', (body, statusCode, reason) => {
    expect(parse(hex(body))).toEqual({ statusCode, closeReason: toBytes(reason) });
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
    '§7.4 status code %i is refused',
    (code) => {
      expect(parse(Uint8Array.of(code >>> 8, code))).toBe('invalidCloseCode');
      expect(readStatusCode(Uint8Array.of(code >>> 8, code))).toBe(code);
    },
  );

  it('§5.5.1 a reason that is not UTF-8 is refused, unless nobody looks', () => {
    for (const reason of ['ff', 'c3', 'ed a0 80', '6f 6b f0 9f 98']) {
      const body = hex(`03 e8 ${reason}`);
      expect(parse(body)).toBe('invalidCloseReason');
      expect(parse(body, true)).toEqual({ statusCode: 1000, closeReason: hex(reason) });
    }
  });

  it('§7.4 a bad code comes before a bad reason', () => {
    expect(parse(hex('03 ed ff'))).toBe('invalidCloseCode');
    expect(parse(hex('03 ed ff'), true)).toBe('invalidCloseCode');
  });

  it('§5.5.1 the reason is a copy, also when the bytes are a Buffer', () => {
    for (const bytes of [hex('03 e8 6f 6b'), Buffer.from('03e86f6b', 'hex')]) {
      const close = parseClosePayload(bytes);
      bytes.fill(0);
      expect(close).toMatchObject({ statusCode: 1000, closeReason: toBytes('ok') });
    }
  });
});

describe('close payload: building', () => {
  const ROWS: [statusCode: number | undefined, reason: string | Uint8Array | undefined, body: string][] = [
    [undefined, undefined, ''],
    [undefined, 'lost without a code', ''],
    [1000, undefined, '03 e8'],
    [1000, '', '03 e8'],
    [1001, 'bye', '03 e9 62 79 65'],
    [4000, 'é', '0f a0 c3 a9'],
    [3000, toBytes('ok'), '0b b8 6f 6b'],
  ];
  it.each(ROWS)('§5.5.1 %s and %j: [%s]', (statusCode, reason, body) => {
    expect(toHex(buildClosePayload(statusCode, reason))).toBe(body);
  });

  it('§5.5 a reason has at most 123 bytes, of UTF-8 and not of characters', () => {
    expect(MAX_CLOSE_REASON_BYTES).toBe(123);
    expect(buildClosePayload(1000, 'x'.repeat(123)).length).toBe(125);
    expect(buildClosePayload(1000, `${'é'.repeat(61)}x`).length).toBe(125);
    for (const reason of ['x'.repeat(124), 'é'.repeat(62), new Uint8Array(124)]) {
      expect(() => buildClosePayload(1000, reason)).toThrow(RangeError);
      expect(() => buildClosePayload(1000, reason)).toThrow('must not be greater than 123 bytes');
    }
  });

  it.each([0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 1000.5, Number.NaN, '1000', null, 1000n])(
    '§7.4 the code %s is refused',
    (code) => {
      expect(() => buildClosePayload(code as number)).toThrow(TypeError);
      expect(() => buildClosePayload(code as number)).toThrow('First argument must be a valid error code number');
    },
  );

  it.each([1, null, {}, [1, 2], new Float32Array(1), new ArrayBuffer(4)])(
    '§5.5.1 the reason %s is refused',
    (reason) => {
      expect(() => buildClosePayload(1000, reason as unknown as string)).toThrow(TypeError);
      expect(() => buildClosePayload(1000, reason as unknown as string)).toThrow('must be a string or a Uint8Array');
    },
  );
});
