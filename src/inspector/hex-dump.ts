/**
 * Reads dumps: lines of bytes with an offset in front and perhaps their characters behind, as xxd, hexdump, od, Wireshark,
 * tcpdump and PowerShell print them. The offsets say how many bytes each line has, and so in which way they are written;
 * neither they nor the characters are taken for bytes. Text without offsets is left to others.
 */

import { startLikelihood } from './frame-recorder.ts';
import { digitAt, HexSyntaxError } from './hex.ts';
import type { Direction } from './wire-event.ts';
import { paddingOf, readWord, type WordReader, wordReader } from './words.ts';

export interface HexDump {
  /** What the text was taken for, for people. */
  readonly form: string;
  /** In order; with directions where the dump shows two. */
  readonly parts: readonly { readonly direction?: Direction; readonly bytes: Uint8Array<ArrayBuffer> }[];
  /** Where the offsets begin again, though no direction is told. */
  readonly restartsAt?: { readonly line: number; readonly position: number };
}

interface Row {
  /** From 1 on, in the whole text. */
  readonly number: number;
  /** Index of the line in the whole text. */
  readonly position: number;
  readonly indent: number;
  /** Whether the offset is written with `0x`. */
  readonly hasPrefix: boolean;
  readonly offsetDigits: string;
  readonly hasColon: boolean;
  /** Whether more stands between offset and bytes than between bytes. */
  readonly hasWideGap: boolean;
  readonly line: string;
  /** Where in the line the offset ends. */
  readonly offsetEnd: number;
  /** Where in the line bytes begin. */
  readonly bytesAt: number;
  /** Whether a `*` line follows: the bytes of this line go on up to the next offset. */
  isRepeated: boolean;
  /** Whether the same bytes follow in another form, below it: od -t x1 -c. */
  isShownAgain: boolean;
}

/** A way to write bytes down. */
interface Unit {
  readonly name: string;
  /** One group, at its start. */
  readonly pattern: RegExp;
  /** `gap`: a wide gap ends the bytes. `aligned`: columns are aligned with spaces. `cells`: and spaces may be bytes. */
  readonly layout: 'gap' | 'aligned' | 'cells';
  /** How many bytes are a group, of which the last is filled up with zeros; `digits`: as its digits say. Default 1. */
  readonly byteCount?: number | 'digits';
  /** Appends the bytes of a group. */
  readonly read: WordReader;
}

/** Bytes of a row, and what they are made of. */
interface RowBytes {
  readonly bytes: number[];
  /** Where in the line they end. */
  readonly end: number;
}

const OFFSET = /^(\s*)(0[xX])?([0-9a-fA-F]{4,16})(?: <[^<>]*>)?(?:(h?:)(?:[ \t]+|$)|(h?[ \t]+)|$)/;
/** Spaces by other names, which pages and word processors leave behind. */
const OTHER_SPACES = /[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]/g;
/** What some tools print above the bytes: names and rulers. */
const HEADING =
  /^((Label|Path|Offset\b.*Bytes|Frame|Packet|Reassembled)\b.*|- offset - .*|(\|?\s*|Offset\S*\s+)0?0 +0?1 +0?2\b.*|[-+─┌┬┐╭╮ ]+)$/i;
const RULER_BELOW = /^[-+─└┴┘╰╯ ]+$/;
/** What tcpdump says of a packet. */
const PACKET = /^\s*(?:\d\d:\d\d:\d\d\.\d+ |[\w.:-]+\.[\w-]+ > [\w.:-]+\.[\w-]+: )/;
/** tshark -x: what was put together from several packets, or decoded, stands behind the packet in dumps of its own. */
const SOURCE = /^([A-Z][\w -]*?) \(\d+ bytes?\):\s*$/;
/** `*` stands for lines like the one before; no more than this. */
const MAX_REPEATED_BYTES = 64 * 1024 * 1024;

