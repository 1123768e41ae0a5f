/**
 * The opening handshake as people want to see it (§4.1, §4.2.2): the head in front of the frames, line by line, what each
 * field is for, and how the key becomes the accept value. The handshake folder reads and judges; this file tells.
 */

import { acceptResponse, PERMESSAGE_DEFLATE, resolveDeflateSettings } from '../deflate/negotiate.ts';
import {
  acceptValue,
  checkUpgradeRequest,
  type Extension,
  formatExtensions,
  GUID,
  type HeaderMap,
  HttpHeadParser,
  listHasToken,
  parseExtensions,
  type RequestHead,
  type ResponseHead,
  sha1,
} from '../handshake/index.ts';
import { encodeUtf8, type Role } from '../protocol/index.ts';
import { isWholeNumber } from '../protocol/whole-number.ts';
import { latin1 } from './bytes.ts';
import { formatHex } from './hex.ts';

export interface HeadFieldView {
  readonly name: string;
  readonly value: string;
  /** What the field does in the handshake; absent for fields that do nothing there. */
  readonly meaning?: string;
  readonly section?: string;
}

/** An HTTP message that came before the handshake. */
export interface HttpMessageView {
  readonly kind: 'request' | 'response';
  /** Where it begins, in bytes from the first given. */
  readonly offset: number;
  /** Of its head, in bytes, the empty line included. */
  readonly length: number;
  readonly bodyLength: number;
  readonly startLine: string;
}

/** The head of an HTTP message. Bytes are hex with a space between them. */
export interface HeadView {
  readonly kind: 'request' | 'response';
  /** Where it begins, in bytes from the first given. */
  readonly offset: number;
  /** In bytes, the empty line at its end included. */
  readonly length: number;
  readonly hex: string;
  readonly startLine: string;
  readonly fields: readonly HeadFieldView[];
  /** Whether it is as the RFC asks; bytes behind it may be frames even so. */
  readonly opensWebSocket: boolean;
  /** Why not. */
  readonly fault?: { readonly message: string; readonly section: string };
}

/** From `Sec-WebSocket-Key` to `Sec-WebSocket-Accept`, step by step. */
export interface AcceptDerivation {
  readonly key: string;
  readonly guid: string;
  /** Of key and GUID, as ASCII, one behind the other. */
  readonly sha1Hex: string;
  /** The same 20 bytes in Base64. */
  readonly accept: string;
}

const MEANINGS: Readonly<
  Record<HeadView['kind'], Readonly<Record<string, readonly [meaning: string, section: string]>>>
> = {
  request: {
    host: ['the server that is meant, as in any HTTP/1.1 request', '§4.1'],
    upgrade: ['asks to go on with another protocol on this connection', '§4.1'],
    connection: ['says that Upgrade is for the next hop, not to be passed on', '§4.1'],
    'sec-websocket-key': [
      '16 random bytes in Base64, fresh for every connection: the server has to answer to them',
      '§4.1',
    ],
    'sec-websocket-version': ['the version of the protocol; 13 is RFC 6455', '§4.1'],
    'sec-websocket-protocol': ['subprotocols that the client would speak, best first', '§4.1'],
    'sec-websocket-extensions': ['extensions that the client offers', '§9.1'],
    origin: ['the page that asks; browsers always send it, so that servers can refuse strangers', '§10.2'],
  },
  response: {
    upgrade: ['agrees to the other protocol', '§4.2.2'],
    connection: ['says that Upgrade is for the next hop, not to be passed on', '§4.2.2'],
    'sec-websocket-accept': ['derived from the key: proof that a WebSocket server read this very request', '§4.2.2'],
    'sec-websocket-protocol': ['the subprotocol that the server chose', '§4.2.2'],
    'sec-websocket-extensions': ['the extensions that both sides now use', '§9.1'],
  },
};

/** What has to come before the rest can say more than it did: so many bytes at least, or the end of a line. */
type Awaited = number | 'line';

/** What a recording begins with, before its first frame: as far as the bytes tell. */
export interface Opening {
  /** False while more bytes could change it. */
  readonly isSettled: boolean;
  /** HTTP messages before the handshake, on the same connection (RFC 9112 §9.3). */
  readonly preceding: readonly HttpMessageView[];
  readonly handshake: HeadView | undefined;
  /** Where frames begin, or what is not read; undefined when the bytes end inside an HTTP message. */
  readonly framesAt: number | undefined;
  readonly cut:
    | {
        readonly offset: number;
        readonly part: 'head' | 'body';
        readonly kind: HeadView['kind'];
        readonly awaits: Awaited;
      }
    | undefined;
  readonly opensFrames: boolean;
  /** Who said that permessage-deflate is in use, if anybody did, and with which parameters. */
  readonly deflate: { readonly from: HeadView['kind']; readonly parameters: string } | undefined;
}

