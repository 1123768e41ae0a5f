/**
 * Makes bytes of connections out of what somebody hands in: raw bytes, or text in one of the many forms in which tools and
 * programs write bytes down. Each form is a file of its own; here they are told apart. What cannot be read is called by its
 * name, and the error says why and where.
 */

import { MASK } from '../protocol/index.ts';
import { parseBase64 } from './base64.ts';
import { concat } from './bytes.ts';
import { pastedSegment } from './capture/pasted-packet.ts';
import type { Conversation, Passage } from './conversation.ts';
import { joinRun, type MarkedRun, splitDirections } from './directions.ts';
import { findStrings, hasEscapes, parseEscapedText } from './escaped-text.ts';
import { areLikelyFrames, countLikelyFrames, isLikelyStart } from './frame-recorder.ts';
import { headKindOf } from './handshake.ts';
import { digitAt, HexSyntaxError, parseHex, placeOf } from './hex.ts';
import {
  areCharactersOf,
  hasNamedCharacter,
  LOSSY,
  parseCharacterCells,
  parseHexDump,
  restartFault,
} from './hex-dump.ts';
import { bytesIn, readJson } from './message-log.ts';
import { parseIndexedNumbers, parseMarkedNumbers, parseNumberLists } from './number-list.ts';
import { tidyText, withoutColours } from './tidy-text.ts';
import type { Direction } from './wire-event.ts';
import { parseWords } from './words.ts';

export interface ReadInput {
  /** One for each connection: several only where the input tells of several. */
  readonly conversations: readonly Conversation[];
  /** What it was taken for, for people. */
  readonly form: string;
}

/** Bytes that were read from a text, in order. */
interface ReadBytes {
  readonly form: string;
  readonly parts: readonly Passage[];
}

/** Says what the input is, and how to come by bytes that can be inspected. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

interface ForeignFormat {
  readonly what: string;
  /** First bytes, each of the alternatives in hex without spaces. */
  readonly starts: readonly string[];
  readonly remedy: string;
}

const AS_FILE = 'give the file itself to "framewright decode", which finds the WebSocket connections in it';

/**
 * Formats that begin with bytes of their own. But for PNG's, whose eight are no ping that anybody sends, no legal frame
 * begins with any of these: reserved bits and opcodes stand against it, or a control frame in fragments (§5.5).
 */
const FOREIGN_FORMATS: readonly ForeignFormat[] = [
  {
    what: 'a pcap capture of packets',
    starts: ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d'],
    remedy: AS_FILE,
  },
  { what: 'a pcapng capture of packets', starts: ['0a0d0d0a'], remedy: AS_FILE },
  {
    what: 'a capture of packets in a form of its own (snoop, Network Monitor)',
    starts: ['736e6f6f70000000', '474d4255', '52545353'],
    remedy: 'make a pcapng of it first: editcap -F pcapng',
  },
  { what: 'gzip-compressed data', starts: ['1f8b'], remedy: 'unpack it with gunzip first' },
  { what: 'a ZIP archive', starts: ['504b0304'], remedy: 'unpack it first' },
  { what: 'zstd-compressed data', starts: ['28b52ffd'], remedy: 'unpack it with unzstd first' },
  { what: 'a PNG image', starts: ['89504e470d0a1a0a'], remedy: 'bytes in a picture have to be typed in as hex' },
  {
    what: 'a TLS connection, which is encrypted',
    starts: ['160301', '160302', '160303', '170303'],
    remedy: 'give "framewright decode" a capture of its packets, and with --keys the file that SSLKEYLOGFILE names',
  },
  {
    what: 'an HTTP/2 connection',
    // "PRI * HTTP/2.0"
    starts: ['505249202a20485454502f322e30'],
    remedy: 'give "framewright decode" a capture of its packets',
  },
];

/**
 * @param content raw bytes or text, such as a file's content, or a string for text
 * @throws {InputError} when it holds something else
 * @throws {HexSyntaxError} when it is text, and its bytes cannot be read
 */
export function readInput(content: Uint8Array | string): ReadInput {
  if (typeof content === 'string') return readText(content);
  refuseForeign(content, '');
  const text = textOf(content);
  return text === undefined ? oneConversation({ form: 'raw bytes', parts: [{ bytes: content }] }) : readText(text);
}

