/**
 * The server's half of the opening handshake (§4.2) as pure functions: `checkUpgradeRequest` judges the request,
 * `buildUpgradeResponse` and `buildRefusalResponse` write the answer. In between, a server may ask whomever it likes. It
 * refuses to know of sockets, of Node's http module, and of what the parameters of an extension mean.
 */

import { encodeUtf8 } from '../protocol/index.ts';
import { isWholeNumber } from '../protocol/whole-number.ts';
import { checkExtraFields, formatHead, type HeaderField, headerLine, reasonPhrase, statusLine } from './head-writer.ts';
import {
  type Extension,
  formatExtensions,
  type HeaderSyntaxError,
  isToken,
  listHasToken,
  parseExtensions,
  parseSubprotocols,
} from './header-fields.ts';
import type { HeaderMap } from './header-map.ts';
import { announcesBody, namesOneHost, parseTarget } from './http-request.ts';
import { acceptValue, isKeyShaped } from './key.ts';

/** What the check reads of a request. A head from `HttpHeadParser` is one. */
export interface UpgradeRequest {
  readonly method: string;
  /** The request-target as sent. */
  readonly target: string;
  /** `1.1`, without `HTTP/`. */
  readonly httpVersion: string;
  readonly headers: HeaderMap;
  /**
   * The fields as they came, where `headers` may have been changed. Null for a request that never was on a wire: it is
   * not held to the rules of HTTP, which are about wires. Default: `headers`.
   */
  readonly wireHeaders?: HeaderMap | null;
  /** `:protocol` of an extended CONNECT of HTTP/2 (RFC 8441 §4), whose `:path` is the target. Undefined in HTTP/1.1. */
  readonly protocol?: string | undefined;
}

/** `strict` answers as the RFCs say; `ws` gives the statuses and texts of the npm package of that name. */
export type HandshakeProfile = 'strict' | 'ws';

export interface UpgradeRequestOptions {
  /** Default `strict`. */
  readonly profile?: HandshakeProfile;
  /** False when the server supports no extension: their header is then ignored like an unknown one. Default true. */
  readonly parsesExtensions?: boolean;
  /** Says why nothing is served at a resource name; undefined where something is. Default: every name is served. */
  readonly explainPath?: (resourceName: string) => string | undefined;
  /**
   * Origins from which a connection may come, as browsers write them: `scheme://host`, with `:port` unless default.
   * A list lets requests without Origin pass: no browser sent them, and other clients could send any Origin they like
   * (§10.2). A function decides for itself. Default: every origin, which leaves cookies open to cross-site hijacking.
   */
  readonly origins?: readonly string[] | ((origin: string | undefined) => boolean) | undefined;
}

export interface AcceptableRequest {
  readonly ok: true;
  /** '' over HTTP/2, which has none. */
  readonly key: string;
  /** 13; with the `ws` profile also 8. */
  readonly version: number;
  /** The path with its query (§3), also of an absolute request-target. */
  readonly resourceName: string;
  readonly origin: string | undefined;
  /** As offered, most preferred first. */
  readonly subprotocols: readonly string[];
  /** As offered, most preferred first. */
  readonly extensions: readonly Extension[];
}

export interface Refusal {
  readonly ok: false;
  /** The check that failed. */
  readonly check: CheckId;
  readonly section: string;
  readonly status: number;
  /** The response body. */
  readonly message: string;
  readonly contentType: string;
  readonly headers: readonly HeaderField[];
}

type Answer = Pick<Refusal, 'status' | 'message' | 'headers'>;

/** Nothing offered, nothing to add. */
const NONE: readonly never[] = Object.freeze([]);

const PLAIN_TEXT = 'text/plain; charset=utf-8';

/** §4.4: a refusal lists all versions that are understood. */
const VERSION_13: HeaderField = ['Sec-WebSocket-Version', '13'];

/** RFC 9110 §15.5.22 has a 426 name the protocol in Upgrade, and RFC 9110 §7.8 has Connection list it. */
const UPGRADE_REQUIRED: readonly HeaderField[] = [
  ['Connection', 'close, Upgrade'],
  ['Upgrade', 'websocket'],
  VERSION_13,
];

