/**
 * UTF-8 as the grammar of RFC 3629 §4 has it, in the form of a regular expression over bytes as characters: slow, but
 * easy to hold against the RFC; the oracle for the validator.
 */

const TAIL = '[\\x80-\\xbf]';
const SEQUENCES: string[][] = [
  ['[\\x00-\\x7f]'],
  ['[\\xc2-\\xdf]', TAIL],
  ['\\xe0', '[\\xa0-\\xbf]', TAIL],
  ['[\\xe1-\\xec\\xee\\xef]', TAIL, TAIL],
  ['\\xed', '[\\x80-\\x9f]', TAIL],
  ['\\xf0', '[\\x90-\\xbf]', TAIL, TAIL],
  ['[\\xf1-\\xf3]', TAIL, TAIL, TAIL],
  ['\\xf4', '[\\x80-\\x8f]', TAIL, TAIL],
];
const WHOLE = SEQUENCES.map((bytes) => bytes.join('')).join('|');
/** The start of a sequence, the longest first. */
const CUT = [3, 2, 1]
  .flatMap((length) => SEQUENCES.filter((bytes) => bytes.length > length).map((bytes) => bytes.slice(0, length)))
  .map((bytes) => bytes.join(''))
  .join('|');
const VALID_START = new RegExp(`((?:${WHOLE})*)((?:${CUT})?)`, 'y');

/** How far the bytes can be the start of valid text, and whether they end between two code points if all can. */
export function readUtf8(bytes: Uint8Array): { readonly validBytes: number; readonly isComplete: boolean } {
  const characters = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
  VALID_START.lastIndex = 0;
  const [all, , cut] = VALID_START.exec(characters)!;
  return { validBytes: all.length, isComplete: all.length === bytes.length && cut === '' };
}

/** The index of the first byte that cannot be part of valid text, or -1. */
export function firstOffendingByte(bytes: Uint8Array): number {
  const { validBytes } = readUtf8(bytes);
  return validBytes === bytes.length ? -1 : validBytes;
}
