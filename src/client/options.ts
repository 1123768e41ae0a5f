/**
 * What a client may ask of its opening handshake (§4.1), checked before anything is sent, and the options of the HTTP
 * request made from it. It refuses to know of sockets, and of what is agreed once the connection is open.
 */

import type { ClientRequest, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { ClientHttp2Session } from 'node:http2';
import type { RequestOptions } from 'node:https';
import { type DeflateSettings, makeOffer } from '../deflate/negotiate.ts';
import { formatExtensions, isToken } from '../handshake/index.ts';
import { checkTimeout } from '../options/connection-options.ts';
import { fieldEntries } from '../options/given-fields.ts';
import { OPTIONS } from '../options/option-table.ts';
import { checkWholeNumber } from '../protocol/whole-number.ts';
import type { Address } from './address.ts';

/** Taken from the address, or fixed by the protocol. */
type ForcedOption =
  | 'method'
  | 'host'
  | 'hostname'
  | 'port'
  | 'path'
  | 'protocol'
  | 'socketPath'
  | 'timeout'
  | 'headers'
  | 'signal';

/**
 * Options of the opening handshake. All others of `http.request` and `tls.connect` are passed on: `agent`, `auth`,
 * `createConnection`, `family`, `localAddress`, `lookup`, `ca`, `cert`, `key`, `rejectUnauthorized`, `servername` …
 */
export interface DialOptions extends Omit<RequestOptions, ForcedOption> {
  /** More header fields of the request. */
  headers?: OutgoingHttpHeaders | Headers | ReadonlyMap<string, OutgoingHttpHeader> | undefined;
  /** Sent as Origin. Default: none. */
  origin?: string | undefined;
  /** 13, or 8 for a draft that differs in the name of the Origin field. Default 13. */
  protocolVersion?: number | undefined;
  /** How long each request may take until it is answered, in milliseconds; 0 for ever. Default 0. */
  handshakeTimeoutMs?: number | undefined;
  /** `handshakeTimeoutMs`, where what no timer can hold means for ever as well. */
  handshakeTimeout?: number | undefined;
  /** Go where a 3xx response sends us. Default false. */
  followRedirects?: boolean | undefined;
  /** How often, at most. Default 10. */
  maxRedirects?: number | undefined;
  /**
   * Open the WebSocket over HTTP/2 (RFC 8441): on this session of `http2.connect`, or with true on one made for it, by ALPN with
   * wss: and with prior knowledge with ws:. There is an error when the server takes no WebSockets over HTTP/2. Default false.
   */
  http2?: boolean | ClientHttp2Session | undefined;
  /** Aborts the handshake with an AbortError; without effect once the connection is open. */
  signal?: AbortSignal | undefined;
  /** Connect through this HTTP proxy (http: or https:, credentials in its URL), by CONNECT. Default: none. */
  proxy?: string | URL | undefined;
  /**
   * Take the proxy from the variables http_proxy (for ws:) and https_proxy (for wss:), unless no_proxy excepts the
   * host; lower case before upper. Default false.
   */
  proxyFromEnvironment?: boolean | undefined;
}

const VERSIONS = [8, 13];

/** Options after their check, with defaults. */
export interface DialPlan {
  readonly options: DialOptions;
  /** Most preferred first. */
  readonly subprotocols: readonly string[];
  /** What is offered for compression; undefined for nothing. */
  readonly deflate: DeflateSettings | undefined;
  readonly finishRequest: ((request: ClientRequest) => void) | undefined;
  /** 0 for ever. */
  readonly handshakeTimeoutMs: number;
  readonly maxRedirects: number;
}

/**
 * @throws {RangeError} for an unknown protocol version, or a number out of its range
 * @throws {SyntaxError} for a subprotocol that is no token or stands there twice
 * @throws {TypeError} for options that contradict each other or are of the wrong type
 */
export function planDial(
  options: DialOptions,
  subprotocols: readonly string[],
  deflate: DeflateSettings | undefined,
  finishRequest: ((request: ClientRequest) => void) | undefined,
): DialPlan {
  const { protocolVersion = 13, proxy, agent, createConnection, http2 } = options;
  if (!VERSIONS.includes(protocolVersion)) {
    throw new RangeError(
      `Unsupported protocol version: ${protocolVersion} (supported versions: ${VERSIONS.join(', ')})`,
    );
  }
  if (!subprotocols.every((name) => typeof name === 'string' && isToken(name)) || hasDuplicates(subprotocols)) {
    throw new SyntaxError('An invalid or duplicated subprotocol was specified');
  }
  if (proxy && (agent || createConnection)) {
    throw new TypeError('proxy cannot go with agent or createConnection, which connect in their own way: give one');
  }
  if (http2 && agent) throw new TypeError('agent is for HTTP/1.1: with http2, give a session or createConnection');
  if (http2 && http2 !== true && (proxy || createConnection)) {
    throw new TypeError('An HTTP/2 session has its connection: give proxy or createConnection with http2: true only');
  }
  if (http2 && protocolVersion !== 13) {
    throw new RangeError(`Over HTTP/2 the protocol version is 13, not ${protocolVersion}`);
  }
  const handshakeTimeoutMs = options.handshakeTimeoutMs ?? OPTIONS.handshakeTimeoutMs.default.WebSocket;
  const maxRedirects = options.maxRedirects ?? OPTIONS.maxRedirects.default;
  return {
    options,
    subprotocols,
    deflate,
    finishRequest,
    handshakeTimeoutMs: checkTimeout('handshakeTimeoutMs', handshakeTimeoutMs),
    maxRedirects: checkWholeNumber('maxRedirects', maxRedirects, 0),
  };
}

/** The subprotocols asked for, in either of the two places where they may stand. */
export function listSubprotocols(protocols: string | readonly string[] | undefined): readonly string[] {
  return protocols === undefined ? [] : Array.isArray(protocols) ? protocols : [protocols as string];
}

function hasDuplicates(names: readonly string[]): boolean {
  return new Set(names).size !== names.length;
}

/** What may differ from one request of a handshake to the next. */
interface RequestParts {
  readonly address: Address;
  readonly key: string;
  /** `user:password` for an Authorization field, unless the user's `headers` have one. */
  readonly credentials: string | undefined;
  /** Which fields of the user's `headers` this request may have, by their names in lower case; undefined for all. */
  readonly mayHave: ((lowerCaseName: string) => boolean) | undefined;
}

/** Options for `http.request` and `https.request`, which check names and values and throw before they connect. */
export function requestOptions(plan: DialPlan, { address, key, credentials, mayHave }: RequestParts): RequestOptions {
  const { options } = plan;
  const given = fieldEntries(options.headers || {}).filter(([name]) => mayHave?.(name.toLowerCase()) ?? true);
  return {
    ...options,
    method: 'GET',
    hostname: undefined,
    host: address.host,
    port: address.port,
    defaultPort: options.defaultPort || (address.isSecure ? 443 : 80),
    path: address.resourceName,
    protocol: undefined,
    socketPath: address.socketPath,
    timeout: undefined,
    // Watched by the dial itself, which has more to abort than the request.
    signal: undefined,
    auth: credentials,
    headers: { ...(Object.fromEntries(given) as OutgoingHttpHeaders), ...ownFields(plan, key) },
  };
}

/** The handshake's own fields (§4.1) in ws's order; Host and Authorization are added by node:http. */
function ownFields({ options, subprotocols, deflate }: DialPlan, key: string): OutgoingHttpHeaders {
  const { protocolVersion = 13, origin } = options;
  return {
    'Sec-WebSocket-Version': protocolVersion,
    'Sec-WebSocket-Key': key,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    ...(deflate && { 'Sec-WebSocket-Extensions': formatExtensions([makeOffer(deflate)]) }),
    ...(subprotocols.length > 0 && { 'Sec-WebSocket-Protocol': subprotocols.join(',') }),
    ...(origin && { [protocolVersion < 13 ? 'Sec-WebSocket-Origin' : 'Origin']: origin }),
  };
}