function row(section: string, status: number, message: string, headers: readonly HeaderField[] = NONE) {
  return { section, status, message, headers };
}

/** What is answered to a request that fails a check. */
const REFUSALS = {
  method: row('§4.2.1', 405, 'A WebSocket is opened with GET', [['Allow', 'GET']]),
  protocol: row('RFC 8441 §4', 501, 'No other :protocol than websocket is known here'),
  target: row('§4.2.1', 400, 'The request-target must be a path or an absolute http or https URI'),
  upgrade: row('§4.2.1', 400, 'The Upgrade header must have websocket'),
  connection: row('§4.2.1', 400, 'The Connection header must have Upgrade'),
  key: row('§4.2.1', 400, 'Exactly one Sec-WebSocket-Key header with 16 bytes in base64 is required'),
  versionHeader: row('§11.3.5', 400, 'Exactly one Sec-WebSocket-Version header is required: send 13', [VERSION_13]),
  version: row('§4.2.2', 426, 'This version of the WebSocket protocol is not supported: use 13', UPGRADE_REQUIRED),
  httpVersion: row('§4.2.1', 400, 'A WebSocket needs HTTP/1.1 or higher'),
  host: row('§4.2.1', 400, 'Exactly one Host header with a valid host is required'),
  body: row('§4.2.1', 400, 'A request for a WebSocket must have no body'),
  // The text is that of `explainPath`.
  path: row('§4.2.2', 404, ''),
  subprotocols: row('§4.1', 400, 'Invalid Sec-WebSocket-Protocol header'),
  extensions: row('§9.1', 400, 'Invalid Sec-WebSocket-Extensions header'),
  origin: row('§10.2', 403, 'Connections from this origin are not allowed'),
};

export type CheckId = keyof typeof REFUSALS;

const WS_VERSION_ANSWER: Answer = {
  status: 400,
  message: 'Missing or invalid Sec-WebSocket-Version header',
  headers: [['Sec-WebSocket-Version', '13, 8']],
};

/** What ws answers to what it looks for itself. */
const WS_ANSWERS: Readonly<Partial<Record<CheckId, Answer>>> = {
  method: { status: 405, message: 'Invalid HTTP method', headers: NONE },
  upgrade: { status: 400, message: 'Invalid Upgrade header', headers: NONE },
  key: { status: 400, message: 'Missing or invalid Sec-WebSocket-Key header', headers: NONE },
  versionHeader: WS_VERSION_ANSWER,
  version: WS_VERSION_ANSWER,
  path: { status: 400, message: reasonPhrase(400), headers: NONE },
  subprotocols: { status: 400, message: 'Invalid Sec-WebSocket-Protocol header', headers: NONE },
  extensions: { status: 400, message: 'Invalid or unacceptable Sec-WebSocket-Extensions header', headers: NONE },
};

/**
 * Judges a request against §4.2.1 and §4.2.2. The first requirement that is not met decides the refusal, and with it the
 * HTTP status that §10.7 asks for. The order is that of §4.2.1, but for what ws does not look at: that comes behind, so
 * that a request with two faults gets ws's answer. Over HTTP/2, an extended CONNECT says what GET, Upgrade and Connection say
 * otherwise, and there is no key (RFC 8441 §5).
 */
