/**
 * Reads hex dumps: lines of bytes with an offset in front and perhaps their characters behind, as hexdump -C, xxd, od and
 * Wireshark print them. The offsets say how many bytes each line has, so neither they nor the characters are taken for
 * bytes. Text without offsets is left to `parseHex`.
 */

import { digitAt, HexSyntaxError, parseHex } from './hex.ts';

export interface HexText {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the text was taken for, for people. */
  readonly form: string;
}

interface DumpLine {
  /** From 1 on, in the whole text. */
  readonly number: number;
  /** Index of the line in the whole text. */
  readonly position: number;
  /** Whether the offset is written with `0x`. */
  readonly hasPrefix: boolean;
  readonly offsetDigits: string;
  readonly hasColon: boolean;
  /** Whether more stands between offset and bytes than between bytes. */
  readonly hasWideGap: boolean;
  readonly bytes: readonly number[];
  /** Hex digits in the longest group. */
  readonly groupDigits: number;
  /** Whether a `*` line follows: the bytes of this line go on up to the next offset. */
  isRepeated: boolean;
}

const OFFSET = /^\s*(0x)?([0-9a-fA-F]{4,16})(?:(:)[ \t]+|([ \t]+)|$)/;
/** Spaces by other names, which pages and word processors leave behind. */
const OTHER_SPACES = /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/g;
/** od counts in octal, with 7 digits; the rest of the world in hex. */
function offsetBases({ offsetDigits }: DumpLine): readonly number[] {
  return offsetDigits.length === 7 ? [8, 10, 16] : [16, 8, 10];
}

/**
 * Reads bytes written as `HEX_SYNTAX` says, or as a hex dump with offsets; also what Node prints for a Buffer.
 * @throws {HexSyntaxError} saying what cannot be read, and where
 */
export function parseHexText(text: string): HexText {
  const inspected = /^\s*<Buffer((?:\s[0-9a-f]{2})*)(?: \.\.\. (\d+) more bytes?)?>\s*$/.exec(text);
  if (inspected !== null) {
    return { bytes: parseHex(inspected[1]!), form: `a Buffer as Node prints it${inspected[2] ? ', cut off' : ''}` };
  }
  const lines = readDumpLines(text);
  return (lines && assemble(lines)) ?? { bytes: parseHex(text), form: 'hex text' };
}

/** The lines of a dump; undefined when some line has no offset. */
function readDumpLines(text: string): DumpLine[] | undefined {
  const lines: DumpLine[] = [];
  let position = 0;
  for (const [i, line] of text.replace(OTHER_SPACES, ' ').split('\n').entries()) {
    const last = lines.at(-1);
    if (line.trim() === '*' && last !== undefined) last.isRepeated = true;
    else if (line.trim() !== '') {
      const read = readDumpLine(line.trimEnd(), i + 1, position);
      if (read === undefined) return undefined;
      lines.push(read);
    }
    position += line.length + 1;
  }
  return lines.length === 0 ? undefined : lines;
}

/**
 * Bytes go on until a wider gap than the one in their middle, or until something that is no byte. Columns of characters
 * stand behind such a gap.
 */
function readDumpLine(line: string, number: number, position: number): DumpLine | undefined {
  const start = OFFSET.exec(line);
  if (start === null) return undefined;
  const [whole, prefix, offsetDigits, colon, gap] = start;
  const hasColon = colon !== undefined;
  const bytes: number[] = [];
  let groupDigits = 0;
  let at = whole.length;
  for (;;) {
    const group = /^(?:[0-9a-fA-F]{2})+(?=\s|$)/.exec(line.slice(at))?.[0];
    if (group === undefined) break;
    for (let i = 0; i < group.length; i += 2) bytes.push(16 * digitAt(group, i) + digitAt(group, i + 1));
    groupDigits = Math.max(groupDigits, group.length);
    at += group.length;
    const space = /^[ \t]*/.exec(line.slice(at))![0].length;
    at += space;
    const isMiddle = space === 2 && bytes.length === 8 && !hasColon;
    if (space > 1 && !isMiddle) break;
  }
  if (bytes.length === 0 && at < line.length) return undefined;
  return {
    number,
    position,
    hasPrefix: prefix !== undefined,
    offsetDigits: offsetDigits!,
    hasColon,
    hasWideGap: (gap?.length ?? 0) > 1,
    bytes,
    groupDigits,
    isRepeated: false,
  };
}