interface HttpMessage {
  readonly head: HeadView;
  readonly headers: HeaderMap | undefined;
  /** Whether frames follow it, unless another HTTP message does. */
  readonly isUpgrade: boolean;
  readonly bodyLength: number | 'untilEnd' | CutBody;
}

interface CutBody {
  readonly awaits: Awaited;
}

/** The first bytes of HTTP messages. No legal frame begins so: reserved bits and opcodes stand against it. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];
const HEAD_STARTS: readonly (readonly [text: string, kind: HeadView['kind']])[] = [
  ['HTTP/1.', 'response'],
  ...METHODS.map((method) => [`${method} `, 'request'] as const),
];
const LONGEST_START = 8;
const LF = 0x0a;

/** Longer heads are no handshake that any server would take. */
export const MAX_HEAD_BYTES = 256 * 1024;

/** Which HTTP message the bytes begin with, if any. */
export function headKindOf(bytes: Uint8Array): HeadView['kind'] | undefined {
  const text = latin1(bytes.subarray(0, LONGEST_START));
  return HEAD_STARTS.find(([start]) => text.startsWith(start))?.[1];
}

/** Whether the bytes are too few to tell whether they begin an HTTP message. */
function mayBecomeHead(bytes: Uint8Array): boolean {
  const text = latin1(bytes.subarray(0, LONGEST_START));
  return HEAD_STARTS.some(([start]) => text.length < start.length && start.startsWith(text));
}

/** The role of whoever receives such a head. */
export function receiverOf(kind: HeadView['kind']): Role {
  return kind === 'request' ? 'server' : 'client';
}

/**
 * Whether an opening that was cut is worth reading anew: it would be read from its first byte, for every few bytes that
 * come.
 * @param bytes the newest; @param newBytes how many have come since it was read, @param allBytes and in all
 */
export function mayReadOn({ cut }: Opening, bytes: Uint8Array, newBytes: number, allBytes: number): boolean {
  if (cut === undefined) return true;
  if (cut.awaits !== 'line') return newBytes >= cut.awaits;
  return bytes.includes(LF) || (cut.part === 'head' && allBytes - cut.offset > MAX_HEAD_BYTES);
}

/**
 * Finds the handshake at the front of a recorded direction. Requests or responses that came before it on the same
 * connection are passed over, bodies included.
 */
export function readOpening(bytes: Uint8Array): Opening {
  const preceding: HttpMessageView[] = [];
  const found = {
    isSettled: true,
    preceding,
    handshake: undefined,
    cut: undefined,
    opensFrames: false,
    deflate: undefined,
  };
  const kind = headKindOf(bytes);
  if (kind === undefined) return { ...found, isSettled: !mayBecomeHead(bytes), framesAt: 0, opensFrames: true };
  for (let offset = 0; ; ) {
    const message = readMessage(bytes, offset, kind);
    if (message === undefined) {
      return { ...found, isSettled: false, framesAt: undefined, cut: { offset, part: 'head', kind, awaits: 'line' } };
    }
    const { head, headers, isUpgrade, bodyLength } = message;
    if (typeof bodyLength === 'object') {
      const { awaits } = bodyLength;
      preceding.push(viewPreceding(head, bytes.length - offset - head.length));
      return { ...found, isSettled: false, framesAt: undefined, cut: { offset, part: 'body', kind, awaits } };
    }
    const bodyAt = offset + head.length;
    const framesAt = bodyAt + (bodyLength === 'untilEnd' ? 0 : bodyLength);
    const rest = bytes.subarray(framesAt);
    const nextKind = headKindOf(rest);
    // A broken head without an end has no length: what follows it is itself.
    if (nextKind === kind && framesAt > offset) {
      preceding.push(viewPreceding(head, framesAt - bodyAt));
      offset = framesAt;
      continue;
    }
    // A body that nobody announced and no length ends is not read.
    const opening = {
      ...found,
      // A broken head goes as far as its empty line, which may be still to come.
      isSettled: !mayBecomeHead(rest) && (head.length > 0 || bytes.length - offset > MAX_HEAD_BYTES),
      framesAt: bodyLength === 'untilEnd' ? bodyAt : framesAt,
    };
    if (nextKind !== undefined) return { ...opening, handshake: { ...head, fault: head.fault ?? BOTH_DIRECTIONS } };
    return { ...opening, handshake: head, opensFrames: isUpgrade, deflate: deflateOf(headers, kind) };
  }
}

