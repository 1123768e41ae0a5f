/**
 * Numbers of several bytes as machines have them, the lowest byte first: so od and hexdump print bytes unless they are told
 * otherwise. They fill the last number up with zeros, which nobody has sent: frames tell them from bytes.
 */

import { MASK, type Role } from '../protocol/index.ts';
import { latin1 } from './bytes.ts';
import { areLikelyFrames, countLikelyFrames, startLikelihood } from './frame-recorder.ts';
import { headKindOf } from './handshake.ts';
import { digitAt, parseHex } from './hex.ts';

/** Appends the bytes of a number. @returns false when it does not fit so many */
export type WordReader = (digits: string, bytes: number[]) => boolean;

export function wordReader(base: 2 | 8 | 10, byteCount: number): WordReader {
  const prefix = { 2: '0b', 8: '0o', 10: '' }[base];
  const bits = BigInt(8 * byteCount);
  return (digits, bytes) => {
    const value = BigInt(prefix + digits);
    if (value >= 1n << bits || value < -(1n << (bits - 1n))) return false;
    for (let i = 0n; i < bits; i += 8n) bytes.push(Number((value >> i) & 0xffn));
    return true;
  };
}

/** Of hex digits, of which two make a byte. */
export const readWord: WordReader = (digits, bytes) => {
  for (let i = digits.length - 2; i >= 0; i -= 2) bytes.push(16 * digitAt(digits, i) + digitAt(digits, i + 1));
  return true;
};

interface NumberForm {
  readonly name: string;
  readonly pattern: RegExp;
  readonly base: 8 | 10;
  readonly byteCount: number;
}

const NUMBERS: readonly NumberForm[] = [
  { name: 'octal words', pattern: /^[01][0-7]{5}$/, base: 8, byteCount: 2 },
  { name: 'octal words', pattern: /^[0-3][0-7]{10}$/, base: 8, byteCount: 4 },
  { name: 'octal words', pattern: /^[01][0-7]{21}$/, base: 8, byteCount: 8 },
  ...[2, 4, 8].map((byteCount) => ({
    name: 'decimal words',
    pattern: /^(?:0|-?[1-9]\d{0,19})$/,
    base: 10 as const,
    byteCount,
  })),
];
const MIN_WORDS = 4;
const FILLED = ', without the zeros that fill the last word';

/** Words without offsets, read in the way that makes frames of them; undefined when none does. */
export function parseWords(text: string): { form: string; bytes: Uint8Array<ArrayBuffer> } | undefined {
  const words = text.trim().split(/\s+/);
  const digits = words[0]!.length;
  if ([4, 8, 16].includes(digits) && words.every((word) => word.length === digits && /^[\da-f]+$/i.test(word))) {
    const reversed: number[] = [];
    for (const word of words) readWord(word, reversed);
    const inOrder = withoutPadding('hex text', parseHex(words.join('')), digits / 2);
    const turned = withoutPadding('words of hex, the lowest byte first', Uint8Array.from(reversed), digits / 2);
    const found = [inOrder, turned].find(({ isWhole }) => isWhole) ?? [inOrder, turned].find(({ begins }) => begins);
    if (found !== undefined) return found;
    // The start of a frame that is cut off; a few bytes prove nothing.
    if (words.length >= MIN_WORDS && startLikelihood(turned.bytes) === 2 && startLikelihood(inOrder.bytes) === 0)
      return turned;
  }
  // Numbers of three digits are those of bytes.
  if (words.length < 2 || !words.every((word) => /^-?\d+$/.test(word)) || words.every(({ length }) => length < 4))
    return undefined;
  for (const { name, pattern, base, byteCount } of NUMBERS) {
    if (!words.every((word) => pattern.test(word))) continue;
    const read = wordReader(base, byteCount);
    const bytes: number[] = [];
    if (!words.every((word) => read(word, bytes))) continue;
    const found = withoutPadding(name, Uint8Array.from(bytes), byteCount);
    if (found.isWhole) return found;
  }
  return undefined;
}

function withoutPadding(name: string, bytes: Uint8Array<ArrayBuffer>, byteCount: number) {
  const padding = paddingOf(bytes, byteCount);
  const left = bytes.slice(0, bytes.length - padding);
  const isWhole = isFramesToTheEnd(left);
  const begins = isWhole || headKindOf(left) !== undefined || countLikelyFrames(left, receiverOfFrames(left)) > 0;
  return { form: padding === 0 ? name : `${name}${FILLED}`, bytes: left, isWhole, begins };
}

/** How many zeros fill the last word up, to judge by the frames in front of them. */
export function paddingOf(bytes: Uint8Array, byteCount: number): number {
  let zeros = 0;
  while (zeros < byteCount - 1 && bytes[bytes.length - 1 - zeros] === 0) zeros++;
  // An empty fragment is two zeros as well: filling is likelier.
  while (zeros > 0 && !isFramesToTheEnd(bytes.subarray(0, bytes.length - zeros))) zeros--;
  return zeros;
}

/** Whether nothing else stands there, but perhaps a head in front. */
function isFramesToTheEnd(bytes: Uint8Array): boolean {
  const headEnd = headKindOf(bytes) === undefined ? -4 : latin1(bytes).indexOf('\r\n\r\n');
  const frames = bytes.subarray(headEnd + 4);
  return frames.length === 0 ? headEnd > 0 : areLikelyFrames(frames, receiverOfFrames(frames));
}

/** §5.1: clients mask. */
function receiverOfFrames(bytes: Uint8Array): Role {
  return (bytes[1]! & MASK) === 0 ? 'client' : 'server';
}
