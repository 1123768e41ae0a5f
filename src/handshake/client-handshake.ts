/**
 * The client's half of the opening handshake (§4.1) as pure functions: `buildUpgradeRequest` writes the request,
 * `checkUpgradeResponse` judges the response. It refuses to know of sockets, URLs, proxies and redirects, and of what the
 * parameters of an extension mean.
 */

import { checkExtraFields, formatHead, type HeaderField, headerLine } from './head-writer.ts';
import {
  type Extension,
  equalsToken,
  formatExtensions,
  isToken,
  listHasToken,
  parseExtensions,
} from './header-fields.ts';
import type { HeaderMap } from './header-map.ts';
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

/** §4.1 has these in a request for the handshake's own use. */
const RESERVED_IN_REQUEST = ['sec-websocket-protocol', 'sec-websocket-extensions', 'sec-websocket-accept'];

/**
 * The head of the request (§4.1), one character per byte.
 * @throws TypeError, so that nothing is sent, when a part has illegal characters or breaks its grammar, when a
 *   subprotocol stands there twice, or when `headers` has a field of the handshake
 */
export function buildUpgradeRequest(parts: UpgradeRequestParts): string {
  const { host, target, key, subprotocols = [], extensions = [], origin, headers = [] } = parts;
  requirePart(isHost(host), 'host', host, 'a host name or address with an optional :port');
  requirePart(parseTarget(target) !== undefined, 'target', target, 'a percent-encoded path without a fragment');
  requirePart(isKeyShaped(key), 'key', key, '16 bytes in base64');
  for (const name of subprotocols) requirePart(isToken(name), 'subprotocol', name, 'a token');
  if (new Set(subprotocols).size !== subprotocols.length) {
    throw new TypeError(`Each subprotocol may be offered once only: ${subprotocols.join(', ')}`);
  }

  const own: HeaderField[] = [
    ['Host', host],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', key],
    ['Sec-WebSocket-Version', '13'],
  ];
  if (origin !== undefined) own.push(['Origin', origin]);
  if (subprotocols.length > 0) own.push(['Sec-WebSocket-Protocol', subprotocols.join(',')]);
  if (extensions.length > 0) own.push(['Sec-WebSocket-Extensions', formatExtensions(extensions)]);
  // Such as key and version, which stand in a request once (§11.3.1, §11.3.5).
  checkExtraFields(headers, [...RESERVED_IN_REQUEST, ...own.map(([name]) => name.toLowerCase())]);
  const lines = [...own, ...headers].map(([name, value]) => headerLine(name, value));
  return formatHead([`GET ${target} HTTP/1.1`, ...lines]);
}

function requirePart(isLegal: boolean, part: string, text: string, expected: string): void {
  if (!isLegal) throw new TypeError(`Invalid ${part} ${JSON.stringify(text)}: it must be ${expected}`);
}

/** What the check reads of a response. */
export interface UpgradeResponseHead {
  readonly statusCode: number;
  readonly headers: HeaderMap;
}

/** What the request asked for. */
export interface UpgradeExpectation {
  readonly key: string;
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
  { statusCode, headers }: UpgradeResponseHead,
  { key, subprotocols = [], extensions = [] }: UpgradeExpectation,
): AcceptedUpgrade | UpgradeFailure {
  const fail = (message: string, section = '§4.1'): UpgradeFailure => ({ ok: false, section, message });
  // Items 1 to 4. A repeated header is joined with a comma and so matches nothing (§11.3.3, §11.3.4: once only).
  if (statusCode !== 101) return fail(`Unexpected server response: ${statusCode}`);
  if (!equalsToken(headers.get('upgrade') ?? '', 'websocket')) return fail('Invalid Upgrade header');
  if (!listHasToken(headers.get('connection') ?? '', 'upgrade')) return fail('Invalid Connection header');
  if (headers.get('sec-websocket-accept') !== acceptValue(key)) return fail('Invalid Sec-WebSocket-Accept header');

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