const KEY_LOG = /^\s*(?:#[^\n]*\n\s*)*(?:CLIENT_|SERVER_|EXPORTER_|EARLY_)\w{1,40} [\da-f]{64} [\da-f]+/i;

function readText(given: string): ReadInput {
  const json = readJsonText(given);
  if (json !== undefined) return { ...json, conversations: json.conversations.map(directConversation) };
  const text = tidyText(given);
  if (KEY_LOG.test(text)) {
    throw new InputError(
      'This is a log of TLS keys, which have no bytes of a WebSocket: give it with the capture that it belongs to, ' +
        'framewright decode --keys keys.log capture.pcapng',
    );
  }
  const runs = splitDirections(text);
  return oneConversation(runs === undefined ? (readFollowedStream(text) ?? readBytes(text)) : readRuns(runs));
}

function oneConversation({ form, parts }: ReadBytes): ReadInput {
  const conversation = directConversation({ passages: parts });
  const areBoth = conversation.passages.some(({ direction }) => direction !== undefined);
  return {
    form: areBoth && !/^(?:both|marked)/.test(form) ? `both directions, ${form}` : form,
    conversations: [conversation],
  };
}

/** The input as JSON, or as a line of JSON for each thing that passed; undefined when it is none. */
function readJsonText(text: string): ReadInput | undefined {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  let value = parseJson(text);
  if (value === undefined) {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    // One that is no JSON is enough to tell.
    if (lines.length < 2 || parseJson(lines[0]!) === undefined || parseJson(lines.at(-1)!) === undefined)
      return undefined;
    value = lines.map(parseJson);
  }
  if (typeof value === 'string') return readJsonString(value);
  // An array of strings, or with what is no byte: whoever reads arrays says where.
  if (Array.isArray(value) && value.every((item) => typeof item !== 'object') && bytesIn(value) === undefined)
    return undefined;
  const read = readJson(value);
  if (read === undefined) {
    throw new InputError(
      'This is JSON without bytes or WebSocket messages in it: give the bytes themselves, raw or as hex',
    );
  }
  if (read.conversations.length === 0) {
    const advice = 'DevTools records them while it is open: reload the page with it, and save the HAR with its content';
    throw new InputError(`This is a HAR file without WebSocket messages: ${advice}`);
  }
  return read;
}

/** A string whose characters are bytes, or that has bytes in some form. */
function readJsonString(text: string): ReadInput {
  if (!/[\u0000-\u0008\u0080-\u00ff]/.test(text)) return readText(text);
  const bytes = Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return oneConversation({ form: 'a string of JSON', parts: [{ bytes }] });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The bytes of each direction, where lines are marked. */
function readRuns(runs: readonly MarkedRun[]): ReadBytes {
  const forms = new Set<string>();
  const parts = runs.flatMap((run) => {
    const read = readRun(run);
    for (const { form } of read) forms.add(form);
    const bytes = concat(read.flatMap(({ parts }) => parts.map((part) => part.bytes)));
    return bytes.length === 0 ? [] : [{ direction: run.direction, bytes }];
  });
  const areBoth = new Set(parts.map(({ direction }) => direction)).size > 1;
  const isSwapped = !runs.some(({ isNamed }) => isNamed) && areSwapped(parts);
  return {
    form: `${areBoth ? 'both directions' : 'marked lines'}, ${[...forms].join(', ')}`,
    parts: isSwapped ? parts.map(({ direction, bytes }) => ({ direction: OTHER[direction], bytes })) : parts,
  };
}

const OTHER: Readonly<Record<Direction, Direction>> = {
  clientToServer: 'serverToClient',
  serverToClient: 'clientToServer',
};

/** A run is one dump, or each of its lines a text of its own, or one text over several lines. */
function readRun(run: MarkedRun): ReadBytes[] {
  if (run.texts.length === 1) return [readBytes(run.texts[0]!)];
  const joined = joinRun(run);
  const dump = ignoreFault(() => readDump(joined));
  if (dump !== undefined) return [dump];
  return ignoreFault(() => run.texts.filter((text) => text.trim() !== '').map(readBytes)) ?? [readBytes(joined)];
}

/** What is read; undefined when the text cannot be. */
function ignoreFault<Read>(read: () => Read): Read | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof HexSyntaxError || error instanceof InputError) return undefined;
    throw error;
  }
}

