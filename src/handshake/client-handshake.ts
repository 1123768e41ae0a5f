/**
 * The client's half of the opening handshake (§4.1) as pure functions: `buildUpgradeRequest` writes the request, or
 * `buildConnectRequest` over HTTP/2 (RFC 8441), and `checkUpgradeResponse` judges the response. It refuses to know of
 * sockets, URLs, proxies and redirects, and of what the parameters of an extension mean.
 */

import { checkExtraFields, fieldsOfLines, formatHead, type HeaderField, headerLine } from './head-writer.ts';
import {
  type Extension,
  equalsToken,
  formatExtensions,
  isToken,
  listHasToken,
  parseExtensions,
} from './header-fields.ts';
import type { ResponseHead } from './http-head.ts';
import { isHost, parseTarget } from './http-request.ts';
import { acceptValue, isKeyShaped } from './key.ts';

export interface UpgradeRequestParts {
  /** Host, with `:port` unless it is the scheme's default. */
  readonly host: string;
  /** The resource name (§3), or an absolute http or https URI. */
  readonly target: string;
  /** From `generateKey`, new for each connection. */
  readonly key: string;
  /** Most preferred first; default none. */
  readonly subprotocols?: readonly string[];
  /** Most preferred first; default none. */
  readonly extensions?: readonly Extension[];
  /** Sent as Origin; default none. */
  readonly origin?: string | undefined;
  /** More fields, such as Cookie or Authorization. */
  readonly headers?: readonly HeaderField[];
}

export interface ConnectRequestParts extends Omit<UpgradeRequestParts, 'key' | 'target'> {
  /** The resource name (§3). */
  readonly target: string;
  /** Whether the connection has TLS: a wss: address. */
  readonly isSecure: boolean;
}

/** §4.1 has these in a request for the handshake's own use. */
const RESERVED_IN_REQUEST = ['sec-websocket-protocol', 'sec-websocket-extensions', 'sec-websocket-accept'];

/** RFC 8441 §5 and RFC 9113 §8.2.2: not over HTTP/2, where the host stands in `:authority`. */
const ONLY_IN_HTTP1: readonly string[] = [
  ...['host', 'connection', 'upgrade', 'sec-websocket-key', 'sec-websocket-accept'],
  ...['keep-alive', 'proxy-connection', 'transfer-encoding', 'http2-settings', 'te'],
];

/** Whether a field has no place in a message of HTTP/2. */
export function isOnlyInHttp1(name: string): boolean {
  return ONLY_IN_HTTP1.includes(name.toLowerCase());
}

/**
 * The head of the request (§4.1), one character per byte.
 * @throws TypeError, so that nothing is sent, when a part has illegal characters or breaks its grammar, when a
 *   subprotocol stands there twice, or when `headers` has a field of the handshake
 */
