/**
 * The opening handshake as people want to see it (§4.1, §4.2.2): the head at the front of a recorded stream, line by line
 * with what each field is for, and how the key becomes the accept value. Reading and judging are the handshake folder's;
 * this only tells.
 */

import {
  acceptValue,
  checkUpgradeRequest,
  GUID,
  HttpHeadParser,
  type RequestHead,
  type ResponseHead,
  sha1,
} from '../handshake/index.ts';
import type { Role } from '../protocol/index.ts';
import { formatHex } from './hex.ts';

export interface HeadFieldView {
  readonly name: string;
  readonly value: string;
  /** What the field does in the handshake; absent for fields that do nothing there. */
  readonly meaning?: string;
  readonly section?: string;
}

/** The head of an HTTP message. Bytes are hex with a space between them. */
export interface HeadView {
  readonly kind: 'request' | 'response';
  /** In bytes, the empty line at its end included. */
  readonly length: number;
  readonly hex: string;
  readonly startLine: string;
  readonly fields: readonly HeadFieldView[];
  /** Whether frames follow. */
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

/** Which HTTP message the bytes begin with, if any. No legal frame begins so: RSV1 and reserved opcodes stand against it. */
export function headKindOf(bytes: Uint8Array): HeadView['kind'] | undefined {
  const start = latin1(bytes.subarray(0, 5));
  if (start.startsWith('GET /')) return 'request';
  return start === 'HTTP/' ? 'response' : undefined;
}

/** The role of whoever receives such a head. */
export function receiverOf(kind: HeadView['kind']): Role {
  return kind === 'request' ? 'server' : 'client';
}

/** Reads the head that stands at the front of `bytes`; undefined when they end inside it. */
export function viewHead(bytes: Uint8Array, kind: HeadView['kind']): HeadView | undefined {
  const parser = new HttpHeadParser({ kind });
  const parsed = parser.push(bytes);
  if (parsed === undefined) return undefined;
  if (!parsed.ok) {
    const fault = { message: parsed.message, section: parsed.section };
    return { kind, length: 0, hex: '', startLine: '', fields: [], opensWebSocket: false, fault };
  }
  const head = bytes.subarray(0, bytes.length - parsed.rest.length);
  const fault = 'method' in parsed.head ? requestFault(parsed.head) : responseFault(parsed.head);
  return {
    kind,
    length: head.length,
    hex: formatHex(head),
    startLine: latin1(head).split('\r\n', 1)[0]!,
    fields: viewFields(parsed.head.rawHeaders, kind),
    opensWebSocket: fault === undefined,
    ...(fault !== undefined && { fault }),
  };
}

/** §4.2.2: what a server makes of the client's key. */
export function deriveAccept(key: string): AcceptDerivation {
  const sha1Hex = formatHex(sha1(new TextEncoder().encode(key + GUID)));
  return { key, guid: GUID, sha1Hex, accept: acceptValue(key) };
}

function requestFault(head: RequestHead): HeadView['fault'] {
  const check = checkUpgradeRequest(head);
  return check.ok ? undefined : { message: check.message, section: check.section };
}

function responseFault(head: ResponseHead): HeadView['fault'] {
  if (head.statusCode === 101) return undefined;
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

/** One character per byte. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
}