/** Whether what is marked as sent was sent by a server, to judge by the first bytes of each direction. */
function areSwapped(parts: readonly (Passage & { readonly direction: Direction })[]): boolean {
  return parts.some((part, i) => {
    const isFirst = parts.findIndex(({ direction }) => direction === part.direction) === i;
    return isFirst && senderOf(part.bytes) === OTHER[part.direction];
  });
}

/** In which direction such bytes go: by the kind of an HTTP head, or the MASK bit of a frame (§5.1). */
function senderOf(bytes: Uint8Array): Direction | undefined {
  const kind = headKindOf(bytes);
  if (kind !== undefined) return kind === 'request' ? 'clientToServer' : 'serverToClient';
  if (bytes.length < 2) return undefined;
  return (bytes[1]! & MASK) === 0 ? 'serverToClient' : 'clientToServer';
}

/** Parts that are whole on their own and go different ways are given their directions. */
function directConversation(conversation: Conversation): Conversation {
  const { passages } = conversation;
  const senders = passages.map(({ direction, bytes }) => direction ?? senderOf(bytes));
  const areDirected = passages.some(({ direction }) => direction !== undefined);
  if (!areDirected && (new Set(senders).size < 2 || !passages.every(({ bytes }) => isWhole(bytes))))
    return conversation;
  return {
    ...conversation,
    passages: passages.map((passage, i) => ({ ...passage, direction: senders[i] ?? 'clientToServer' })),
  };
}

function isWhole(bytes: Uint8Array): boolean {
  return (
    headKindOf(bytes) !== undefined ||
    countLikelyFrames(bytes, senderOf(bytes) === 'clientToServer' ? 'server' : 'client') > 0
  );
}

/** A stream that Wireshark followed, as YAML. */
function readFollowedStream(text: string): ReadBytes | undefined {
  const packets = [...text.matchAll(/\bpeer: ([01])\n(?: *\w+: [^|\n]*\n){0,8} *data: !!binary \|\s+([\w+/=\s]+)/g)];
  if (packets.length === 0) return undefined;
  const parts = packets.map(([, peer, content]) => ({
    direction: peer === '0' ? ('clientToServer' as const) : ('serverToClient' as const),
    bytes: parseBase64(content!) ?? new Uint8Array(0),
  }));
  return { form: 'both directions, YAML (Wireshark)', parts: joinSame(parts) };
}

/** The bytes of a text without marks. */
function readBytes(text: string): ReadBytes {
  const read = withoutHeaders(readHeads(text) ?? readDump(text) ?? readPlainText(text));
  for (const { bytes } of read.parts) refuseForeign(bytes, `, in ${read.form}`);
  return read;
}

function readDump(text: string): ReadBytes | undefined {
  const dump = parseHexDump(text);
  if (dump?.restartsAt !== undefined && !dump.parts.every(({ bytes }) => pastedSegment(bytes))) {
    throw restartFault(dump.restartsAt);
  }
  return dump;
}

/** What is carried by packets that were copied with all their headers. */
function withoutHeaders(read: ReadBytes): ReadBytes {
  const segments = read.parts.map(({ direction, bytes }) =>
    direction === undefined ? pastedSegment(bytes) : undefined,
  );
  if (read.parts.length === 0 || segments.includes(undefined)) return read;
  const filled = segments.flatMap((segment) =>
    segment === undefined || segment.payload.length === 0 ? [] : [segment],
  );
  const [first] = filled;
  if (first === undefined) {
    throw new InputError('These are packets of TCP that carry nothing: copy one that has payload');
  }
  const direction = senderOf(first.payload) ?? 'clientToServer';
  const areBoth = filled.some(({ from }) => from !== first.from);
  const parts = filled.map(({ from, payload }) => ({
    direction: areBoth ? (from === first.from ? direction : OTHER[direction]) : undefined,
    bytes: payload,
  }));
  return { form: `${read.form}, of packets with their headers`, parts };
}