/** Of the names that od -a gives bytes: those that a frame nearly always has one of. */
const NAMED_CHARACTER = /(?:^|\s)(?:nul|soh|stx|etx|eot|enq|ack|bel|dle|dc[1-4]|syn|etb)(?=\s|$)/;
export const LOSSY = 'This is a dump by od -a, which has lost the highest bit of each byte: use od -t x1';

export function hasNamedCharacter(text: string): boolean {
  return NAMED_CHARACTER.test(text);
}

const HEX: Unit = {
  name: 'hex text',
  pattern: /(?:0x)?((?:[0-9a-f]{2})+)(?=[\s|]|$)/iy,
  layout: 'gap',
  read: readHex,
};
/** Bytes with as much room as characters have: those come below. */
const WIDE_HEX: Unit = { ...HEX, pattern: /([0-9a-f]{2})(?=\s|$)/iy, layout: 'aligned' };
/** Numbers of several bytes, as machines have them. */
const WORDS: Unit = {
  name: 'words of hex, the lowest byte first,',
  pattern: /([0-9a-f]{16}|[0-9a-f]{8}|[0-9a-f]{4})(?=\s|$)/iy,
  layout: 'aligned',
  byteCount: 'digits',
  read: readWord,
};
/** The same with the highest byte first: od --endian=big. */
const BIG_WORDS: Unit = { ...WORDS, name: 'words of hex', read: readHex };
/** The same, of which the last may be shorter: xxd -e. */
const REVERSED: Unit = { ...WORDS, byteCount: 1, pattern: /((?:[0-9a-f]{2}){1,8})(?=\s|$)/iy };
const BINARY: Unit = { name: 'binary digits', pattern: /([01]{8})(?=\s|$)/y, layout: 'gap', read: wordReader(2, 1) };
const CHARACTERS: Unit = {
  name: 'characters',
  pattern: /( [0-3][0-7]{2}| {2}\\.| {3}[ -~])/y,
  layout: 'cells',
  read: readCharacter,
};

const numbers = (name: string, pattern: RegExp, base: 8 | 10, byteCount: number): Unit => {
  return { name, pattern, layout: 'aligned', byteCount, read: wordReader(base, byteCount) };
};

const OTHER_UNITS: readonly Unit[] = [
  BINARY,
  numbers('octal bytes', /([0-3][0-7]{2})(?=\s|$)/y, 8, 1),
  numbers('octal words', /([01][0-7]{5})(?=\s|$)/y, 8, 2),
  numbers('octal words', /([0-3][0-7]{10})(?=\s|$)/y, 8, 4),
  numbers('octal words', /([01][0-7]{21})(?=\s|$)/y, 8, 8),
  numbers('decimal bytes', /(0|-?[1-9]\d{0,2})(?=\s|$)/y, 10, 1),
  // hexdump -d
  numbers('decimal words', /(\d{5})(?=\s|$)/y, 10, 2),
  ...[2, 4, 8].map((byteCount) => numbers('decimal words', /(0|-?[1-9]\d{0,19})(?=\s|$)/y, 10, byteCount)),
  CHARACTERS,
];

/** od counts in octal, with 7 digits; the rest of the world in hex. */
function offsetBases({ offsetDigits }: Row): readonly number[] {
  return offsetDigits.length === 7 ? [8, 10, 16] : [16, 10, 8];
}

/**
 * The bytes of a dump; undefined when the text is none.
 * @throws {HexSyntaxError} saying what cannot be read, and where
 */
export function parseHexDump(text: string): HexDump | undefined {
  const rows = readRows(text);
  if (rows === undefined) return undefined;
  const indents = [...new Set(rows.map(({ indent }) => indent))];
  const isFollowed = indents.length === 2 && Math.abs(indents[0]! - indents[1]!) >= 4;
  if (isFollowed) return readBothDirections(rows, Math.min(...indents));
  const starts = rows.flatMap((row, i) => (isZero(row) && hasBytes(row) ? [i] : []));
  return starts.length > 1 && starts[0] === 0 ? readPackets(rows, starts) : readOneDirection(rows);
}

