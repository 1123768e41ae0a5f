/**
 * The opening handshake of the fuzzer as client, on a bare TCP or TLS socket (§4.1) or on a stream of HTTP/2 (RFC 8441 §5).
 * The socket is handed over paused, so that the first frames wait for their reader. Extensions are offered as a case has it;
 * the answer to them is judged elsewhere.
 */

import { randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import {
  buildConnectRequest,
  buildUpgradeRequest,
  checkUpgradeResponse,
  type Extension,
  generateKey,
  HeaderMap,
  HttpHeadParser,
} from '../handshake/index.ts';
import { ignoreError } from '../transport/errors.ts';
import { asTransport } from '../transport/http2-stream.ts';

/** What is tested. */
export interface Target {
  /** A ws: or wss: URL. */
  readonly url: string;
  /** Over HTTP/2 (RFC 8441): by ALPN with wss:, with prior knowledge with ws:. Default false. */
  readonly http2?: boolean;
  /** Whether a wss: certificate must be one that Node trusts. Default true. */
  readonly rejectUnauthorized?: boolean;
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
}

/** The testee could not be reached, or did not complete the opening handshake. The message says which, and what to do. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}

const TIMEOUT_MS = 5000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'ws:': 80, 'wss:': 443 };

/** @throws {TypeError} when `url` is not a ws: or wss: URL without a fragment */
export function parseTargetUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || DEFAULT_PORTS[parsed.protocol] === undefined || parsed.hash !== '') {
    throw new TypeError(`Invalid URL ${JSON.stringify(url)}: use ws://host:port/path or wss://host:port/path`);
  }
  return parsed;
}

/**
 * Connects and shakes hands, within five seconds.
 * @throws {HandshakeError} when that does not succeed
 */
export function dial(target: Target, offers: readonly Extension[] = []): Promise<OpenSocket> {
  return target.http2 ? dialHttp2(target, parseTargetUrl(target.url), offers) : dialHttp1(target, offers);
}

function dialHttp1(target: Target, offers: readonly Extension[]): Promise<OpenSocket> {
  const url = parseTargetUrl(target.url);
  const isSecure = url.protocol === 'wss:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? DEFAULT_PORTS[url.protocol]! : Number(url.port);
  const key = generateKey((lengthBytes) => randomBytes(lengthBytes));
  const request = buildUpgradeRequest({ host: url.host, target: url.pathname + url.search, key, extensions: offers });
  const offered = offers.map(({ name }) => name);

  return new Promise((resolve, reject) => {
    const options = { host, port, noDelay: true };
    const { rejectUnauthorized = true } = target;
    const socket: Socket = isSecure
      ? connectTls({ ...options, rejectUnauthorized, servername: hostNameOnly(host) })
      : connectTcp(options);
    socket.setNoDelay(true);
    const parser = new HttpHeadParser({ kind: 'response' });

    const settle = (): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
    };
    const fail = (reason: string): void => {
      settle();
      abandon(socket);
      reject(new HandshakeError(`${target.url}: ${reason}`));
    };
    const timer = setTimeout(() => fail(`no complete handshake within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);

    socket.once(isSecure ? 'secureConnect' : 'connect', () => socket.write(request, 'latin1'));
    socket.on('error', (error) => fail(describeConnectError(error)));
    socket.on('close', () => fail('the connection was closed during the handshake'));
    socket.on('data', (chunk: Buffer) => {
      const result = parser.push(chunk);
      if (result === undefined) return;
      if (!result.ok) return fail(`the response is not HTTP: ${result.message}`);
      const upgrade = checkUpgradeResponse(result.head, { key, extensions: offered });
      if (!upgrade.ok) return fail(`${upgrade.message} (${upgrade.section}): is this a WebSocket endpoint?`);
      socket.pause();
      settle();
      const serverName = result.head.headers.get('server');
      resolve({ socket, serverName, extensions: upgrade.extensions, rest: result.rest });
    });
  });
}

/** On a session of its own, which ends with the stream. */
function dialHttp2(target: Target, url: URL, offers: readonly Extension[]): Promise<OpenSocket> {
  const isSecure = url.protocol === 'wss:';
  const offered = offers.map(({ name }) => name);
  const fields = buildConnectRequest({
    host: url.host,
    target: url.pathname + url.search,
    isSecure,
    extensions: offers,
  });
  return new Promise((resolve, reject) => {
    const { rejectUnauthorized = true } = target;
    const { connect } = process.getBuiltinModule('node:http2');
    const session = connect(`${isSecure ? 'https' : 'http'}://${url.host}`, { rejectUnauthorized });
    const fail = (reason: string): void => {
      clearTimeout(timer);
      session.destroy();
      reject(new HandshakeError(`${target.url}: ${reason}`));
    };
    const timer = setTimeout(() => fail(`no complete handshake within ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS);
    session.on('error', (error) => fail(describeConnectError(error)));
    session.on('close', () => fail('the session was closed during the handshake'));
    session.once('remoteSettings', ({ enableConnectProtocol }) => {
      if (!enableConnectProtocol) return fail('the server takes no WebSockets over HTTP/2 (RFC 8441 §3)');
      const socket = asTransport(session.request(Object.fromEntries(fields), { endStream: false }));
      socket.on('error', ignoreError);
      socket.on('close', () => {
        fail('the stream was closed during the handshake');
        session.close();
      });
      socket.on('response', (headers) => {
        const head = { statusCode: Number(headers[':status']), headers: HeaderMap.fromObject(headers) };
        const answer = checkUpgradeResponse(head, { key: undefined, extensions: offered });
        if (!answer.ok) return fail(`${answer.message} (${answer.section}): is this a WebSocket endpoint?`);
        clearTimeout(timer);
        resolve({ socket, serverName: head.headers.get('server'), extensions: answer.extensions, rest: NO_BYTES });
      });
    });
  });
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

const REMEDIES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (ECONNREFUSED): is the server running on that port?',
  ENOTFOUND: 'host not found (ENOTFOUND): check the name',
};

/** Codes of OpenSSL and of Node for a certificate that is not trusted, has ended, or is another's. */
const CERTIFICATE_FAULT = /CERT|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/;

function describeConnectError({ code = '', message }: NodeJS.ErrnoException): string {
  if (CERTIFICATE_FAULT.test(code)) {
    return `the certificate is not trusted (${code}): rejectUnauthorized: false takes it nevertheless, as --insecure does`;
  }
  return REMEDIES[code] ?? message;
}