const HEAD = /^\s*(?:[A-Z]+ \S+ )?HTTP\/1\.\d/;
const EMPTY_LINE = /\r?\n[ \t]*\r?\n/;
const UPGRADE = /^upgrade:\s*websocket/im;

/** HTTP heads as text, and what stands behind them in whatever form. */
function readHeads(text: string): ReadBytes | undefined {
  const heads: Uint8Array[] = [];
  let rest = text;
  let hasUpgrade = false;
  while (HEAD.test(rest)) {
    rest = rest.trimStart();
    const end = EMPTY_LINE.exec(rest);
    const headText = rest.slice(0, end?.index).trim();
    hasUpgrade = UPGRADE.test(headText);
    // Whoever copies a head leaves out the empty line behind it.
    const isEnded = end !== null || (hasUpgrade && /^sec-websocket-(?:key|accept):\s*\S+/im.test(headText));
    heads.push(bytesOfCharacters(`${headText}${isEnded ? '\n\n' : ''}`));
    rest = end === null ? '' : rest.slice(end.index + end[0].length);
  }
  const last = heads.at(-1);
  if (last === undefined) return undefined;
  const others = heads.slice(0, -1).map((bytes) => ({ bytes }));
  if (rest.trim() === '' || !hasUpgrade) {
    return { form: 'text', parts: joinSame([...others, { bytes: concat([last, bytesOfCharacters(rest)]) }]) };
  }
  const linesBefore = '\n'.repeat(text.slice(0, text.length - rest.length).split('\n').length - 1);
  const runs = splitDirections(rest);
  const { form, parts } = runs === undefined ? readBytes(linesBefore + rest) : readRuns(runs);
  return { form: `text, then ${form}`, parts: joinSame([...others, { bytes: last }, ...parts]) };
}

/** Parts of one direction become one: a head, and the frames behind it. */
function joinSame(parts: readonly Passage[]): Passage[] {
  const joined: { direction: Direction | undefined; sender: Direction | undefined; pieces: Uint8Array[] }[] = [];
  for (const { direction, bytes } of parts) {
    const last = joined.at(-1);
    const sender = direction ?? senderOf(bytes);
    if (last === undefined || last.sender !== sender) joined.push({ direction, sender, pieces: [bytes] });
    else {
      last.direction ??= direction;
      last.pieces.push(bytes);
    }
  }
  return joined.map(({ direction, pieces }) => ({ direction, bytes: concat(pieces) }));
}

/** Lines end as they did on the wire, whatever a text field made of them. */
function bytesOfCharacters(text: string): Uint8Array {
  const wire = text.replace(/\r?\n/g, '\r\n');
  return Uint8Array.from({ length: wire.length }, (_, i) => wire.charCodeAt(i));
}

/** Characters behind the bytes of a line: between `>` and `<`, as od writes them with `z`, or those of the bytes. */
function withoutCharacters(text: string): string {
  return text.replace(/^[ \t]*[\da-f]{2}[ \t].{0,400}$/gim, (line) => {
    for (const { index, 0: gap } of line.matchAll(/ {2,}(?=\S)/g)) {
      const [pairs, column] = [line.slice(0, index).trim(), line.slice(index + gap.length)];
      if (pairs === '') continue;
      if (!/^[\da-f]{2}(?:\s+[\da-f]{2})*$/i.test(pairs)) return line;
      if (/^>.{1,64}<\s*$/.test(column) || areCharactersOf(parseHex(pairs), column))
        return line.slice(0, index) + ' '.repeat(line.length - index);
    }
    return line;
  });
}

