/** The UTF-8 validator (§8.1, RFC 3629 §4) on sequences at every border of the grammar, cut in every way. */

import { isUtf8 } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { Chunk, encodeUtf8, type IsUtf8, isValidUtf8, pushPiece, Utf8Validator } from '../../src/protocol/index.ts';
import { firstOffendingByte, readUtf8 } from '../support/utf8-grammar.ts';
import { hex, toBytes, toHex } from '../support/wire.ts';

/** The place is that of the first offending byte; 'cut' means that the bytes end inside a code point. */
type Verdict = 'valid' | 'cut' | number;
const ROWS: [wire: string, verdict: Verdict, what: string][] = [
  ['', 'valid', 'nothing'],
  ['00', 'valid', 'U+0000'],
  ['7f', 'valid', 'U+007F'],
  ['c2 80', 'valid', 'U+0080, the first of two bytes'],
  ['df bf', 'valid', 'U+07FF, the last of two bytes'],
  ['e0 a0 80', 'valid', 'U+0800, the first of three bytes'],
  ['e1 80 80', 'valid', 'U+1000'],
  ['ec bf bf', 'valid', 'U+CFFF'],
  ['ed 80 80', 'valid', 'U+D000'],
  ['ed 9f bf', 'valid', 'U+D7FF, before the surrogates'],
  ['ee 80 80', 'valid', 'U+E000, behind the surrogates'],
  ['ef bb bf', 'valid', 'U+FEFF, a byte order mark'],
  ['ef bf be', 'valid', 'U+FFFE, a noncharacter'],
  ['ef bf bf', 'valid', 'U+FFFF, the last of three bytes'],
  ['f0 90 80 80', 'valid', 'U+10000, the first of four bytes'],
  ['f3 bf bf bf', 'valid', 'U+FFFFF'],
  ['f4 80 80 80', 'valid', 'U+100000'],
  ['f4 8f bf bf', 'valid', 'U+10FFFF, the last of all'],
  ['ce ba e1 bd b9 cf 83 ce bc ce b5', 'valid', 'a Greek word'],
  ['48 c3 a9 e2 82 ac f0 9f 98 80 21', 'valid', 'each length in turn'],

  ['80', 0, 'a continuation byte alone'],
  ['bf', 0, 'the last continuation byte alone'],
  ['41 80', 1, 'a continuation byte behind ASCII'],
  ['c3 a9 a9', 2, 'a continuation byte too many'],
  ['c0', 0, 'C0 leads nothing'],
  ['c0 80', 0, 'U+0000 overlong in two bytes'],
  ['c0 af', 0, 'U+002F overlong in two bytes'],
  ['c1 bf', 0, 'U+007F overlong in two bytes'],
  ['e0 80 80', 1, 'U+0000 overlong in three bytes'],
  ['e0 80 af', 1, 'U+002F overlong in three bytes'],
  ['e0 9f bf', 1, 'U+07FF overlong in three bytes'],
  ['f0 80 80 80', 1, 'U+0000 overlong in four bytes'],
  ['f0 80 80 af', 1, 'U+002F overlong in four bytes'],
  ['f0 8f bf bf', 1, 'U+FFFF overlong in four bytes'],
  ['ed a0 80', 1, 'U+D800, the first surrogate'],
  ['ed ad bf', 1, 'U+DB7F'],
  ['ed b0 80', 1, 'U+DC00'],
  ['ed bf bf', 1, 'U+DFFF, the last surrogate'],
  ['ed a0 80 ed b0 80', 1, 'a pair of surrogates'],
  ['f4 90 80 80', 1, 'U+110000, past the end'],
  ['f4 bf bf bf', 1, 'U+13FFFF'],
  ['f5 80 80 80', 0, 'F5 leads nothing'],
  ['f7 bf bf bf', 0, 'U+1FFFFF'],
  ['f8 88 80 80 80', 0, 'five bytes'],
  ['fc 84 80 80 80 80', 0, 'six bytes'],
  ['fe', 0, 'FE'],
  ['ff', 0, 'FF'],
  ['c3 28', 1, 'ASCII where the second of two belongs'],
  ['c3 c3', 1, 'a lead byte where the second of two belongs'],
  ['e2 28 a1', 1, 'ASCII where the second of three belongs'],
  ['e2 82 28', 2, 'ASCII where the third of three belongs'],
  ['f0 28 8c bc', 1, 'ASCII where the second of four belongs'],
  ['f0 90 28 bc', 2, 'ASCII where the third of four belongs'],
  ['f0 90 8c 28', 3, 'ASCII where the last of four belongs'],
  ['e0 c0 80', 1, 'above the range behind E0'],
  ['f0 c0 80 80', 1, 'above the range behind F0'],
  ['ed 7f 80', 1, 'below the range behind ED'],
  ['f4 7f 80 80', 1, 'below the range behind F4'],
  ['ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64 69 74 65 64', 12, 'a surrogate behind a Greek word'],

  ['c3', 'cut', 'one of two'],
  ['e2', 'cut', 'one of three'],
  ['e2 82', 'cut', 'two of three'],
  ['e0 a0', 'cut', 'two of three behind E0'],
  ['f0', 'cut', 'one of four'],
  ['f0 90', 'cut', 'two of four'],
  ['f0 90 8c', 'cut', 'three of four'],
  ['f4 8f bf', 'cut', 'three of four behind F4'],
  ['48 65 6c 6c 6f f4', 'cut', 'one of four behind ASCII'],
];

