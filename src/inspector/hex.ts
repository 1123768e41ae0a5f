/**
 * Bytes as hexadecimal text, both ways. Reading is tolerant of the ways in which people write bytes down and exact about
 * what it cannot read. It refuses to know what the bytes mean.
 */

/** What stands between bytes: white space, `:`, `,`, `-` and `_`. */
const SEPARATOR = /[\s:,\-_]/;
const HEX_DIGIT = /[0-9a-fA-F]/;
/** What may stand right before a byte, as in `0x81` and `\x81`. */
const PREFIXES = ['0x', '0X', '\\x'];

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** For people: what `parseHex` takes. */
export const HEX_SYNTAX =
  'two hex digits per byte, with nothing, white space, ":", ",", "-" or "_" between bytes, and "0x" or "\\x" before them';

export class HexSyntaxError extends Error {
  override readonly name = 'HexSyntaxError';
  /** Index of the offending character in the text. */
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

/**
 * Reads bytes written as `HEX_SYNTAX` says. Offsets and character columns of a hex dump are not recognised.
 * @throws {HexSyntaxError} naming the first character that is none of this, and where it stands
 */
export function parseHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >>> 1);
  let length = 0;
  let i = 0;
  while (i < text.length) {
    if (SEPARATOR.test(text[i]!)) {
      i++;
      continue;
    }
    if (PREFIXES.includes(text.slice(i, i + 2))) i += 2;
    for (const at of [i, i + 1]) if (!HEX_DIGIT.test(text[at] ?? '')) throw unexpected(text, at, at > i);
    bytes[length++] = Number.parseInt(text.slice(i, i + 2), 16);
    i += 2;
  }
  return bytes.slice(0, length);
}

/** `81 05 48`: lower case, with `separator` between bytes. */
export function formatHex(bytes: Uint8Array, separator = ' '): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += (i === 0 ? '' : separator) + DIGITS[bytes[i]!]!;
  return text;
}

function unexpected(text: string, position: number, isSecondDigit: boolean): HexSyntaxError {
  const where = placeOf(text, Math.min(position, text.length));
  if (position >= text.length) {
    return new HexSyntaxError(`The text ends in the middle of a byte (${where}): a byte has two hex digits`, position);
  }
  const character = JSON.stringify(String.fromCodePoint(text.codePointAt(position)!));
  const message = isSecondDigit
    ? `${character} (${where}) stands where the second hex digit of a byte belongs`
    : `${character} (${where}) is not a hex digit`;
  return new HexSyntaxError(message, position);
}

/** `character 7`, or `line 2, character 7` when the text has several lines. Both count from 1. */
function placeOf(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  const character = `character ${before.at(-1)!.length + 1}`;
  return text.trim().includes('\n') ? `line ${before.length}, ${character}` : character;
}