function readPlainText(given: string, readers: readonly Reader[] = READERS): ReadBytes {
  const text = withoutCharacters(given);
  const digits = readBinary(text) ?? readDigits(text) ?? readWords(text);
  if (digits !== undefined) return digits;
  let fault: HexSyntaxError;
  try {
    const bytes = parseHex(text);
    return readLines(text, bytes) ?? { form: 'hex text', parts: [{ bytes }] };
  } catch (error) {
    if (!(error instanceof HexSyntaxError)) throw error;
    fault = error;
  }
  if (/^\s*<(?:[!?]|[a-z][\s\S]*<\/)/i.test(text)) {
    throw new InputError('This is XML or HTML: give the bytes themselves, raw or as hex');
  }
  for (const read of readers) {
    const bytes = read(text);
    if (bytes !== undefined) return bytes;
  }
  if (hasNamedCharacter(text)) throw new InputError(LOSSY);
  if (hexShareOf(text) >= 0.5) throw fault;
  throw new InputError(
    'This is no form of bytes that is read here. Those are hex, dumps of xxd, hexdump, od, Wireshark and others, arrays ' +
      'and strings of programming languages, Base64, HTTP heads, HAR files, and lines marked with > and <',
  );
}

/** How much of a text is hex digits, white space not counted. */
function hexShareOf(text: string): number {
  let digits = 0;
  let others = 0;
  for (let i = 0; i < text.length; i++) {
    if (digitAt(text, i) !== -1) digits++;
    else if (text.charCodeAt(i) > 0x20) others++;
  }
  return digits / Math.max(1, digits + others);
}

/** Lines that are each whole and go different ways, as Wireshark shows a stream "raw". */
function readLines(text: string, bytes: Uint8Array): ReadBytes | undefined {
  if (!text.trim().includes('\n') || areFrames(bytes)) return undefined;
  const lines = text.split('\n').flatMap((line) => ignoreFault(() => parseHex(line)) ?? []);
  const filled = lines.filter(({ length }) => length > 0);
  const senders = new Set(filled.map(senderOf));
  if (senders.size !== 2 || senders.has(undefined) || !filled.every(areFrames)) return undefined;
  return { form: 'lines of hex text', parts: joinSame(filled.map((own) => ({ bytes: own }))) };
}

/** Whether a head, or frames to the end. */
function areFrames(bytes: Uint8Array): boolean {
  const role = senderOf(bytes) === 'clientToServer' ? 'server' : 'client';
  return headKindOf(bytes) !== undefined || areLikelyFrames(bytes, role);
}

/** `81 5 48`, as programs print bytes that leave out zeros in front; not what has lost its end. */
function readShortHex(text: string): ReadBytes | undefined {
  const groups = text.trim().split(/[\s,:;]+/);
  const areShort = groups.some(({ length }) => length === 1) && groups.at(-1)!.length === 2;
  if (!areShort || !groups.every((group) => /^(?:0|[1-9a-f][\da-f]?)$/i.test(group))) return undefined;
  const bytes = Uint8Array.from(groups, (group) => Number.parseInt(group, 16));
  return areFrames(bytes) ? { form: 'hex text without zeros in front', parts: [{ bytes }] } : undefined;
}

