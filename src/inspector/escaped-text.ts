/**
 * Reads bytes out of strings as source code has them: `b'\x81\x05Hello'`, `"\201\005Hello"`, several behind each other, and
 * the same without quotes. Characters that are not escaped stand for themselves.
 */

import { encodeUtf8 } from '../protocol/index.ts';
import { concat } from './bytes.ts';
import { digitAt, HexSyntaxError, placeOf } from './hex.ts';
import { ESCAPED, type LiteralBytes } from './number-list.ts';

/** A string in quotes; what is in it goes from `start` to `end`. */
export interface StringLiteral {
  readonly start: number;
  readonly end: number;
}

const QUOTES = ['"', "'", '`'];
const SINGLE_BYTE_ESCAPE = /\\(?:x[0-9a-f{]|\d{3}|u[0{]|0)/i;

/** What programs call the way in which a string is bytes. */
const ENCODING = /^(?:ascii-8bit|binary|latin-?1|iso-?8859-1|utf-?8|us-ascii)$/i;

/** Whether there are escapes of the kind that bytes are written with. */
export function hasEscapes(text: string): boolean {
  return SINGLE_BYTE_ESCAPE.test(text);
}

/** @throws {HexSyntaxError} when a string does not end */
export function findStrings(text: string): StringLiteral[] {
  const strings: StringLiteral[] = [];
  for (let i = 0; i < text.length; i++) {
    const quote = text[i]!;
    if (!QUOTES.includes(quote)) continue;
    const start = i + 1;
    for (i = start; i < text.length && text[i] !== quote; i++) if (text[i] === '\\') i++;
    if (i >= text.length) {
      const message = `The string that begins at ${placeOf(text, start - 1)} has no end: it is cut off`;
      throw new HexSyntaxError(message, start - 1);
    }
    strings.push({ start, end: i });
  }
  return strings;
}

/** @throws {HexSyntaxError} when an escape or a string is cut off */
export function parseEscapedText(text: string): LiteralBytes {
  const quoteAt = text.search(/["'`]/);
  if (quoteAt === -1 || quoteAt > text.search(SINGLE_BYTE_ESCAPE)) {
    const start = text.length - text.trimStart().length;
    return { form: 'an escaped string', parts: [{ bytes: bytesOf(text, start, text.trimEnd().length, 'none') }] };
  }
  const all = findStrings(text);
  // "…".force_encoding("BINARY")
  const others = all.filter(({ start, end }) => !ENCODING.test(text.slice(start, end)));
  const strings = others.length > 0 ? others : all;
  const isBytes = /(?:^|[\s(=])[rR]?[bB]['"]/.test(text.slice(0, strings[0]!.start));
  const pieces: Uint8Array<ArrayBuffer>[][] = [];
  for (const [i, { start, end }] of strings.entries()) {
    const bytes = bytesOf(text, start, end, isBytes ? 'bytes' : 'text');
    const before = i === 0 ? undefined : text.slice(strings[i - 1]!.end + 1, start - 1);
    // Strings with nothing but white space between them are one.
    const isContinued = before !== undefined && /^[\s\\bBuUrRLf+]*$/.test(before);
    if (isContinued) pieces.at(-1)!.push(bytes);
    else pieces.push([bytes]);
  }
  const parts = pieces.map((own) => ({ bytes: concat(own) as Uint8Array<ArrayBuffer> }));
  const name = isBytes ? 'a byte string' : 'a string with escapes';
  return {
    form: parts.length === 1 ? name : `${parts.length} strings with escapes`,
    parts: parts.filter(({ bytes }) => bytes.length > 0),
  };
}

/** The bytes of text[start … end), which stand in such quotes. */
function bytesOf(text: string, start: number, end: number, quotes: 'text' | 'bytes' | 'none'): Uint8Array<ArrayBuffer> {
  const skipsLineBreaks = quotes === 'none';
  const bytes = new Uint8Array(3 * (end - start));
  let length = 0;
  // Lua counts in decimal; everybody else in octal.
  const base = (text.slice(start, end).match(/\\\d{1,3}/g) ?? []).some((digits) => /[89]/.test(digits)) ? 10 : 8;
  const areUnitsBytes = !/\\x/i.test(text.slice(start, Math.min(end, start + 4096)));
  const addCode = (code: number, isByte: boolean): void => {
    if (isByte || code < 0x80) bytes[length++] = code;
    else for (const byte of encodeUtf8(String.fromCodePoint(Math.min(code, 0x10_ffff)))) bytes[length++] = byte;
  };
  for (let i = start; i < end; ) {
    const code = text.codePointAt(i)!;
    if (code !== 0x5c) {
      if (!skipsLineBreaks || (code !== 0x0a && code !== 0x0d)) addCode(code, false);
      i += code > 0xffff ? 2 : 1;
      continue;
    }
    const letter = text[i + 1] ?? '';
    const braced = /^\\[xu]\{([0-9a-f]{1,6})\}/i.exec(text.slice(i, i + 11));
    if (i + 1 >= end && !skipsLineBreaks) throw cutEscape(text, i);
    if (braced !== null) {
      const value = Number.parseInt(braced[1]!, 16);
      addCode(value, value <= 0xff && (letter === 'x' || areUnitsBytes));
      i += braced[0].length;
    } else if (letter === 'x' || letter === 'X') {
      const [first, second] = [digitAt(text, i + 2), i + 3 < end ? digitAt(text, i + 3) : -1];
      // In strings of C and PHP one digit is enough.
      if (first === -1 || i + 3 > end || (second === -1 && quotes !== 'text')) throw cutEscape(text, i);
      bytes[length++] = second === -1 ? first : 16 * first + second;
      i += second === -1 ? 3 : 4;
    } else if (letter === 'u') {
      const value = /^[0-9a-f]{4}$/i.test(text.slice(i + 2, i + 6))
        ? Number.parseInt(text.slice(i + 2, i + 6), 16)
        : -1;
      if (value === -1 || i + 6 > end) throw cutEscape(text, i);
      addCode(value, value <= 0xff && areUnitsBytes);
      i += 6;
    } else if (/[0-7]/.test(letter)) {
      const pattern = base === 10 ? /^\d{1,3}/ : /^[0-7]{1,3}/;
      const digits = pattern.exec(text.slice(i + 1, Math.min(i + 4, end)))![0];
      bytes[length++] = Number.parseInt(digits, base) & 0xff;
      i += 1 + digits.length;
    } else if (base === 10 && /[A-Z^]/.test(letter)) {
      // \DEL and the like, of Haskell.
      throw cutEscape(text, i);
    } else {
      // A line that goes on behind its end; and what stands between a number and a digit, in Haskell.
      if (letter !== '\n' && letter !== '\r' && letter !== '' && !(base === 10 && letter === '&'))
        addCode(ESCAPED[letter] ?? text.codePointAt(i + 1)!, false);
      i += 2;
    }
  }
  return bytes.slice(0, length);
}

function cutEscape(text: string, position: number): HexSyntaxError {
  const what = JSON.stringify(text.slice(position, position + 4));
  return new HexSyntaxError(
    `The escape ${what} (${placeOf(text, position)}) is cut off or not known: \\x has two hex digits, \\u four`,
    position,
  );
}
