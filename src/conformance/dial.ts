/**
 * The opening handshake of the fuzzer as client, on a bare TCP or TLS socket (§4.1) or on a stream of HTTP/2 (RFC 8441 §5).
 * The socket is handed over paused, so that the first frames wait for their reader. Extensions are offered as a case has it;
 * the answer to them is judged elsewhere.
 */

import { randomBytes } from 'node:crypto';
import type { ClientHttp2Session } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import {
  buildConnectRequest,
  buildUpgradeRequest,
  checkUpgradeResponse,
  type Extension,
  generateKey,
  type HeaderField,
  HeaderMap,
  HttpHeadParser,
} from '../handshake/index.ts';
import { ignoreError } from '../transport/errors.ts';
import { asTransport } from '../transport/http2-stream.ts';
import { faceOfSession } from './programs/http1-face.ts';

/** What is tested. */
export interface Target {
  /** A ws: or wss: URL, or `ws+unix:/socket[:/path]` for a unix socket. */
  readonly url: string;
  /** Over HTTP/2 (RFC 8441): by ALPN with wss:, with prior knowledge with ws:. Default false. */
  readonly http2?: boolean;
  /** Whether a wss: certificate must be one that Node trusts. Default true. */
  readonly rejectUnauthorized?: boolean;
  /** Certificates to trust in place of those that Node trusts, in PEM. */
  readonly ca?: string;
  /** The server name that TLS asks for (SNI), and that the certificate must have. Default: the host of the URL. */
  readonly serverName?: string;
  /** More fields of the request, such as Cookie or Authorization. */
  readonly headers?: readonly HeaderField[];
  /** Offered, most preferred first. Default none. The server may choose none of them. */
  readonly subprotocols?: readonly string[];
  /** Sent as Origin. Default none. */
  readonly origin?: string;
  /** How long the opening handshake may take. In milliseconds, default 5000. */
  readonly handshakeTimeoutMs?: number;
}

/** The heads of an opening handshake, one character per byte; over HTTP/2 as lists of fields. */
export interface HandshakeRecord {
  readonly request: string;
  /** What of it has come. */
  readonly response: string;
}

/** The testee's side of an opening handshake that succeeded. */
interface OpenSocket {
  /** Paused, with Nagle's algorithm off. */
  readonly socket: Duplex;
  /** The Server header of the response. */
  readonly serverName: string | undefined;
  /** The extensions that the testee agreed to. */
  readonly extensions: readonly Extension[];
  /** Bytes that came behind the head of the response. */
  readonly rest: Uint8Array;
  readonly handshake: HandshakeRecord;
}

/** The testee could not be reached, or did not complete the opening handshake. The message says which, and what to do. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
  /** What was said, as far as it went; undefined when nothing was. */
  readonly handshake: HandshakeRecord | undefined;

  constructor(message: string, handshake?: HandshakeRecord) {
    super(message);
    this.handshake = handshake;
  }
}

const TIMEOUT_MS = 5000;
const IS_IT_THERE = ': is there a WebSocket at this port and path?';
const IS_IT_TLS = 'is a WebSocket served there, and with TLS (wss:) or without (ws:)?';
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443, 'ws+unix:': 80 };

/** @throws {TypeError} when `url` is not a ws:, wss: or ws+unix: URL without a fragment */
export function parseTargetUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const isUsable = parsed !== undefined && DEFAULT_PORTS[parsed.protocol] !== undefined && parsed.hash === '';
  if (isUsable && (parsed.protocol !== 'ws+unix:' || parsed.pathname !== '')) return parsed;
  throw new TypeError(
    `Invalid URL ${JSON.stringify(url)}: use ws://host:port/path or wss://host:port/path, or ws+unix:/socket:/path`,
  );
}

/** Where to connect to, and what to ask for there. */
interface Place {
  readonly isSecure: boolean;
  readonly endpoint: { readonly host: string; readonly port: number } | { readonly path: string };
  /** For the Host field. */
  readonly host: string;
  readonly resourceName: string;
}