const BOTH_DIRECTIONS = {
  message: 'Requests and responses stand in one recording: give the bytes of each direction alone',
  section: '§4.1',
};

/**
 * The opening of a WebSocket over HTTP/2 (RFC 8441 §5): header fields in place of a head, the pseudo-header fields among
 * them.
 */
export function headOfFields(
  kind: HeadView['kind'],
  list: readonly (readonly [name: string, value: string])[],
): Opening {
  const fieldOf = (name: string) => list.find(([itsName]) => itsName === name)?.[1] ?? '';
  const status = fieldOf(':status');
  const isRefused = kind === 'response' && !/^2\d\d$/.test(status);
  const message = `Status ${status} refuses the WebSocket: only 2xx opens it`;
  const extensions = parseOrNone(fieldOf('sec-websocket-extensions'));
  const deflate = extensions.find(({ name }) => name === PERMESSAGE_DEFLATE);
  const handshake: HeadView = {
    kind,
    offset: 0,
    length: 0,
    hex: '',
    startLine: kind === 'request' ? `CONNECT ${fieldOf(':path')} (HTTP/2)` : `${status} (HTTP/2)`,
    fields: viewFields(list.flat(), kind),
    opensWebSocket: !isRefused,
    ...(isRefused && { fault: { message, section: 'RFC 8441 §5' } }),
  };
  return {
    isSettled: true,
    preceding: [],
    handshake,
    framesAt: 0,
    cut: undefined,
    opensFrames: true,
    deflate: deflate && { from: kind, parameters: formatExtensions([deflate]) },
  };
}

function viewPreceding({ kind, offset, length, startLine }: HeadView, bodyLength: number): HttpMessageView {
  return { kind, offset, length, bodyLength, startLine };
}

/** The HTTP message at `offset`; undefined when the bytes end inside its head. */
function readMessage(bytes: Uint8Array, offset: number, kind: HeadView['kind']): HttpMessage | undefined {
  const rest = bytes.subarray(offset);
  const parsed = new HttpHeadParser({ kind, maxHeadBytes: MAX_HEAD_BYTES }).push(rest);
  if (parsed === undefined) return undefined;
  if (!parsed.ok) return readBrokenMessage(rest, offset, kind, { message: parsed.message, section: parsed.section });
  const length = rest.length - parsed.rest.length;
  const { headers, rawHeaders } = parsed.head;
  const fault = 'method' in parsed.head ? requestFault(parsed.head) : responseFault(parsed.head);
  const isUpgrade =
    'method' in parsed.head ? listHasToken(headers.get('upgrade') ?? '', 'websocket') : parsed.head.statusCode === 101;
  const head = viewHead(rest.subarray(0, length), offset, kind, viewFields(rawHeaders, kind), fault);
  return { head, headers, isUpgrade, bodyLength: isUpgrade ? 0 : bodyLengthOf(parsed.head, parsed.rest) };
}

/** A head that is no HTTP: it goes as far as an empty line, so that what stands behind it can be looked at all the same. */
function readBrokenMessage(
  rest: Uint8Array,
  offset: number,
  kind: HeadView['kind'],
  fault: NonNullable<HeadView['fault']>,
): HttpMessage {
  const text = latin1(rest.subarray(0, MAX_HEAD_BYTES));
  const end = /\r?\n\r?\n/.exec(text);
  const headText = end === null ? '' : text.slice(0, end.index + end[0].length);
  const isUpgrade =
    /^upgrade:\s*websocket\s*$/im.test(headText) && (kind === 'request' || /^HTTP\/1\.\d 101/.test(headText));
  return {
    head: viewHead(rest.subarray(0, headText.length), offset, kind, [], fault),
    headers: undefined,
    isUpgrade,
    bodyLength: isUpgrade ? 0 : 'untilEnd',
  };
}

function viewHead(
  head: Uint8Array,
  offset: number,
  kind: HeadView['kind'],
  fields: readonly HeadFieldView[],
  fault: HeadView['fault'],
): HeadView {
  return {
    kind,
    offset,
    length: head.length,
    hex: formatHex(head),
    startLine: latin1(head).split(/\r?\n/, 1)[0]!,
    fields,
    opensWebSocket: fault === undefined,
    ...(fault !== undefined && { fault }),
  };
}

/**
 * RFC 9112 §6.3: how long the body behind a head is. Whether a response answers HEAD stands in the other direction: if the
 * next response begins at once, it has no body.
 */