/** The bytes of a dump; undefined when the numbers in front are no offsets. */
function assemble(lines: readonly DumpLine[]): HexText | undefined {
  const first = lines[0]!;
  const isMarked = lines.every(({ hasColon }) => hasColon);
  const base = offsetBases(first).find((candidate) => findMismatch(lines, candidate) === undefined);
  if (base === undefined) {
    if (isMarked || looksLikeOffsets(lines)) throw mismatch(lines);
    return undefined;
  }
  // One line proves nothing: its offset has to look like one.
  const hasBytesAlone = first.groupDigits === 2;
  const looksSo = isMarked || (hasBytesAlone && (first.hasWideGap || isZero(first)));
  if (lines.length === 1 && !looksSo) return undefined;
  if (!isMarked && lines.some(({ groupDigits }) => groupDigits > 2)) {
    const message = 'These are words in the byte order of a machine: print single bytes, as "hexdump -C" and "xxd" do';
    throw new HexSyntaxError(message, first.position);
  }
  return { bytes: Uint8Array.from(allBytes(lines, base)), form: describeForm(first, base) };
}

function isZero({ offsetDigits }: DumpLine): boolean {
  return /^0+$/.test(offsetDigits);
}

/** From 0 on, and all of one width: nobody writes bytes so, whatever stands behind. */
function looksLikeOffsets(lines: readonly DumpLine[]): boolean {
  const { length } = lines[0]!.offsetDigits;
  return lines.length > 1 && isZero(lines[0]!) && lines.every(({ offsetDigits }) => offsetDigits.length === length);
}

function mismatch(lines: readonly DumpLine[]): HexSyntaxError {
  const line = findMismatch(lines, 16)!;
  const message = isZero(line)
    ? `The offsets begin again in line ${line.number}: give the bytes of one direction alone`
    : `The offset of line ${line.number} does not say how many bytes stand before it: something is missing there`;
  return new HexSyntaxError(message, line.position);
}

function offsetOf({ offsetDigits }: DumpLine, base: number): number {
  return base < 16 && !/^\d+$/.test(offsetDigits) ? Number.NaN : Number.parseInt(offsetDigits, base);
}

/** The first line whose offset does not say how many bytes stand before it. */
function findMismatch(lines: readonly DumpLine[], base: number): DumpLine | undefined {
  return lines.find((line, i) => {
    const before = lines[i - 1];
    if (before === undefined) return false;
    const length = offsetOf(line, base) - offsetOf(before, base);
    const has = before.bytes.length;
    if (before.isRepeated) return !(has > 0 && length > has && length % has === 0);
    // Characters that look like bytes, behind a gap like the one in the middle; and half a word at the very end.
    const isLonger = (length === 8 && has > 8) || (length === has - 1 && before.groupDigits === 4);
    return !(length > 0 && (length === has || isLonger));
  });
}

function* allBytes(lines: readonly DumpLine[], base: number): Generator<number> {
  for (const [i, line] of lines.entries()) {
    const next = lines[i + 1];
    const length = next === undefined ? line.bytes.length : offsetOf(next, base) - offsetOf(line, base);
    for (let at = 0; at < length; at++) yield line.bytes[at % line.bytes.length]!;
  }
}

const BASE_NAMES: Readonly<Record<number, string>> = { 8: 'octal offsets', 10: 'decimal offsets', 16: 'offsets' };

function describeForm({ hasColon, hasPrefix, hasWideGap, offsetDigits }: DumpLine, base: number): string {
  let tool = 'od';
  if (hasColon) tool = hasPrefix ? 'tcpdump -X' : 'xxd';
  else if (hasWideGap) tool = offsetDigits.length === 8 ? 'hexdump -C' : 'Wireshark';
  return `hex text with ${BASE_NAMES[base]} (${tool})`;
}