/** Judges bytes that arrive in these pieces, each lying somewhere in a larger memory. */
function judge(pieces: readonly Uint8Array[], validator = new Utf8Validator()): Verdict {
  let before = 0;
  for (const piece of pieces) {
    const memory = new Uint8Array(piece.length + 5).fill(0xff);
    memory.set(piece, 2);
    const offending = validator.push(memory, 2, 2 + piece.length);
    if (offending !== -1) return before + offending - 2;
    before += piece.length;
  }
  return validator.isComplete ? 'valid' : 'cut';
}

describe('UTF-8', () => {
  it.each(ROWS)('§8.1 [%s] is %s: %s', (wire, verdict) => {
    const bytes = hex(wire);
    expect(judge([bytes])).toBe(verdict);
    expect(judge(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toBe(verdict);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(judge(pieces)).toBe(verdict);
      }
    }
    expect(isValidUtf8(bytes)).toBe(verdict === 'valid');
    const embedded = Uint8Array.of(0xff, ...bytes, 0xff);
    expect(isValidUtf8(embedded, 1, 1 + bytes.length)).toBe(verdict === 'valid');
  });

  it.each(ROWS)('§8.1 [%s]: the oracles agree', (wire, verdict) => {
    const bytes = hex(wire);
    expect(firstOffendingByte(bytes)).toBe(typeof verdict === 'number' ? verdict : -1);
    expect(readUtf8(bytes).isComplete).toBe(verdict === 'valid');
    expect(decodes(bytes)).toBe(verdict === 'valid');
  });

  it('§8.1 every sequence of two bytes, alone and in front of two continuation bytes', () => {
    const wrong: string[] = [];
    for (let pair = 0; pair <= 0xffff; pair++) {
      for (const tail of [[], [0x80, 0x80]]) {
        const bytes = Uint8Array.of(pair >>> 8, pair & 0xff, ...tail);
        if (isValidUtf8(bytes) !== decodes(bytes)) wrong.push(toHex(bytes));
      }
    }
    expect(wrong).toEqual([]);
  });

  it('§8.1 every code point there is', () => {
    const wrong: number[] = [];
    for (let point = 0; point <= 0x10ffff; point += point < 0x1000 ? 1 : 61) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      if (!isValidUtf8(toBytes(String.fromCodePoint(point)))) wrong.push(point);
    }
    expect(wrong).toEqual([]);
  });
});

function decodes(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

describe.each<[string, IsUtf8]>([
  ['the portable judge', ({ bytes }, start, end) => isValidUtf8(bytes, start, end)],
  ["Node's judge", ({ bytes }, start, end) => isUtf8(bytes.subarray(start, end))],
])('pieces, with %s', (_what, judge) => {
  /** The sequence between long runs of text, as two pieces cut at a place. @returns whether all of it is valid */
  function inTwoPieces(sequence: Uint8Array, filling: Uint8Array, cut: number): boolean {
    const wire = Buffer.concat([filling, sequence, filling]);
    const chunk = new Chunk(wire);
    const validator = new Utf8Validator();
    return (
      pushPiece(validator, chunk, 0, cut, judge) &&
      pushPiece(validator, chunk, cut, wire.length, judge) &&
      validator.isComplete
    );
  }

  it.each([
    ['ASCII', 'x'.repeat(300)],
    ['characters of three bytes', '語'.repeat(100)],
  ])('§8.1 every row, cut at and around every byte of it, among %s', (_filling, text) => {
    const filling = Buffer.from(text);
    const wrong: string[] = [];
    for (const [wire, verdict] of ROWS) {
      const sequence = hex(wire);
      // What is cut is no more valid with something else behind it.
      for (let cut = filling.length - 4; cut <= filling.length + sequence.length + 4; cut++) {
        if (inTwoPieces(sequence, filling, cut) !== (verdict === 'valid')) wrong.push(`${wire} cut at ${cut}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('§8.1 short pieces, one within a character included', () => {
    const wire = Buffer.from('a😀é'.repeat(50));
    for (let step = 1; step < 9; step++) {
      const validator = new Utf8Validator();
      for (let at = 0; at < wire.length; at += step) {
        expect(pushPiece(validator, new Chunk(wire), at, Math.min(at + step, wire.length), judge)).toBe(true);
      }
      expect(validator.isComplete).toBe(true);
    }
  });
});

it('§8.1 of a long piece the judge gets all but the characters that may be cut', () => {
  const asked: string[] = [];
  const judge: IsUtf8 = ({ bytes }, start, end) => {
    asked.push(Buffer.from(bytes.subarray(start, end)).toString());
    return true;
  };
  const validator = new Utf8Validator();
  const text = 'x'.repeat(200);
  const wire = Buffer.from(`${text}語${text}é`);
  pushPiece(validator, new Chunk(wire), 0, 201, judge);
  pushPiece(validator, new Chunk(wire), 201, wire.length, judge);
  expect(asked).toEqual([text, text]);
  expect(validator.isComplete).toBe(true);
});

describe('encoding', () => {
  it.each([
    '',
    'a\x00\x7f',
    '\x80ü\u07ff',
    '\u0800€\uffff',
    '\u{10000}😀\u{10ffff}',
    '\ud800',
    'a\udfffb',
    '\udc00\ud800',
  ])('§8.1 %j as TextEncoder does it', (text) =>
    expect(toHex(encodeUtf8(text))).toBe(toHex(new TextEncoder().encode(text))),
  );
});