/** Dumps behind each other are packets: whoever reads them knows whether they are. */
function readPackets(rows: readonly Row[], starts: readonly number[]): HexDump | undefined {
  const read = starts.map((start, i) => assemble(rows.slice(start, starts[i + 1])));
  const [first] = read;
  if (first === undefined || read.includes(undefined)) return undefined;
  return {
    form: first.form,
    parts: read.map((part) => ({ bytes: part!.bytes })),
    restartsAt: { line: rows[starts[1]!]!.number, position: rows[starts[1]!]!.position },
  };
}

function readOneDirection(rows: readonly Row[]): HexDump | undefined {
  const read = assemble(rows);
  return read && { form: read.form, parts: [{ bytes: read.bytes }] };
}

/** Wireshark's "Follow stream": each direction counts for itself, and the server's lines are indented. */
function readBothDirections(rows: readonly Row[], clientIndent: number): HexDump | undefined {
  const own = [rows.filter((row) => row.indent === clientIndent), rows.filter((row) => row.indent !== clientIndent)];
  const [client, server] = own.map(assemble);
  if (client === undefined || server === undefined) return undefined;
  const [clientEnds, serverEnds] = own.map(
    (some, i) => new Map(some.map((row, at) => [row, [client, server][i]!.ends[at]!])),
  );
  const parts: { direction: Direction; bytes: Uint8Array<ArrayBuffer> }[] = [];
  let [clientAt, serverAt] = [0, 0];
  for (const [i, row] of rows.entries()) {
    const isClient = row.indent === clientIndent;
    if (rows[i + 1]?.indent === row.indent) continue;
    const end = (isClient ? clientEnds : serverEnds)!.get(row)!;
    const bytes = isClient ? client.bytes.slice(clientAt, end) : server.bytes.slice(serverAt, end);
    if (isClient) clientAt = end;
    else serverAt = end;
    parts.push({ direction: isClient ? 'clientToServer' : 'serverToClient', bytes });
  }
  return { form: `both directions, ${client.form}`, parts };
}

/** The rows of a dump; undefined when some line is none. */
function readRows(text: string): Row[] | undefined {
  const rows: Row[] = [];
  let position = 0;
  let isSkipped = false;
  let again: { number: number; position: number } | undefined;
  for (const [i, original] of text.split('\n').entries()) {
    const source = SOURCE.exec(original)?.[1];
    if (source !== undefined) isSkipped = source !== 'Frame';
    else if (original.trim() === '') isSkipped = false;
    const line = isSkipped || source !== undefined ? '' : tidy(original);
    const last = rows.at(-1);
    if (line === '*' && last !== undefined) last.isRepeated = true;
    else if (line !== '' && !(last === undefined ? HEADING : RULER_BELOW).test(line.trim()) && !PACKET.test(line)) {
      const row = readRow(line, i + 1, position);
      if (row !== undefined && (rows[0]?.hasColon !== true || row.hasColon)) rows.push(row);
      else if (last !== undefined && !last.isShownAgain && / {6}/.test(line.slice(0, last.offsetDigits.length))) {
        last.isShownAgain = true;
        again ??= { number: i + 1, position };
      } else if (last !== undefined && isSurelyDump(rows)) throw withoutOffset(i + 1, position);
      else return undefined;
    }
    position += original.length + 1;
  }
  // All of them, or something is missing.
  if (again !== undefined && rows.some((row) => hasBytes(row) && !row.isShownAgain))
    throw withoutOffset(again.number, again.position);
  return rows.length === 0 ? undefined : rows;
}

function withoutOffset(number: number, position: number): HexSyntaxError {
  return new HexSyntaxError(`Line ${number} of the dump has no offset: it is cut off, or no part of it`, position);
}