/** `81 05  # a header`, `81 05 // a header`, `81 05 (a header)`. */
function readCommented(text: string): ReadBytes | undefined {
  const hex = text.replace(/(^|[ \t])(?:#|\/\/|\().*/gm, '$1');
  if (hex.length === text.length || hex.trim() === '') return undefined;
  return ignoreFault(() => ({ form: 'hex text with comments', parts: [{ bytes: parseHex(hex) }] }));
}

/** `81|05|48`, `| 81 | 05 |`: any mark, but the same everywhere. */
function readSeparated(text: string): ReadBytes | undefined {
  const content = /^(\W?)\s*[\da-f]{2}(?:\s*([^\w\s])\s*[\da-f]{2}(?:\s*\2\s*[\da-f]{2})*)\s*\1$/i.exec(
    text.trim(),
  )?.[0];
  return content === undefined
    ? undefined
    : { form: 'hex text', parts: [{ bytes: parseHex(content.replace(/\W/g, ' ')) }] };
}

type Reader = (text: string) => ReadBytes | undefined;

/** Forms that are told by their marks, those first that are told more surely. */
const READERS: readonly Reader[] = [
  readShortHex,
  readCommented,
  readSeparated,
  readAngleBrackets,
  parseMarkedNumbers,
  parseIndexedNumbers,
  readHexList,
  readEscapes,
  (text) => (/[[{(<]/.test(text) ? parseNumberLists(text) : undefined),
  readQuoted,
  readBase64,
  readPercents,
  readBehindLabel,
  readAmongWords,
];

/** `0b10000001, 0b101`: digits of hex, but not meant so. */
function readBinary(text: string): ReadBytes | undefined {
  if (!/^\s*0b/i.test(text)) return undefined;
  const numbers = text.trim().split(/[\s,;]+/);
  if (numbers.length < 2 || !numbers.every((number) => /^0b[01]{0,8}$/i.test(number))) return undefined;
  const read = parseMarkedNumbers(text);
  if (read === undefined) throw new HexSyntaxError('One of these binary numbers has no digits: it is cut off', 0);
  return read;
}

/** Bytes as numbers of eight bits, of three octal digits, or decimal with one at least of three digits. */
function readDigits(text: string): ReadBytes | undefined {
  if (/[^\d\s,;-]/.test(text)) return undefined;
  const groups = text.split(/[\s,;]+/).filter((number) => number !== '');
  const numbers =
    bytesOfBits(
      groups.join(''),
      groups.every(({ length }) => length === 4),
    ) ?? groups;
  const readings: (readonly [form: string, pattern: RegExp, base: number])[] = [
    ['binary digits', /^[01]{8}$/, 2],
    ['octal numbers', /^[0-3][0-7]{2}$/, 8],
    ['decimal numbers', /^(?:0|-?[1-9]\d{0,2})$/, 10],
  ];
  const fitting = readings.flatMap(([form, pattern, base]): ReadBytes[] => {
    const isRead = numbers.every((number) => pattern.test(number)) && numbers.some(({ length }) => length >= 3);
    const values = isRead ? numbers.map((number) => Number.parseInt(number, base)) : [];
    if (!isRead || values.some((value) => value < -128 || value > 255)) return [];
    return [{ form, parts: [{ bytes: Uint8Array.from(values, (value) => value & 0xff) }] }];
  });
  return fitting.find(({ parts }) => isWhole(parts[0]!.bytes)) ?? fitting.at(-1);
}

/** Bits in a row, in lines of whatever length: too many for hex without other digits. Four and four they are few enough. */
function bytesOfBits(bits: string, areNibbles: boolean): string[] | undefined {
  return (bits.length >= 64 || areNibbles) && bits.length % 8 === 0 && /^[01]+$/.test(bits)
    ? bits.match(/.{8}/g)!
    : undefined;
}

/** od -An: words of several bytes, and lines of characters. */
function readWords(text: string): ReadBytes | undefined {
  if (/^[\da-f \t]*\*[ \t\r]*$/im.test(text)) {
    const advice = 'print them all, with the option -v, or with offsets';
    throw new InputError(`The * stands for bytes like those before it, and nobody knows how many: ${advice}`);
  }
  const read = parseWords(text);
  if (read !== undefined) return { form: read.form, parts: [{ bytes: read.bytes }] };
  const characters = parseCharacterCells(text);
  return characters && { form: 'characters (od -c)', parts: [{ bytes: characters }] };
}

/** `<Buffer 81 05 … 7 more bytes>`, `[Uint8Contents]: <81 05>`, `<81054865>`. */
function readAngleBrackets(text: string): ReadBytes | undefined {
  const parts: Passage[] = [];
  let isCut = false;
  for (const { 0: whole, 1: content = '', index } of text.matchAll(
    /<(?:\w*Buffer\b)?([\da-fA-F\s]*(?:\.\.\.[^>\n]{0,40})?)>/g,
  )) {
    const end = index + whole.length - 1;
    const start = end - content.length;
    const hexEnd = content.includes('.') ? start + content.indexOf('.') : end;
    isCut ||= hexEnd < end;
    parts.push({ bytes: parseHexIn(text, start, hexEnd) });
  }
  const last = text.lastIndexOf('<Buffer');
  if (last !== -1 && !text.includes('>', last)) {
    throw new HexSyntaxError(`The Buffer that begins at ${placeOf(text, last)} has no end: it is cut off`, last);
  }
  if (parts.length === 0) return undefined;
  const form = text.includes('<Buffer') ? 'a Buffer as Node prints it' : 'hex text in angle brackets';
  return { form: `${form}${isCut ? ', cut off' : ''}`, parts };
}

/** The hex of text[start … end). @throws {HexSyntaxError} with its place in the text */
function parseHexIn(text: string, start: number, end: number): Uint8Array<ArrayBuffer> {
  const hex = text.slice(start, end);
  // What stands in front is gone through once at most, and not for each of many.
  return ignoreFault(() => parseHex(hex)) ?? parseHex(text.slice(0, start).replace(/[^\n]/g, ' ') + hex);
}

/** `[81, 05, fa]`, as Rust prints bytes with `{:02x?}`: letters and zeros in front tell it from decimal numbers. */
function readHexList(text: string): ReadBytes | undefined {
  const [start, end] = [
    text.search(/[[{(]/) + 1,
    Math.max(...[']', '}', ')'].map((closing) => text.lastIndexOf(closing))),
  ];
  const inner = text.slice(start, Math.max(start, end));
  if (start === 0 || /[^\da-f\s,]/i.test(inner)) return undefined;
  const items = inner.split(/[\s,]+/).filter((item) => item !== '');
  const areHex = items.every(({ length }) => length === 2) && items.some((item) => /^0|[a-f]/i.test(item));
  return areHex ? { form: 'hex text in brackets', parts: [{ bytes: parseHex(inner) }] } : undefined;
}

function readEscapes(text: string): ReadBytes | undefined {
  if (!hasEscapes(text)) return undefined;
  // Arrays of characters: { '\x81', 0x05 }.
  if (/[[{(]\s*(?:b?'(?:\\?.|\\x..)'|0x[\da-f]+)\s*,/i.test(text)) return undefined;
  return parseEscapedText(text);
}

/** A string without escapes: hex or Base64 in source code. */
function readQuoted(text: string): ReadBytes | undefined {
  if (!/["'`]/.test(text)) return undefined;
  const strings = findStrings(text).map(({ start, end }) => text.slice(start, end));
  // Each byte a string: ['0x81', '0x5'].
  if (strings.length > 1 && strings.every((string) => /^(?:0x[\da-f]{1,2}|[\da-f]{2})$/i.test(string))) {
    const bytes = Uint8Array.from(strings, (string) => Number.parseInt(string, 16));
    return { form: 'strings of hex text', parts: [{ bytes }] };
  }
  const longest = strings.reduce((found, string) => (string.length > found.length ? string : found), '');
  if (longest.length < 4) return undefined;
  const read = ignoreFault(() => readPlainText(longest));
  return read && { form: `a string of ${read.form}`, parts: read.parts };
}

function readBase64(text: string): ReadBytes | undefined {
  const content = text.trim();
  // Final frames begin with Q or R there, and in Base64 with small letters.
  if (/^[QR][A-Z2-7\s]{7,}=*$/.test(content)) {
    throw new InputError('This looks like Base32, which is not read here: give the bytes as Base64 or hex');
  }
  const isCertain = content.endsWith('=') || /^data:|^-----|^content-[\w-]+:/i.test(content);
  // What is nearly all hex is hex with a fault in it.
  if (!isCertain && (content.length < 8 || hexShareOf(content) > 0.75)) return undefined;
  const bytes = parseBase64(content);
  if (bytes === undefined && isCertain && /^[\w+/=\s-]+$/.test(content)) {
    throw new HexSyntaxError('This looks like Base64 and is cut off: it has no whole number of bytes', 0);
  }
  if (bytes === undefined || bytes.length === 0) return undefined;
  // Words are Base64 too: these bytes begin no frame, and no head.
  const isLikely = isCertain || headKindOf(bytes) !== undefined || isLikelyStart(bytes);
  return isLikely ? { form: 'Base64', parts: [{ bytes }] } : undefined;
}

/** As in addresses: %81%05Hello. */
function readPercents(text: string): ReadBytes | undefined {
  const content = text.trim();
  if (!/%[\da-f]{2}/i.test(content) || /\s/.test(content)) return undefined;
  const bytes: number[] = [];
  for (let i = 0; i < content.length; i++) {
    const code = content.charCodeAt(i);
    const escaped = code === 0x25 ? /^%([\da-f]{2})/i.exec(content.slice(i, i + 3))?.[1] : undefined;
    if (code === 0x25 && escaped === undefined) {
      throw new HexSyntaxError(
        `The escape at ${placeOf(text, text.indexOf(content) + i)} is cut off: % has two hex digits`,
        i,
      );
    }
    bytes.push(escaped === undefined ? code & 0xff : Number.parseInt(escaped, 16));
    if (escaped !== undefined) i += 2;
  }
  return { form: 'percent-encoded text', parts: [{ bytes: Uint8Array.from(bytes) }] };
}

/** `0x81 0x00 (an empty text)` between lines of prose, as in §5.7; or lines that each end in `received: 81 00`. Only what makes frames. */
function readAmongWords(text: string): ReadBytes | undefined {
  const isPrefixed = /\b0x/i.test(text);
  const pattern = isPrefixed ? /\b0x[\da-f]{2}\b/gi : /(?=[\da-f]{2})(?<=[:=][ \t]*)(?:[\da-f]{2}[\s,]*)+$/gi;
  const lines = text.split('\n').map((line) => line.match(pattern)?.join(' ') ?? (isPrefixed ? '' : line));
  const hex = lines.join('\n');
  const bytes = ignoreFault(() => parseHex(hex));
  if (bytes === undefined || bytes.length < 2 || /\b0x(?![\da-f]{2}\b)/i.test(text)) return undefined;
  return readLines(hex, bytes) ?? (areFrames(bytes) ? { form: 'hex text among words', parts: [{ bytes }] } : undefined);
}

/** `payload: 81 05 …`, `data = …`. */
function readBehindLabel(text: string): ReadBytes | undefined {
  const label = LABEL.exec(text)?.[0];
  if (label === undefined || label.length === text.length) return undefined;
  const rest = text.slice(label.length).replace(label.includes('{') ? /\}\s*$/ : '', '');
  return ignoreFault(() => readPlainText(label.replace(/[^\n]/g, ' ') + rest, READERS.slice(0, -2)));
}

/** Also of arrays without brackets, and of what Swift prints. */
const LABEL = /^\s*(?:[a-z[$][\w .()/$[\]-]{0,40}[:=]|\.byte\b|db\b|\{length = \d+, bytes =)\s*/i;

function refuseForeign(bytes: Uint8Array, how: string): void {
  const format = FOREIGN_FORMATS.find(({ starts }) => starts.some((start) => startsWith(bytes, start)));
  if (format !== undefined) throw new InputError(`This is ${format.what}${how}: ${format.remedy}`);
}

function startsWith(bytes: Uint8Array, hex: string): boolean {
  if (bytes.length < hex.length / 2) return false;
  for (let i = 0; i < hex.length; i += 2) {
    if (bytes[i / 2] !== Number.parseInt(hex.slice(i, i + 2), 16)) return false;
  }
  return true;
}

/**
 * The text that the bytes are, if they are text throughout. No legal stream of frames is: the bytes that frames begin with
 * are control characters or no UTF-8.
 */
function textOf(bytes: Uint8Array): string | undefined {
  let encoding = 'utf-8';
  if (startsWith(bytes, 'fffe')) encoding = 'utf-16le';
  else if (startsWith(bytes, 'feff')) encoding = 'utf-16be';
  try {
    const text = withoutColours(new TextDecoder(encoding, { fatal: true }).decode(bytes));
    if (/[\u0000-\u0008\u000e-\u001f\u007f]/.test(text)) return undefined;
    // Heads are bytes as they were, unless frames stand behind them as text, or heads of both directions.
    if (headKindOf(bytes) === undefined) return text;
    const end = EMPTY_LINE.exec(text);
    const rest = end === null ? '' : text.slice(end.index + end[0].length);
    const isText =
      rest.trim() !== '' &&
      UPGRADE.test(text.slice(0, end!.index)) &&
      headKindOf(bytesOfCharacters(rest.slice(0, 8))) !== headKindOf(bytes);
    return isText ? text : undefined;
  } catch {
    return undefined;
  }
}
