/**
 * Sending the server's opening handshake (§4.2.2): the 101 response, and the HTTP responses that refuse. It refuses to
 * know why something was accepted or refused.
 */

import { encodeUtf8 } from '../protocol/index.ts';
import { checkExtraFields, formatHead, type HeaderField, headerLine, reasonPhrase, statusLine } from './head-writer.ts';
import { type Extension, formatExtensions, isToken } from './header-fields.ts';
import { acceptValue } from './key.ts';

export interface UpgradeResponse {
  /** The request's key. */
  readonly key: string;
  /** The subprotocol chosen; default none. */
  readonly subprotocol?: string | undefined;
  /** The extensions agreed on, in the order in which they work on the data (§9.1); default none. */
  readonly extensions?: readonly Extension[];
  /** More fields, such as Set-Cookie. */
  readonly headers?: readonly HeaderField[] | undefined;
}

/**
 * §11.3.2 to §11.3.4: the last four stand in a response at most once, and only the handshake can know their value; so
 * with the two that HTTP wants for the upgrade.
 */
const RESERVED_IN_RESPONSE = [
  'upgrade',
  'connection',
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'sec-websocket-version',
];

/** What all 101 responses begin with. */
const UPGRADE_START = `${statusLine(101)}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: `;

/**
 * The 101 response (§4.2.2), one character per byte.
 * @throws TypeError when a part has illegal characters or `headers` has a field of the handshake
 */
export function buildUpgradeResponse({ key, subprotocol, extensions, headers }: UpgradeResponse): string {
  let head = UPGRADE_START + acceptValue(key);
  if (subprotocol !== undefined) {
    if (!isToken(subprotocol)) throw new TypeError(`A subprotocol must be a token, not ${JSON.stringify(subprotocol)}`);
    head += `\r\nSec-WebSocket-Protocol: ${subprotocol}`;
  }
  if (extensions !== undefined && extensions.length > 0) {
    head += `\r\nSec-WebSocket-Extensions: ${formatExtensions(extensions)}`;
  }
  if (headers !== undefined && headers.length > 0) {
    checkExtraFields(headers, RESERVED_IN_RESPONSE);
    for (const [name, value] of headers) head += `\r\n${headerLine(name, value)}`;
  }
  return `${head}\r\n\r\n`;
}

/**
 * The lines of the 101 response (§4.2.2), the status line first, for programs that want to change them. `formatHead`
 * makes them a head. Throws as `buildUpgradeResponse` does.
 */
export function upgradeResponseLines(response: UpgradeResponse): string[] {
  const lines = buildUpgradeResponse(response).split('\r\n');
  // The empty line that ends the head, and what is behind it.
  lines.length -= 2;
  return lines;
}

export interface RefusalResponse {
  /** 300 to 599. */
  readonly status: number;
  /** The body. Default: the status's reason phrase. */
  readonly message?: string;
  /** Each replaces the field of its name that would be there by default: Connection, Content-Type, Content-Length. */
  readonly headers?: readonly HeaderField[];
  /** Default `text/plain; charset=utf-8`. */
  readonly contentType?: string;
}

/**
 * A whole HTTP response that refuses the upgrade and announces that the connection ends (§4.2.2). One character per
 * byte, the body's UTF-8 included.
 * @throws RangeError when the status is not one that refuses; TypeError when a part has illegal characters
 */
export function buildRefusalResponse({ status, message, headers = [], contentType }: RefusalResponse): string {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new RangeError(`A refusal needs an HTTP status from 300 to 599, not ${status}`);
  }
  const body = utf8ByteString(message ?? reasonPhrase(status));
  const defaults: HeaderField[] = [
    ['Connection', 'close'],
    ['Content-Type', contentType ?? 'text/plain; charset=utf-8'],
    ['Content-Length', String(body.length)],
  ];
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const fields = [...defaults.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
  return formatHead([statusLine(status), ...fields.map(([name, value]) => headerLine(name, value))]) + body;
}

function utf8ByteString(text: string): string {
  return Array.from(encodeUtf8(text), (byte) => String.fromCharCode(byte)).join('');
}