/** Without what tools draw around the columns (hexyl, Netty), and in what form debuggers and netcat have offsets. */
function tidy(line: string): string {
  // Spaces at the end may be characters: od -c.
  const plain = line.replace(OTHER_SPACES, ' ').replace(/[^\S ]+$/, '');
  if (/^\s*\*?\s*$/.test(plain)) return plain.trim();
  const boxed = /^\s*[│|]\s*([0-9a-f]{4,16})\s*[│|](.*)$/.exec(plain);
  if (boxed !== null) return `${boxed[1]}: ${boxed[2]!.replace(/ [┊╎:]/g, '').replace(/[│|]/, ' $&')}`;
  return plain
    .replace(/^\[([0-9a-f]{4,16})\](.{26}) {3}/i, '$1: $2 ')
    .replace(/^([0-9a-f]{8})`([0-9a-f]{8} )/i, '$1$2')
    .replace(/^([0-9a-f]{4,16}(?: -)?\s+(?:[0-9a-f]{2} ){7}[0-9a-f]{2})-/i, '$1 ')
    .replace(/^([0-9a-f]{4,16}) - /i, '$1: ');
}

function readRow(line: string, number: number, position: number): Row | undefined {
  const start = OFFSET.exec(line);
  if (start === null) return undefined;
  const [whole, indent, prefix, offsetDigits, colon, gap] = start;
  return {
    number,
    position,
    indent: indent!.replaceAll('\t', '        ').length,
    hasPrefix: prefix !== undefined,
    offsetDigits: offsetDigits!,
    hasColon: colon !== undefined,
    hasWideGap: (gap?.length ?? 0) > 1,
    line,
    offsetEnd: whole.trimEnd().length,
    bytesAt: whole.length,
    isRepeated: false,
    isShownAgain: false,
  };
}

/** Whether nobody writes anything but dumps so: offsets with colons, or from 0 on and of one width. */
function isSurelyDump(rows: readonly Row[]): boolean {
  if (!rows.some(hasBytes)) return false;
  if (rows.every(({ hasColon }) => hasColon)) return true;
  const { length } = rows[0]!.offsetDigits;
  const areOfOneWidth = rows.every(({ offsetDigits }) => offsetDigits.length === length);
  return isZero(rows[0]!) && areOfOneWidth && (rows.length > 1 || rows[0]!.hasWideGap);
}

function hasBytes({ bytesAt, line }: Row): boolean {
  return bytesAt < line.length;
}

function isZero({ offsetDigits }: Row): boolean {
  return /^0+$/.test(offsetDigits);
}

interface Assembled {
  readonly form: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the bytes of each row end. */
  readonly ends: readonly number[];
}

/** The bytes of rows; undefined when the numbers in front are no offsets. */
function assemble(rows: readonly Row[]): Assembled | undefined {
  const [first] = rows;
  if (first === undefined || !rows.some(hasBytes)) return undefined;
  // One line proves nothing: its offset has to look like one.
  const isOfBytes = /^[0-9a-f]{2}(?=\s|$)/i.test(first.line.slice(first.bytesAt));
  const isSingle = isOfBytes ? first.hasWideGap || isZero(first) : isZero(first) && first.offsetDigits.length === 7;
  if (rows.length === 1 && !first.hasColon && !isSingle) return undefined;
  let fault: HexSyntaxError | undefined;
  for (const unit of unitsFor(rows)) {
    for (const base of offsetBases(first)) {
      const read = readAll(rows, unit, base);
      if (!(read instanceof HexSyntaxError)) return { ...read, form: describeForm(first, unit, base) };
      if (fault === undefined || read.position > fault.position) fault = read;
    }
  }
  if (isSurelyDump(rows))
    throw rows.some(({ line }) => hasNamedCharacter(line)) ? new HexSyntaxError(LOSSY, 0) : fault!;
  return undefined;
}

/** The ways in which the bytes may be written, those first that fit more closely. */
function unitsFor(rows: readonly Row[]): readonly Unit[] {
  const first = rows[0]!;
  if (first.isShownAgain) return [WIDE_HEX, ...OTHER_UNITS];
  if (rows.every(({ hasColon }) => hasColon)) return [BINARY, isReversed(first) ? REVERSED : HEX];
  // Without colons, tools print single bytes, or words.
  const areWords = /^(?:(?:[0-9a-f]{4}\b\s*)+|(?:[0-9a-f]{8}\b\s*)+|(?:[0-9a-f]{16}\b\s*)+)$/i;
  const isOfWords = areWords.test(first.line.slice(first.bytesAt));
  const isByOd = first.offsetDigits.length === 6 || first.offsetDigits.length === 7;
  const others = isByOd ? OTHER_UNITS : OTHER_UNITS.filter(({ layout }) => layout !== 'cells');
  if (isOfWords) {
    const [little, big] = [WORDS, BIG_WORDS].map((unit) => startLikelihood(readGroups(first, unit).bytes));
    return [...others, little! >= big! ? WORDS : BIG_WORDS];
  }
  const isOfBytes = /^\s*[\da-f]{2}(?:\s|$)/i.test(first.line.slice(first.bytesAt));
  return isOfBytes ? [HEX, ...others] : [...others, HEX];
}

/** xxd -e: whether the characters behind fit the bytes of each group from the last to the first. */
function isReversed(row: Row): boolean {
  const count = characterCount(row);
  if (count === undefined) return false;
  const inOrder = readGroups(row, HEX, count);
  if (!areCharactersOf(inOrder.bytes, row.line.slice(inOrder.end))) return true;
  return startLikelihood(readGroups(row, REVERSED, count).bytes) > startLikelihood(inOrder.bytes);
}

/** How many bytes a row of xxd -e has: those of which the characters stand behind them. */
function characterCount(row: Row): number | undefined {
  const counts = Array.from({ length: 32 }, (_, i) => 32 - i);
  return counts.find((count) => {
    const { bytes, end } = readGroups(row, REVERSED, count);
    return bytes.length === count && areCharactersOf(bytes, row.line.slice(end));
  });
}

/** For bytes that are no characters, others stand there. */
export function areCharactersOf(bytes: Iterable<number>, column: string): boolean {
  const shown = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '\0')).join('');
  const [own, given] = [shown.trim(), column.trim()];
  return own.length === given.length && [...own].every((character, i) => character === '\0' || character === given[i]);
}

function readAll(rows: readonly Row[], unit: Unit, base: number): Omit<Assembled, 'form'> | HexSyntaxError {
  let bytes = new Uint8Array(1024);
  let length = 0;
  const ends: number[] = [];
  for (const [i, row] of rows.entries()) {
    const next = rows[i + 1];
    const claimed = next && offsetOf(next, base) - offsetOf(row, base);
    if (claimed !== undefined && !(claimed > 0)) return mismatch(next!, 0, claimed);
    if (claimed === undefined && row.isRepeated) {
      const message = `Behind line ${row.number}, * stands for lines like it: the offset that says how many is missing`;
      return new HexSyntaxError(message, row.position);
    }
    // Format-Hex puts its characters right behind 16 bytes.
    const most = row.isRepeated ? undefined : (claimed ?? (row.offsetDigits.length === 16 ? 16 : undefined));
    const read = readGroups(row, unit, unit === REVERSED ? (most ?? characterCount(row)) : most);
    const own = read.bytes;
    // hexdump -c fills the last line up with spaces.
    if (unit.layout === 'cells' && claimed === undefined) while (own.at(-1) === 0x20) own.pop();
    if (next !== undefined && !hasBytes(next) && isFilled(own, claimed!, unit, row)) own.length = claimed!;
    if (claimed === undefined) {
      const fault = own.length === most ? undefined : faultOfRest(row, read);
      if (fault !== undefined) return fault;
      if (own.length === 0 && hasBytes(row))
        return new HexSyntaxError(`No bytes are found in line ${row.number}`, row.position);
    } else if (!fills(own.length, row, claimed)) {
      return (own.length < claimed ? faultOfRest(row, read) : undefined) ?? mismatch(next!, own.length, claimed);
    } else if (unit.layout !== 'gap' && unit !== REVERSED && /^\s*[^\s>]/.test(row.line.slice(read.end))) {
      return mismatch(next!, 0, claimed);
    } else if (unit === HEX && row.offsetDigits.length !== 16 && isFollowedByByte(row, read)) {
      return mismatch(next!, 0, claimed);
    }
    const total = row.isRepeated ? claimed! : own.length;
    if (total > MAX_REPEATED_BYTES) return mismatch(next!, own.length, total);
    if (length + total > bytes.length) {
      const larger = new Uint8Array(Math.max(length + total, 2 * bytes.length));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    for (let at = 0; at < total; at++) bytes[length++] = own[at % own.length]!;
    // The offset behind the last line, which would say where the bytes end, has been left out.
    if (next === undefined && hasBytes(row)) length -= paddingOf(bytes.subarray(0, length), groupBytes(unit, row));
    ends.push(length);
  }
  return { bytes: bytes.slice(0, length), ends };
}

/** How many bytes stand in a group. */
function groupBytes({ byteCount = 1 }: Unit, { line, bytesAt }: Row): number {
  return byteCount === 'digits' ? (/^\s*([\da-f]+)/i.exec(line.slice(bytesAt))?.[1]?.length ?? 2) / 2 : byteCount;
}

/** Whether the last word is filled up with zeros. */
function isFilled(own: readonly number[], claimed: number, unit: Unit, row: Row): boolean {
  const tooMany = own.length - claimed;
  return tooMany > 0 && tooMany < groupBytes(unit, row) && own.slice(claimed).every((byte) => byte === 0);
}

/** Whether a row has the bytes that the next offset says. */
function fills(length: number, row: Row, claimed: number): boolean {
  return row.isRepeated ? length > 0 && claimed > length && claimed % length === 0 : length === claimed;
}

export function restartFault({ line, position }: NonNullable<HexDump['restartsAt']>): HexSyntaxError {
  const advice = 'give the bytes of one direction alone, or mark the lines of each with > and <';
  return new HexSyntaxError(`The offsets begin again in line ${line}: ${advice}`, position);
}

function mismatch(next: Row, length: number, claimed: number): HexSyntaxError {
  if (isZero(next)) return restartFault({ line: next.number, position: next.position });
  const has = length > 0 ? ` (${length} are there, ${claimed} should be)` : '';
  const what = `The offset of line ${next.number} does not say how many bytes stand before it`;
  return new HexSyntaxError(`${what}: something is missing there${has}`, next.position);
}

/** What stands right behind the bytes of a row, where it is neither a byte nor a column of characters. */
function faultOfRest(row: Row, { end }: RowBytes): HexSyntaxError | undefined {
  const rest = /^ ?[^\s|>]\S*/.exec(row.line.slice(end))?.[0];
  if (rest === undefined) return undefined;
  const group = rest.trim();
  const character = end + rest.length - group.length + 1;
  const isHalf = /^[0-9a-f]+$/i.test(group) && group.length % 2 === 1;
  const what = isHalf ? 'ends in the middle of a byte: a byte has two hex digits' : 'is no byte';
  const message = `${JSON.stringify(group)} (line ${row.number}, character ${character}) ${what}`;
  return new HexSyntaxError(message, row.position + character - 1);
}

function isFollowedByByte({ line, hasColon }: Row, { end, bytes }: RowBytes): boolean {
  const isMiddle = bytes.length === 8 && !hasColon;
  return !isMiddle && /^ (?:[0-9a-f]{2})+(?=\s|$)/i.test(line.slice(end));
}

/** Bytes go on until a wider gap than the one in their middle, or until something that is no byte. */
function readGroups(row: Row, { pattern, layout, read }: Unit, most = Number.POSITIVE_INFINITY): RowBytes {
  const { line, hasColon } = row;
  const bytes: number[] = [];
  let at = layout === 'cells' ? row.offsetEnd : row.bytesAt;
  let end = at;
  while (bytes.length < most) {
    pattern.lastIndex = at;
    const group = pattern.exec(line)?.[1];
    if (group === undefined || !read(group, bytes)) break;
    at = pattern.lastIndex;
    end = at;
    if (layout === 'cells') continue;
    while (line[at] === ' ' || line[at] === '\t') at++;
    const isMiddle = at - end === 2 && bytes.length === 8 && !hasColon;
    if (layout === 'gap' && at - end > 1 && !isMiddle) break;
  }
  return { bytes, end };
}

function readHex(group: string, bytes: number[]): true {
  for (let i = 0; i < group.length; i += 2) bytes.push(16 * digitAt(group, i) + digitAt(group, i + 1));
  return true;
}

const ESCAPES: Readonly<Record<string, number>> = {
  '\\\\': 0x5c,
  '\\0': 0,
  '\\a': 7,
  '\\b': 8,
  '\\t': 9,
  '\\n': 10,
  '\\v': 11,
  '\\f': 12,
  '\\r': 13,
};

function readCharacter(cell: string, bytes: number[]): true {
  const text = cell.length === 4 && cell.startsWith('   ') ? cell.slice(3) : cell.trimStart();
  if (text.length === 3) bytes.push(Number.parseInt(text, 8));
  else bytes.push(ESCAPES[text] ?? text.charCodeAt(0));
  return true;
}

/** od -An -c: bytes as cells of characters, without offsets; undefined when the text is something else. */
export function parseCharacterCells(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^(?:(?: [0-3][0-7]{2}| {2}\\.| {3}[ -~])+\r?\n?)+$/.test(text) || !/ [0-3][0-7]{2}/.test(text))
    return undefined;
  const bytes: number[] = [];
  for (const [cell] of text.matchAll(/ {3}[ -~]| {2}\\.| [0-3][0-7]{2}/g)) readCharacter(cell, bytes);
  return Uint8Array.from(bytes);
}

function offsetOf({ offsetDigits }: Row, base: number): number {
  return base < 16 && !/^\d+$/.test(offsetDigits) ? Number.NaN : Number.parseInt(offsetDigits, base);
}

function isUpperCase({ line, bytesAt, hasWideGap }: Row): boolean {
  return (
    hasWideGap &&
    /^(?:[\dA-F]{2} )*[\dA-F]{2}( {2}|$)/.test(line.slice(bytesAt)) &&
    /[A-F]/.test(line.slice(bytesAt, bytesAt + 47))
  );
}

const BASE_NAMES: Readonly<Record<number, string>> = { 8: 'octal offsets', 10: 'decimal offsets', 16: 'offsets' };

function describeForm(first: Row, unit: Unit, base: number): string {
  const { hasColon, hasPrefix, hasWideGap, offsetDigits } = first;
  let tool = 'od';
  if (unit === REVERSED) tool = 'xxd -e';
  else if (hasColon) tool = hasPrefix ? 'tcpdump -X' : 'xxd';
  else if (offsetDigits.length === 7) tool = base === 16 ? 'hexdump' : 'od';
  else if (offsetDigits.length === 16 || isUpperCase(first)) tool = 'Format-Hex';
  else if (hasWideGap) tool = offsetDigits.length === 8 ? 'hexdump -C' : 'Wireshark';
  return `${unit.name} with ${BASE_NAMES[base]} (${tool})`;
}