/** Of a unix address the first colon ends the socket's path, and what follows is the resource. */
function placeOf(url: URL): Place {
  const { protocol, hostname, host, port, pathname, search } = url;
  if (protocol === 'ws+unix:') {
    const [path = '', ...rest] = (pathname + search).split(':');
    return { isSecure: false, endpoint: { path }, host: 'localhost', resourceName: rest.join(':') || '/' };
  }
  const endpoint = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? DEFAULT_PORTS[protocol]! : Number(port),
  };
  return { isSecure: protocol === 'wss:', endpoint, host, resourceName: pathname + search };
}

/** Where the target listens, as `net.connect` takes it. @throws {TypeError} as `parseTargetUrl` */
export function endpointOf(url: string): Place['endpoint'] {
  return placeOf(parseTargetUrl(url)).endpoint;
}

/** @throws {TypeError} when a part of the target cannot stand in a request; the message says which, and what can */
export function checkTarget(target: Target): void {
  upgradeRequest(target, placeOf(parseTargetUrl(target.url)), 'dGhlIHNhbXBsZSBub25jZQ==', []);
}

function upgradeRequest(
  { headers = [], subprotocols = [], origin }: Target,
  { host, resourceName }: Place,
  key: string,
  extensions: readonly Extension[],
): string {
  return buildUpgradeRequest({ host, target: resourceName, key, extensions, headers, subprotocols, origin });
}

/** What TLS is told. */
function tlsOptions({ rejectUnauthorized = true, ca, serverName }: Target, { endpoint }: Place): TlsOptions {
  const name = serverName ?? ('host' in endpoint ? hostNameOnly(endpoint.host) : '');
  return { rejectUnauthorized, servername: name, ...(ca !== undefined && { ca }) };
}

interface TlsOptions {
  readonly rejectUnauthorized: boolean;
  readonly servername: string;
  readonly ca?: string;
}

/**
 * Connects and shakes hands, within five seconds.
 * @throws {HandshakeError} when that does not succeed
 */
export function dial(target: Target, offers: readonly Extension[] = []): Promise<OpenSocket> {
  const place = placeOf(parseTargetUrl(target.url));
  return target.http2 ? dialHttp2(target, place, offers) : dialHttp1(target, place, offers);
}

/** A socket on its way to the target. */
function socketTo(target: Target, place: Place, allowHalfOpen = false): Socket {
  const { isSecure, endpoint } = place;
  const options = { ...endpoint, noDelay: true, allowHalfOpen };
  const socket: Socket = isSecure ? connectTls({ ...options, ...tlsOptions(target, place) }) : connectTcp(options);
  return socket.setNoDelay(true);
}

/** A connection on which nothing has been said, and what a request on it would say of it. */
export interface RawConnection {
  readonly socket: Duplex;
  readonly host: string;
  readonly resourceName: string;
}

/**
 * Connects, and leaves the opening handshake to the caller, and the end of the outgoing half.
 * @throws {HandshakeError} when that does not succeed within five seconds
 */
export function connectTo(target: Target): Promise<RawConnection> {
  const place = placeOf(parseTargetUrl(target.url));
  const { isSecure, host, resourceName } = place;
  const { handshakeTimeoutMs = TIMEOUT_MS } = target;
  return new Promise((resolve, reject) => {
    const socket = socketTo(target, place, true);
    const fail = (reason: string): void => {
      clearTimeout(timer);
      abandon(socket);
      reject(new HandshakeError(`${target.url}: ${reason}`));
    };
    const timer = setTimeout(() => fail(`no connection within ${handshakeTimeoutMs / 1000} s`), handshakeTimeoutMs);
    const refuse = (error: Error): void => fail(describeConnectError(error));
    socket.once('error', refuse);
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', refuse);
      resolve({ socket, host, resourceName });
    });
  });
}