export function checkUpgradeRequest(
  request: UpgradeRequest,
  { profile = 'strict', parsesExtensions = true, explainPath, origins }: UpgradeRequestOptions = {},
): AcceptableRequest | Refusal {
  const { method, target, httpVersion, headers, wireHeaders = headers, protocol } = request;
  const isHttp2 = protocol !== undefined;
  // ws has no HTTP/2.
  const isStrict = profile === 'strict' || isHttp2;
  const refuse = (check: CheckId, change?: Partial<Refusal>): Refusal => {
    const contentType = isStrict ? PLAIN_TEXT : 'text/html';
    const answer = isStrict ? undefined : WS_ANSWERS[check];
    return { ok: false, check, contentType, ...REFUSALS[check], ...change, ...answer };
  };

  // Item 1: a GET with a resource name.
  if (isHttp2) {
    const message = 'A :protocol goes with the method CONNECT';
    if (method !== 'CONNECT') return refuse('method', { section: 'RFC 8441 §4', status: 400, message, headers: NONE });
    if (protocol !== 'websocket') return refuse('protocol');
  } else if (method !== 'GET') return refuse('method');
  const resourceName = parseTarget(target)?.resourceName ?? (isStrict ? undefined : target);
  if (resourceName === undefined) return refuse('target');
  let key = '';
  if (!isHttp2) {
    // Item 3.
    if (!listHasToken(headers.get('upgrade') ?? '', 'websocket')) return refuse('upgrade');
    // Item 4.
    if (isStrict && !listHasToken(headers.get('connection') ?? '', 'upgrade')) return refuse('connection');
    // Item 5. A repeated header is joined with a comma, which no key has (§11.3.1: once only).
    key = headers.get('sec-websocket-key') ?? '';
    if (!isKeyShaped(key)) return refuse('key');
  }
  // Item 6. Without a version, or with two, the client has named none that we could refuse with a 426.
  if (headers.count('sec-websocket-version') !== 1) return refuse('versionHeader');
  // §4.3 has one way to write a number, without leading zeros, so comparing texts is enough.
  const version = headers.get('sec-websocket-version')!;
  if (version !== '13' && (isStrict || version !== '8')) {
    // HTTP/2 has no Upgrade (RFC 9113 §8.6), and so no 426.
    const ofHttp2 = { section: 'RFC 8441 §5', status: 400, headers: [VERSION_13] };
    return refuse('version', isHttp2 ? ofHttp2 : undefined);
  }

  if (wireHeaders !== null) {
    // Item 1: HTTP/1.1 or higher.
    if (!(Number(httpVersion) >= 1.1)) return refuse('httpVersion');
    // Item 2.
    if (!namesOneHost(wireHeaders)) return refuse('host');
    // A body would stand where the first frame is expected.
    if (announcesBody(wireHeaders)) return refuse('body');
  }

  // §4.2.2 item 4: the service may not be available.
  const pathFault = explainPath?.(resourceName);
  if (pathFault !== undefined) return refuse('path', { message: pathFault });
  // Items 8 and 9. Each may stand several times, which counts as one list in order (§11.3.2, §11.3.4).
  const subprotocols = parsed(parseSubprotocols, headers.get('sec-websocket-protocol'));
  if (typeof subprotocols === 'string') {
    return refuse('subprotocols', { message: `${REFUSALS.subprotocols.message}: ${subprotocols}` });
  }
  const extensions = parsed(parseExtensions, parsesExtensions ? headers.get('sec-websocket-extensions') : undefined);
  if (typeof extensions === 'string') {
    return refuse('extensions', { message: `${REFUSALS.extensions.message}: ${extensions}` });
  }
  // Item 7. Version 8, a draft, called the header by another name. Whoever sends both has to be let in by both.
  const named = headers.get('origin');
  const origin = (version === '8' ? headers.get('sec-websocket-origin') : undefined) ?? named;
  const isNamedAllowed = named === undefined || named === origin || isOriginAllowed(named, origins);
  if (!isNamedAllowed || !isOriginAllowed(origin, origins)) {
    const message = 'Connections without an Origin header are not allowed';
    return refuse('origin', origin === undefined ? { message } : undefined);
  }
  return { ok: true, key, version: Number(version), resourceName, origin, subprotocols, extensions };
}

/** What a header's value says, nothing when there is none, or what is wrong with its syntax. */
function parsed<Item>(parse: (value: string) => readonly Item[], value: string | undefined): readonly Item[] | string {
  try {
    return value === undefined ? NONE : parse(value);
  } catch (error) {
    return (error as HeaderSyntaxError).message;
  }
}