export function buildUpgradeRequest(parts: UpgradeRequestParts): string {
  const { target, key } = parts;
  requirePart(isKeyShaped(key), 'key', key, '16 bytes in base64');
  const upgrade: HeaderField[] = [
    ['Host', parts.host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', key],
  ];
  const lines = requestFields(parts, upgrade).map(([name, value]) => headerLine(name, value));
  return formatHead([`GET ${target} HTTP/1.1`, ...lines]);
}

/**
 * The fields of an extended CONNECT, which asks for a WebSocket over HTTP/2 (RFC 8441 §5); their names in lower case.
 * @throws TypeError as `buildUpgradeRequest` does, and when `headers` has a field that is about one connection of HTTP/1.1
 */
export function buildConnectRequest(parts: ConnectRequestParts): HeaderField[] {
  // RFC 8441 §4: all of them, unlike in a CONNECT that is for a proxy.
  const pseudo: HeaderField[] = [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', parts.isSecure ? 'https' : 'http'],
    [':authority', parts.host],
    [':path', parts.target],
  ];
  const fields = requestFields(parts, [], [...RESERVED_IN_REQUEST, ...ONLY_IN_HTTP1]);
  return [...pseudo, ...fieldsOfLines(['', ...fields.map(([name, value]) => headerLine(name, value))])];
}

/** The fields of either request. @param first those that only it has */
function requestFields(
  { host, target, subprotocols = [], extensions = [], origin, headers = [] }: Omit<UpgradeRequestParts, 'key'>,
  first: readonly HeaderField[],
  reserved = RESERVED_IN_REQUEST,
): HeaderField[] {
  requirePart(isHost(host), 'host', host, 'a host name or address with an optional :port');
  requirePart(parseTarget(target) !== undefined, 'target', target, 'a percent-encoded path without a fragment');
  for (const name of subprotocols) requirePart(isToken(name), 'subprotocol', name, 'a token');
  if (new Set(subprotocols).size !== subprotocols.length) {
    throw new TypeError(`Each subprotocol may be offered once only: ${subprotocols.join(', ')}`);
  }
  const own: HeaderField[] = [...first, ['Sec-WebSocket-Version', '13']];
  if (origin !== undefined) own.push(['Origin', origin]);
  if (subprotocols.length > 0) own.push(['Sec-WebSocket-Protocol', subprotocols.join(',')]);
  if (extensions.length > 0) own.push(['Sec-WebSocket-Extensions', formatExtensions(extensions)]);
  // Such as key and version, which stand in a request once (§11.3.1, §11.3.5).
  checkExtraFields(headers, [...reserved, ...own.map(([name]) => name.toLowerCase())]);
  return [...own, ...headers];
}

function requirePart(isLegal: boolean, part: string, text: string, expected: string): void {
  if (!isLegal) throw new TypeError(`Invalid ${part} ${JSON.stringify(text)}: it must be ${expected}`);
}

/** What the request asked for. */
export interface UpgradeExpectation {
  /** Undefined over HTTP/2, which has none (RFC 8441 §5). */
  readonly key: string | undefined;
  /** Default none. */
  readonly subprotocols?: readonly string[];
  /** Names of the extensions offered; default none. */
  readonly extensions?: readonly string[];
}

export interface AcceptedUpgrade {
  readonly ok: true;
  readonly subprotocol: string | undefined;
  /** In the order in which they work on the data (§9.1). Their parameters are still to be judged. */
  readonly extensions: readonly Extension[];
}

/** The connection must be failed; but a status other than 101 may be handled as HTTP has it. */
export interface UpgradeFailure {
  readonly ok: false;
  readonly section: string;
  readonly message: string;
}

/**
 * Judges a response against the list of §4.1. The messages and their order are ws's. Like ws and browsers it expects a
 * subprotocol to be chosen when some were offered, which goes beyond §4.1.
 */
export function checkUpgradeResponse(
  { statusCode, headers }: Pick<ResponseHead, 'statusCode' | 'headers'>,
  { key, subprotocols = [], extensions = [] }: UpgradeExpectation,
): AcceptedUpgrade | UpgradeFailure {
  const fail = (message: string, section = '§4.1'): UpgradeFailure => ({ ok: false, section, message });
  // Items 1 to 4. A repeated header is joined with a comma and so matches nothing (§11.3.3, §11.3.4: once only).
  const isHttp2 = key === undefined;
  if (isHttp2 ? !isOpened(statusCode) : statusCode !== 101) return fail(`Unexpected server response: ${statusCode}`);
  if (!isHttp2) {
    if (!equalsToken(headers.get('upgrade') ?? '', 'websocket')) return fail('Invalid Upgrade header');
    if (!listHasToken(headers.get('connection') ?? '', 'upgrade')) return fail('Invalid Connection header');
    if (headers.get('sec-websocket-accept') !== acceptValue(key)) return fail('Invalid Sec-WebSocket-Accept header');
  }

  // Item 6.
  const subprotocol = headers.get('sec-websocket-protocol');
  if (subprotocol === undefined) {
    if (subprotocols.length > 0) return fail('Server sent no subprotocol');
  } else if (!subprotocols.includes(subprotocol)) {
    const isUnasked = subprotocols.length === 0;
    return fail(isUnasked ? 'Server sent a subprotocol but none was requested' : 'Server sent an invalid subprotocol');
  }

  // Item 5.
  const value = headers.get('sec-websocket-extensions');
  if (value === undefined) return { ok: true, subprotocol, extensions: [] };
  if (extensions.length === 0) {
    return fail('Server sent a Sec-WebSocket-Extensions header but no extension was requested');
  }
  if (headers.count('sec-websocket-extensions') > 1) return fail('Invalid Sec-WebSocket-Extensions header', '§11.3.2');
  let agreed: readonly Extension[];
  try {
    agreed = parseExtensions(value);
  } catch {
    return fail('Invalid Sec-WebSocket-Extensions header', '§9.1');
  }
  if (!agreed.every(({ name }) => extensions.includes(name))) {
    return fail('Server indicated an extension that was not requested');
  }
  return { ok: true, subprotocol, extensions: agreed };
}

/** RFC 9110 §9.3.6: any 2xx answer to CONNECT opens the tunnel. */
export function isOpened(statusCode: number): boolean {
  return statusCode >= 200 && statusCode < 300;
}