/** The same over HTTP/2: on a session of its own, a stream that reads and writes as HTTP/1.1 does. */
export function connectToStream(target: Target): Promise<RawConnection> {
  const place = placeOf(parseTargetUrl(target.url));
  const { host, resourceName, isSecure } = place;
  return onSession(target, place, (session, done) =>
    done({ socket: faceOfSession(session, host, isSecure), host, resourceName }),
  );
}

function dialHttp1(target: Target, place: Place, offers: readonly Extension[]): Promise<OpenSocket> {
  const { isSecure } = place;
  const key = generateKey((lengthBytes) => randomBytes(lengthBytes));
  const request = upgradeRequest(target, place, key, offers);
  const offered = offers.map(({ name }) => name);
  const { handshakeTimeoutMs = TIMEOUT_MS } = target;

  return new Promise((resolve, reject) => {
    const socket = socketTo(target, place);
    const parser = new HttpHeadParser({ kind: 'response' });
    let isSent = false;
    let response = '';

    const settle = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
    };
    const fail = (reason: string): void => {
      settle();
      abandon(socket);
      reject(new HandshakeError(`${target.url}: ${reason}`, isSent ? { request, response } : undefined));
    };
    const timer = setTimeout(
      () => fail(`no complete handshake within ${handshakeTimeoutMs / 1000} s${IS_IT_THERE}`),
      handshakeTimeoutMs,
    );

    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      isSent = true;
      socket.write(request, 'latin1');
    });
    socket.on('error', (error) => fail(describeConnectError(error)));
    socket.on('close', () => fail(`the connection was closed during the handshake: ${IS_IT_TLS}`));
    socket.on('data', (chunk: Buffer) => {
      const result = parser.push(chunk);
      const headBytes = chunk.length - (result?.ok ? result.rest.length : 0);
      response += chunk.toString('latin1', 0, headBytes);
      if (result === undefined) return;
      if (!result.ok) return fail(`the response is not HTTP: ${result.message}${IS_IT_THERE}`);
      // RFC 9110 §7.8: HTTP/1.0 has no Upgrade.
      if (result.head.httpVersion !== '1.1')
        return fail(`the response is HTTP/${result.head.httpVersion}, not HTTP/1.1${IS_IT_THERE}`);
      const subprotocols = subprotocolsOf(target, result.head.headers);
      const upgrade = checkUpgradeResponse(result.head, { key, subprotocols, extensions: offered });
      if (!upgrade.ok) return fail(`${upgrade.message} (${upgrade.section})${adviceFor(result.head)}`);
      socket.pause();
      settle();
      const serverName = result.head.headers.get('server');
      const handshake = { request, response };
      resolve({ socket, serverName, extensions: upgrade.extensions, rest: result.rest, handshake });
    });
  });
}

/** §4.2.2: a server need not choose one of them. */
function subprotocolsOf({ subprotocols = [] }: Target, headers: HeaderMap): readonly string[] {
  return headers.get('sec-websocket-protocol') === undefined ? [] : subprotocols;
}

/** Opens a session of HTTP/2 with a server that takes WebSockets, and what `use` makes of it, all in time. */
function onSession<T>(
  target: Target,
  place: Place,
  use: (
    session: ClientHttp2Session,
    done: (result: T) => void,
    fail: (why: string, seen?: HandshakeRecord) => void,
  ) => void,
): Promise<T> {
  const { isSecure, endpoint, host } = place;
  const { handshakeTimeoutMs = TIMEOUT_MS } = target;
  return new Promise((resolve, reject) => {
    const { connect } = process.getBuiltinModule('node:http2');
    const session = connect(`${isSecure ? 'https' : 'http'}://${host}`, {
      ...(isSecure && tlsOptions(target, place)),
      ...('path' in endpoint && { createConnection: () => connectTcp(endpoint) }),
    });
    const fail = (reason: string, seen?: HandshakeRecord): void => {
      clearTimeout(timer);
      session.destroy();
      reject(new HandshakeError(`${target.url}: ${reason}`, seen));
    };
    const timer = setTimeout(
      () => fail(`no complete handshake within ${handshakeTimeoutMs / 1000} s${IS_IT_THERE}`),
      handshakeTimeoutMs,
    );
    const done = (result: T): void => {
      clearTimeout(timer);
      resolve(result);
    };
    session.on('error', (error) => fail(describeConnectError(error)));
    session.on('close', () => fail('the session was closed during the handshake'));
    session.once('remoteSettings', ({ enableConnectProtocol }) => {
      if (enableConnectProtocol) use(session, done, fail);
      else fail('the server takes no WebSockets over HTTP/2 (RFC 8441 §3)');
    });
  });
}

