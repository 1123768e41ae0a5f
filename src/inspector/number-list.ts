/**
 * Reads arrays of bytes as source code and consoles have them: `{ 0x81, 0x05 }`, `[]byte{129, 5}`, `[129, 5, ... 7 more
 * items]`, `(byte) 0x81`, `<<129, 5>>`. It knows numbers in brackets; in which language they stand is a name for people.
 */

import { HexSyntaxError, placeOf } from './hex.ts';
import type { Direction } from './wire-event.ts';

export interface LiteralBytes {
  readonly form: string;
  readonly parts: readonly { readonly direction?: Direction; readonly bytes: Uint8Array<ArrayBuffer> }[];
}

/** What an array is called, by what stands in front of its numbers. */
const NAMES: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/Uint8Array|Int8Array|ArrayBuffer/, 'a Uint8Array'],
  [/\[\d*\]byte|\[\]uint8/, 'a Go array'],
  [/\[u8\b|<u8>|vec!|\du8\b/, 'a Rust array'],
  [/byte\s*\[\s*\d*\s*\]|\(\s*s?byte\s*\)/i, 'a Java or C# array'],
  [/byteArrayOf|toByte/, 'a Kotlin array'],
  [/\bchar\b|u?int8_t|std::/, 'a C array'],
  [/bytes\(|bytearray\(/, 'Python bytes'],
  [/<</, 'an Erlang binary'],
];

const GAP = /(?:[\s,;]|\/\*[^*]{0,500}\*\/|\/\/[^\n]*|#(?!x[\da-f])[^\n]*)*/iy;
/** How Perl says what the numbers are. */
const TEMPLATE = /\s*["']C\*["']/y;
const OPENING = /[[{(<]/g;
const CAST = /\(\s*(?:unsigned\s+|signed\s+)?(?:s?byte|char|u?int8(?:_t)?|[ui]8)\s*\)\s*/iy;
const WRAPPER = /(?:std::)?(?:u?byte|u?int8(?:_t)?|chr)\s*[{(]\s*/iy;
const NUMBER =
  /(-?)(?:(?:0x|16#|#x|\$|&H)([0-9a-f]+)|([0-9][0-9a-f]{0,3})h\b|0b([01_]+)|0o([0-7]+)|(\d+)|b?'(\\x[0-9a-f]{2}|\\[0-7]{1,3}|\\.|[^'\\\n])')/iy;
const SUFFIX = /(?:'?_?[ui]8|[ul]{1,3}\b|\.toU?Byte\b(?:\(\))?|\s+as\s+[ui]8)?/iy;
/** So C and its kin write octal numbers. */
const LONG_OCTAL = /^0[0-7]{3}$/;
/** Says that more items followed; or, in consoles, that what follows are none. */
const ELLIPSIS = /(?:\.\.\.|\u2026)[^\]})>]{0,40}/y;
const PROPERTIES = /\w+:[^\]]{0,500}/y;
const CLOSING = /[\]})>]/;

interface List {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
  readonly isCut: boolean;
}

/** Where it is in a text is only looked for when it is told: brackets are everywhere. */
interface Failure {
  readonly makeError: () => HexSyntaxError;
  readonly items: number;
}

/**
 * The arrays in a text; undefined when there is none.
 * @throws {HexSyntaxError} when one holds what is no byte, or does not end
 */
export function parseNumberLists(text: string): LiteralBytes | undefined {
  const lists: List[] = [];
  let fault: Failure | undefined;
  OPENING.lastIndex = 0;
  for (let opening = OPENING.exec(text); opening !== null; opening = OPENING.exec(text)) {
    const list = readList(text, opening.index);
    if ('makeError' in list) {
      if (list.items >= 2) throw list.makeError();
      if (list.items > 0) fault ??= list;
    } else if (list.bytes.length > 0) {
      lists.push(list);
      OPENING.lastIndex = list.end;
    }
  }
  const found = arraysAmong(text, lists);
  if (found.length === 0) {
    if (fault !== undefined) throw fault.makeError();
    return undefined;
  }
  const parts = found.map((list) => partOf(text, list));
  const isCut = found.some((list) => list.isCut);
  const name =
    NAMES.find(([pattern]) => pattern.test(text.slice(0, found[0]!.start + 40)))?.[1] ?? 'an array of numbers';
  const form = found.length === 1 ? name : `${name} and ${found.length - 1} more`;
  return { form: `${form}${isCut ? ', cut off' : ''}`, parts };
}

/** A single number in brackets may be anything: the length of an array, or a place. */
function arraysAmong(text: string, lists: readonly List[]): readonly List[] {
  const longer = lists.filter(({ bytes }) => bytes.length > 1);
  const [first, last] = [lists[0], lists.at(-1)];
  if (longer.length > 0 || first === undefined || last === undefined) return longer;
  // chr(129) . chr(5)
  if (lists.every(({ start }) => /chr$/i.test(text.slice(start - 3, start))))
    return [{ ...first, bytes: Uint8Array.from(lists, ({ bytes }) => bytes[0]!) }];
  return /^[\s)\]};]*$/.test(text.slice(last.end)) ? [last] : [];
}

/** Numbers that say themselves in which base they are, without brackets: `0b10000001, 0b101`, `$81, $05`, `81h 05h`. */
export function parseMarkedNumbers(text: string): LiteralBytes | undefined {
  const numbers = text.trim().split(/[\s,;]+/);
  const areMarked = numbers.length > 1 && numbers.every((number) => MARKED.test(number));
  return areMarked ? parseNumberLists(`[${numbers.join().replace(SUFFIXED, '0x$1')}]`) : undefined;
}

const MARKED = /^(?:0b[01]{1,8}|0o[0-7]{1,3}|(?:0x|16#|#x|\$|&H)[\da-f]{1,2}|[\da-f]{1,3}h)$/i;
const SUFFIXED = /\b([\da-f]{1,3})h/gi;

/** Numbers with their indices, as consoles and PHP list them: `0: 129`, `[0] => 129`, `[0]=> int(129)`. */
export function parseIndexedNumbers(text: string): LiteralBytes | undefined {
  const bytes: number[] = [];
  for (const [, index, number] of text.matchAll(INDEXED)) {
    if (Number(index) !== bytes.length || Number(number) > 255) return undefined;
    bytes.push(Number(number));
  }
  return bytes.length < 2
    ? undefined
    : { form: 'numbers with their indices', parts: [{ bytes: Uint8Array.from(bytes) }] };
}

const INDEXED = /(?<![\w.])['"]?\[?(\d{1,9})\]?['"]?\s*(?::|=>)\s*(?:int\()?(\d{1,3})\b(?![.:])/g;

function partOf(text: string, { bytes, start, isCut }: List): LiteralBytes['parts'][number] {
  const before = text.slice(Math.max(0, start - 80), start);
  const announced = /Array\((\d+)\)\s*$/.exec(before)?.[1];
  if (announced !== undefined && Number(announced) > bytes.length && !isCut) {
    const message = `${announced} bytes are announced (${placeOf(text, start)}), and ${bytes.length} are there: the rest is cut off`;
    throw new HexSyntaxError(message, start);
  }
  // So Wireshark names both sides of a stream.
  const peer = /\bpeer([01])_\d+\s*\[\s*\]\s*=\s*$/.exec(before)?.[1];
  return peer === undefined ? { bytes } : { bytes, direction: peer === '0' ? 'clientToServer' : 'serverToClient' };
}

function readList(text: string, opening: number): List | Failure {
  const numbers: number[] = [];
  const written: string[] = [];
  const failed = (position: number, messageAt: (place: string) => string): Failure => ({
    makeError: () => new HexSyntaxError(messageAt(placeOf(text, position)), position),
    items: numbers.length,
  });
  const finished = (end: number, isCut: boolean): List => {
    const areOctal =
      written.some((one) => LONG_OCTAL.test(one)) && written.every((one) => /^(?:0[0-7]*|[1-7])$/.test(one));
    const values = areOctal ? written.map((one) => Number.parseInt(one, 8)) : numbers;
    return { bytes: Uint8Array.from(values), start: opening, end, isCut };
  };
  for (let at = after(GAP, text, after(TEMPLATE, text, opening + 1)); ; at = after(GAP, text, at)) {
    const character = text[at];
    if (character === undefined) {
      return failed(opening, (place) => `The array that begins at ${place} has no end: it is cut off`);
    }
    if (CLOSING.test(character)) return finished(at + 1, false);
    const ellipsisEnd = after(ELLIPSIS, text, at);
    const end = ellipsisEnd > at ? ellipsisEnd : numbers.length > 0 ? after(PROPERTIES, text, at) : at;
    if (end > at && CLOSING.test(text[end] ?? '')) return finished(end + 1, ellipsisEnd > at);
    const castEnd = after(CAST, text, at);
    const wrapperEnd = after(WRAPPER, text, castEnd);
    NUMBER.lastIndex = wrapperEnd;
    const number = NUMBER.exec(text);
    if (number === null) return failed(at, (place) => `${excerpt(text, at)} (${place}) is no byte`);
    const value = numberOf(number);
    numbers.push(value & 0xff);
    written.push(number[0]);
    if (!(value >= -128 && value <= 255)) {
      return failed(at, (place) => `${number[0]} (${place}) is no byte: those go from 0 to 255`);
    }
    at = after(SUFFIX, text, NUMBER.lastIndex);
    if (wrapperEnd > castEnd) at = after(/\s*[})]/y, text, at);
  }
}

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function numberOf([whole, minus, hex, suffixedHex, binary, octal, decimal, character]: RegExpExecArray): number {
  let value: number;
  if (character !== undefined) value = characterValue(character);
  else if (decimal !== undefined) value = LONG_OCTAL.test(whole) ? Number.parseInt(whole, 8) : Number(decimal);
  else if (binary !== undefined) value = Number.parseInt(binary.replaceAll('_', ''), 2);
  else if (octal !== undefined) value = Number.parseInt(octal, 8);
  else value = Number.parseInt((hex ?? suffixedHex)!, 16);
  return minus === '-' ? -value : value;
}

/** Of escapes that stand for one byte. */
export const ESCAPED: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 };

function characterValue(text: string): number {
  if (!text.startsWith('\\')) return text.charCodeAt(0);
  if (/^\\x/i.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^\\[0-7]/.test(text)) return Number.parseInt(text.slice(1), 8);
  return ESCAPED[text[1]!] ?? text.charCodeAt(1);
}

function excerpt(text: string, at: number): string {
  return JSON.stringify(/^\S{1,20}/.exec(text.slice(at, at + 20))?.[0] ?? '');
}