function bodyLengthOf(head: RequestHead | ResponseHead, rest: Uint8Array): HttpMessage['bodyLength'] {
  const isRequest = 'method' in head;
  if (!isRequest) {
    const { statusCode } = head;
    if (statusCode < 200 || statusCode === 204 || statusCode === 304 || headKindOf(rest) === 'response') return 0;
  }
  if (listHasToken(head.headers.get('transfer-encoding') ?? '', 'chunked')) return chunkedLength(rest);
  const length = Number(head.headers.get('content-length') ?? Number.NaN);
  if (isWholeNumber(length, 0)) {
    if (length <= rest.length) return length;
    return { awaits: mayBecomeHead(rest) ? 1 : length - rest.length };
  }
  return isRequest ? 0 : 'untilEnd';
}

/** RFC 9112 §7.1: the length of a chunked body with its trailer fields. */
function chunkedLength(bytes: Uint8Array): HttpMessage['bodyLength'] {
  for (let at = 0; ; ) {
    const lineEnd = indexOfLineEnd(bytes, at);
    if (lineEnd === -1) return { awaits: 'line' };
    const size = /^([0-9a-f]{1,12})\s*(;|$)/i.exec(latin1(bytes.subarray(at, lineEnd)))?.[1];
    if (size === undefined) return 'untilEnd';
    at = lineEnd + 2;
    if (Number.parseInt(size, 16) === 0) return trailersEnd(bytes, at);
    at += Number.parseInt(size, 16) + 2;
    if (at > bytes.length) return { awaits: at - bytes.length };
  }
}

function trailersEnd(bytes: Uint8Array, start: number): number | CutBody {
  for (let at = start; ; ) {
    const lineEnd = indexOfLineEnd(bytes, at);
    if (lineEnd === -1) return { awaits: 'line' };
    if (lineEnd === at) return at + 2;
    at = lineEnd + 2;
  }
}

function indexOfLineEnd(bytes: Uint8Array, start: number): number {
  for (let at = bytes.indexOf(0x0d, start); at !== -1; at = bytes.indexOf(0x0d, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at;
  }
  return -1;
}

/** RFC 7692 §5.1: a response agrees to the extension, a request only offers it. A header that is malformed says nothing. */
function deflateOf(headers: HeaderMap | undefined, from: HeadView['kind']): Opening['deflate'] {
  const extension = extensionsIn(headers).find(({ name }) => name === PERMESSAGE_DEFLATE);
  return extension && { from, parameters: formatExtensions([extension]) };
}

function extensionsIn(headers: HeaderMap | undefined): Extension[] {
  return parseOrNone(headers?.get('sec-websocket-extensions') ?? '');
}

function parseOrNone(value: string): Extension[] {
  try {
    return parseExtensions(value);
  } catch {
    return [];
  }
}

/** What a client that offers everything may answer to: no answer is refused for what it was not asked. */
export const WIDEST_OFFER = resolveDeflateSettings({}, 'client', 'ws');

/** RFC 7692 §7: parameters that no offer allows: unknown, twice, or with a value out of range. */
function deflateFault(headers: HeaderMap): HeadView['fault'] {
  const negotiation = acceptResponse(extensionsIn(headers), WIDEST_OFFER);
  if (negotiation.outcome !== 'refused') return undefined;
  return { message: `${negotiation.message}: ${negotiation.reason}`, section: 'RFC 7692 §7' };
}

/** §4.2.2: what a server makes of the client's key. */
export function deriveAccept(key: string): AcceptDerivation {
  const sha1Hex = formatHex(sha1(encodeUtf8(key + GUID)));
  return { key, guid: GUID, sha1Hex, accept: acceptValue(key) };
}

function requestFault(head: RequestHead): HeadView['fault'] {
  const check = checkUpgradeRequest(head);
  return check.ok ? undefined : { message: check.message, section: check.section };
}

function responseFault(head: ResponseHead): HeadView['fault'] {
  if (head.statusCode === 101) return deflateFault(head.headers);
  return { message: `Status ${head.statusCode} refuses the upgrade: only 101 opens a WebSocket`, section: '§4.1' };
}

function viewFields(rawHeaders: readonly string[], kind: HeadView['kind']): HeadFieldView[] {
  const fields: HeadFieldView[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    const known = Object.entries(MEANINGS[kind]).find(([knownName]) => knownName === name.toLowerCase())?.[1];
    fields.push({ name, value: rawHeaders[i + 1]!, ...(known && { meaning: known[0], section: known[1] }) });
  }
  return fields;
}