/** On a session of its own, which ends with the stream. */
function dialHttp2(target: Target, place: Place, offers: readonly Extension[]): Promise<OpenSocket> {
  const { isSecure, host, resourceName } = place;
  const { headers = [], subprotocols = [], origin } = target;
  const offered = offers.map(({ name }) => name);
  const parts = { host, target: resourceName, isSecure, extensions: offers, headers, subprotocols, origin };
  const fields = buildConnectRequest(parts);
  return onSession(target, place, (session, done, fail) => {
    const socket = asTransport(session.request(Object.fromEntries(fields), { endStream: false }));
    socket.on('error', ignoreError);
    socket.on('close', () => {
      fail('the stream was closed during the handshake');
      session.close();
    });
    socket.on('response', (headers) => {
      const handshake = { request: describeFields(fields), response: describeFields(Object.entries(headers)) };
      const head = { statusCode: Number(headers[':status']), headers: HeaderMap.fromObject(headers) };
      const chosen = subprotocolsOf(target, head.headers);
      const answer = checkUpgradeResponse(head, { key: undefined, subprotocols: chosen, extensions: offered });
      if (!answer.ok) return fail(`${answer.message} (${answer.section})${adviceFor(head)}`, handshake);
      const serverName = head.headers.get('server');
      done({ socket, serverName, extensions: answer.extensions, rest: NO_BYTES, handshake });
    });
  });
}

/** Fields of HTTP/2 for people, a line each. */
export function describeFields(fields: readonly (readonly [name: string, value: unknown])[]): string {
  return fields.map(([name, value]) => `${name}: ${[value].flat().join(', ')}\r\n`).join('');
}

const NO_BYTES = new Uint8Array(0);

/** Drops a connection; what goes wrong on it meanwhile concerns nobody. */
export function abandon(socket: Duplex): void {
  socket.on('error', ignoreError);
  socket.destroy();
}

/** SNI takes names only. */
function hostNameOnly(host: string): string {
  return /^[\d.]+$|:/.test(host) ? '' : host;
}

function adviceFor({ statusCode }: { readonly statusCode: number }): string {
  const isForOthers = statusCode === 401 || statusCode === 403;
  return isForOthers ? ': it wants to know who asks, by headers (--header, --cookie, --origin)' : IS_IT_THERE;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (ECONNREFUSED): is the server running on that port?',
  ENOTFOUND: 'host not found (ENOTFOUND): check the name',
  ECONNRESET: `the connection was reset (ECONNRESET): ${IS_IT_TLS}`,
  ENOENT: 'there is no such socket (ENOENT): is the server running, and is that the path it listens on?',
};

/** Codes of OpenSSL and of Node for a certificate that is not trusted, has ended, or is another's. */
const CERTIFICATE_FAULT = /CERT|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/;

/** The other side has answered to the beginning of TLS with something else: Node has said so in several ways. */
const NO_TLS = /wrong.version.number|packet.length.too.long|http.request/i;

function describeConnectError({ code = '', message }: NodeJS.ErrnoException): string {
  if (CERTIFICATE_FAULT.test(code)) {
    return `the certificate is not trusted (${code}): rejectUnauthorized: false takes it nevertheless, as --insecure does; ca, or --ca FILE, names one to trust`;
  }
  if (NO_TLS.test(code + message)) return 'it does not speak TLS: is it ws: in place of wss:?';
  return REMEDIES[code] ?? message;
}