/** Whether a connection may come from an origin, see `UpgradeRequestOptions`. */
export function isOriginAllowed(origin: string | undefined, origins: UpgradeRequestOptions['origins']): boolean {
  if (origins === undefined) return true;
  if (typeof origins === 'function') return origins(origin);
  if (origin === undefined) return true;
  // §4.2.2 compares origins in lower case.
  return origins.some((allowed) => allowed.toLowerCase() === origin.toLowerCase());
}

/** The client's most preferred subprotocol among those the server supports (§4.2.2), or undefined if there is none. */
export function chooseSubprotocol(offered: readonly string[], supported: readonly string[]): string | undefined {
  return offered.find((name) => supported.includes(name));
}

export interface UpgradeResponse {
  /** The request's key; '' over HTTP/2, which has none. */
  readonly key: string;
  /** Makes the answer to the key. Default `acceptValue`. */
  readonly accept?: (key: string) => string;
  /** The subprotocol chosen; default none. */
  readonly subprotocol?: string | undefined;
  /** The extensions agreed on, in the order in which they work on the data (§9.1); default none. */
  readonly extensions?: readonly Extension[];
  /** More fields, such as Set-Cookie. */
  readonly headers?: readonly HeaderField[] | undefined;
}

/** Only the handshake can know their value. §11.3.2 to §11.3.4: the last four stand in a response at most once. */
const RESERVED_IN_RESPONSE = [
  ...['upgrade', 'connection', 'sec-websocket-accept'],
  ...['sec-websocket-protocol', 'sec-websocket-extensions', 'sec-websocket-version'],
];

/**
 * The lines of the response that accepts, for programs that want to change them; `formatHead` makes them a head. It is a
 * 101 (§4.2.2); over HTTP/2 a 200 (RFC 8441 §5), in the form of HTTP/1.1: `fieldsOfLines` takes it apart.
 * @throws TypeError when a part has illegal characters or `headers` has a field of the handshake
 */
export function upgradeResponseLines(response: UpgradeResponse): string[] {
  const { key, accept = acceptValue, subprotocol, extensions = NONE, headers = NONE } = response;
  const lines =
    key === ''
      ? ['HTTP/2 200']
      : [statusLine(101), 'Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept(key)}`];
  if (subprotocol !== undefined) {
    if (!isToken(subprotocol)) throw new TypeError(`A subprotocol must be a token, not ${JSON.stringify(subprotocol)}`);
    lines.push(`Sec-WebSocket-Protocol: ${subprotocol}`);
  }
  if (extensions.length > 0) lines.push(`Sec-WebSocket-Extensions: ${formatExtensions(extensions)}`);
  checkExtraFields(headers, RESERVED_IN_RESPONSE);
  for (const [name, value] of headers) lines.push(headerLine(name, value));
  return lines;
}

/** The same as a head, one character per byte. */
export function buildUpgradeResponse(response: UpgradeResponse): string {
  return `${upgradeResponseLines(response).join('\r\n')}\r\n\r\n`;
}

/** Whether a status refuses: 300 to 599. */
export function mayRefuse(status: unknown): status is number {
  return isWholeNumber(status, 300, 599);
}

export interface RefusalResponse {
  /** 300 to 599. */
  readonly status: number;
  /** The body. Default: the status's reason phrase. */
  readonly message?: string | undefined;
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
export function buildRefusalResponse(refusal: RefusalResponse): string {
  const { status, message = reasonPhrase(status), headers = NONE, contentType = PLAIN_TEXT } = refusal;
  if (!mayRefuse(status)) {
    throw new RangeError(`A refusal needs an HTTP status from 300 to 599, not ${status}`);
  }
  const body = Array.from(encodeUtf8(message), (byte) => String.fromCharCode(byte)).join('');
  const defaults: HeaderField[] = [
    ['Connection', 'close'],
    ['Content-Type', contentType],
    ['Content-Length', String(body.length)],
  ];
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  const fields = [...defaults.filter(([name]) => !given.has(name.toLowerCase())), ...headers];
  return formatHead([statusLine(status), ...fields.map(([name, value]) => headerLine(name, value))]) + body;
}
