/**
 * Bytes as hexadecimal text, both ways. Reading takes the many ways in which people write bytes down, and says exactly
 * what it cannot read. What the bytes mean is not known here.
 */

/**
 * What stands between bytes: white space, `:`, `,`, `-` and `_`, and what word processors and chats make of them: other
 * dashes, spaces without width, the byte order mark (white space in JavaScript).
 */
const SEPARATOR = /[\s:,\-_\u2010-\u2015\u2212\u200b-\u200d\u2060]/;
/** What may stand right before a byte, as in `0x81` and `\x81`. */
const PREFIXES = ['0x', '0X', '\\x'];
/** Says that more bytes followed, which nobody wrote down; nothing may stand behind it. */
const ELLIPSIS = /^(\u2026|\.\.\.)\s*$/;

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
/** By character code; −1 for what is no digit. */
const DIGIT_VALUES = Int8Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  return /[0-9a-fA-F]/.test(character) ? Number.parseInt(character, 16) : -1;
});

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
 * Reads bytes written as `HEX_SYNTAX` says. Offsets and character columns of a hex dump are `parseHexText`'s.
 * @throws {HexSyntaxError} naming the first character that is none of this, and where it stands
 */
export function parseHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length >>> 1);
  let length = 0;
  let i = 0;
  while (i < text.length) {
    const high = digitAt(text, i);
    const low = digitAt(text, i + 1);
    if (high !== -1 && low !== -1) {
      bytes[length++] = 16 * high + low;
      i += 2;
    } else if (SEPARATOR.test(text[i]!)) {
      i++;
    } else if (PREFIXES.includes(text.slice(i, i + 2)) && !isPrefixOnly(text, i)) {
      i += 2;
    } else if (ELLIPSIS.test(text.slice(i))) {
      break;
    } else {
      throw unexpected(text, i);
    }
  }
  return bytes.slice(0, length);
}

/** The digit's value; −1 when there is no digit, or no character. */
export function digitAt(text: string, index: number): number {
  return DIGIT_VALUES[text.charCodeAt(index)] ?? -1;
}

/** Whether no byte follows a prefix. */
function isPrefixOnly(text: string, at: number): boolean {
  return digitAt(text, at + 2) === -1 || digitAt(text, at + 3) === -1;
}

/** `81 05 48`: lower case, with `separator` between bytes. */
export function formatHex(bytes: Uint8Array, separator = ' '): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += (i === 0 ? '' : separator) + DIGITS[bytes[i]!]!;
  return text;
}

function unexpected(text: string, start: number): HexSyntaxError {
  const at = PREFIXES.includes(text.slice(start, start + 2)) ? start + 2 : start;
  const isSecondDigit = digitAt(text, at) !== -1;
  const position = isSecondDigit ? at + 1 : at;
  const where = placeOf(text, Math.min(position, text.length));
  if (position >= text.length) {
    return new HexSyntaxError(`The text ends in the middle of a byte (${where}): a byte has two hex digits`, position);
  }
  const character = JSON.stringify(String.fromCodePoint(text.codePointAt(position)!));
  if (character === '"\u2026"') {
    return new HexSyntaxError(`${character} (${where}) stands for bytes that were left out: they are needed`, position);
  }
  const message = isSecondDigit
    ? `${character} (${where}) stands where the second hex digit of a byte belongs`
    : `${character} (${where}) is not a hex digit`;
  return new HexSyntaxError(message, position);
}

/** `character 7`, or `line 2, character 7` when the text has several lines. Both count from 1. */
export function placeOf(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n');
  const character = `character ${lines.at(-1)!.length + 1}`;
  return lines.length > 1 || text.trim().includes('\n') ? `line ${lines.length}, ${character}` : character;
}
