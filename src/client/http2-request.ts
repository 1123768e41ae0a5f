/**
 * A client's request for a WebSocket over HTTP/2 (RFC 8441 §5), in the form of node:http's: the same events and methods, as far
 * as a handshake and its listeners use them. What the request asks for, and what follows the answer, is the dial's business.
 */

import { EventEmitter } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from 'node:http';
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { RequestOptions } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { buildConnectRequest, isOnlyInHttp1, isOpened } from '../handshake/index.ts';
import { asTransport } from '../transport/http2-stream.ts';
import { destroyUnlessClosed } from '../transport/linger.ts';
import { type Address, basicAuthorization } from './address.ts';

const NO_BYTES = Buffer.alloc(0);

interface Field {
  readonly name: string;
  readonly value: OutgoingHttpHeader;
}

export class Http2Request extends EventEmitter {
  readonly method = 'CONNECT';
  readonly path: string;
  readonly host: string;
  /** Of a session of our own. */
  socket: Socket | undefined;
  readonly #address: Address;
  readonly #options: RequestOptions;
  readonly #given: ClientHttp2Session | undefined;
  /** By their names in lower case. */
  readonly #fields = new Map<string, Field>();
  #session: ClientHttp2Session | undefined;
  #stream: ClientHttp2Stream | undefined;
  #stopWaiting: () => void = () => {};
  #hasBegun = false;
  /** Whether it has been answered, has failed or was given up. */
  #isOver = false;

  /**
   * @param options as for `http.request`; `createConnection` makes the socket
   * @param session the application's, or undefined to make one
   * @throws {TypeError} when a header has illegal characters
   */
  constructor(address: Address, options: RequestOptions, session: ClientHttp2Session | undefined) {
    super();
    this.#address = address;
    this.#options = options;
    this.#given = session;
    this.path = address.resourceName;
    this.host = address.host;
    const { auth } = options;
    if (auth) this.setHeader('Authorization', basicAuthorization(auth));
    for (const [name, value] of Object.entries(options.headers as OutgoingHttpHeaders)) {
      if (value !== undefined) this.setHeader(name, value);
    }
  }

  setHeader(name: string, value: OutgoingHttpHeader): this {
    const { validateHeaderName, validateHeaderValue } = process.getBuiltinModule('node:http');
    validateHeaderName(name);
    for (const single of [value].flat()) validateHeaderValue(name, String(single));
    this.#fields.set(name.toLowerCase(), { name, value });
    return this;
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.#fields.get(name.toLowerCase())?.value;
  }

  getHeaders(): OutgoingHttpHeaders {
    return Object.fromEntries([...this.#fields].map(([name, { value }]) => [name, value]));
  }

  hasHeader(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  /** Sends it. */
  end(): this {
    if (this.#hasBegun || this.#isOver) return this;
    this.#hasBegun = true;
    if (this.#given === undefined) this.#connect();
    else this.#use(this.#given);
    return this;
  }

  /** Gives it up, with a session of our own. */
  destroy(): this {
    this.#isOver = true;
    this.#stopWaiting();
    if (this.#stream !== undefined) asTransport(this.#stream).destroy();
    if (this.#given === undefined) (this.#session ?? this.socket)?.destroy();
    return this;
  }

  abort(): void {
    this.destroy();
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.emit('error', error);
  }

  /** What is thrown while the application does not wait for it becomes the request's error. */
  readonly #guard = (step: () => void): void => {
    try {
      if (!this.#isOver) step();
    } catch (error) {
      this.#fail(error as Error);
    }
  };

  // ---- A session of our own ---------------------------------------------------------------------------------------

  #connect(): void {
    const options = { ...this.#options, ALPNProtocols: ['h2'] };
    const connected = (error: Error | null, socket?: unknown): void => {
      if (error !== null) this.#fail(error);
      else if (this.#isOver) (socket as Socket).destroy();
      else this.#connected(socket as Socket);
    };
    const socket = this.#options.createConnection!(options, connected);
    if (socket) connected(null, socket);
  }

  #connected(socket: Socket): void {
    this.socket = socket;
    const { secureConnecting, encrypted } = socket as Partial<TLSSocket> & { readonly secureConnecting?: boolean };
    const fail = (error: Error & { readonly code?: string }) => this.#fail(explain(error));
    socket.on('error', fail);
    const begin = () => this.#guard(() => this.#begin(socket, fail));
    if (socket.connecting || secureConnecting) socket.once(encrypted ? 'secureConnect' : 'connect', begin);
    else begin();
    socket.once('close', () => this.#fail(new Error('The connection was closed before the WebSocket was open')));
  }

  #begin(socket: Socket, fail: (error: Error) => void): void {
    const { alpnProtocol } = socket as Partial<TLSSocket>;
    if (alpnProtocol !== undefined && alpnProtocol !== 'h2') {
      throw new Error(`The server does not speak HTTP/2: by ALPN it chose ${alpnProtocol || 'nothing'}`);
    }
    const { isSecure, host, port } = this.#address;
    const name = host.includes(':') ? `[${host}]` : host || 'localhost';
    const session = process
      .getBuiltinModule('node:http2')
      .connect(`${isSecure ? 'https' : 'http'}://${name}:${port}`, { createConnection: () => socket });
    session.on('error', fail);
    this.#session = session;
    this.#use(session);
  }

  // ---- Any session ------------------------------------------------------------------------------------------------

  /** RFC 8441 §3: nothing is sent before the server has said that it knows the extended CONNECT. */
  #use(session: ClientHttp2Session): void {
    if (session.destroyed || session.closed) {
      // Later, as all errors of requests.
      process.nextTick(() => this.#fail(new Error('The HTTP/2 session is closed: give one that is open')));
    } else if (session.connecting || (!knowsConnect(session) && session.pendingSettingsAck)) {
      this.#stopWaiting = onceSettled(session, () => this.#guard(() => this.#settled(session)));
    } else {
      process.nextTick(this.#guard, () => this.#settled(session));
    }
  }

  #settled(session: ClientHttp2Session): void {
    const { isSecure, url } = this.#address;
    if (session.destroyed || session.closed) {
      throw new Error('The HTTP/2 session was closed before the WebSocket was open');
    }
    if ((session.encrypted === true) !== isSecure) {
      const has = isSecure ? 'has no TLS' : 'has TLS';
      throw new Error(`${url} cannot be opened on an HTTP/2 session that ${has}: use ${isSecure ? 'ws:' : 'wss:'}`);
    }
    if (!knowsConnect(session)) {
      throw new Error('The server takes no WebSockets over HTTP/2: it has not sent SETTINGS_ENABLE_CONNECT_PROTOCOL');
    }
    const stream = session.request(this.#headers(), { endStream: false });
    this.#stream = stream;
    stream.on('error', (error) => this.#fail(error));
    stream.on('close', () => {
      this.#fail(new Error(`The server closed the stream without an answer (HTTP/2 error code ${stream.rstCode})`));
      if (this.socket !== undefined) closeSession(session, this.socket);
    });
    stream.on('response', (headers, _flags, rawHeaders?: string[]) => this.#responded(stream, headers, rawHeaders));
  }

  #headers(): OutgoingHttpHeaders {
    const { isSecure, authority, socketPath } = this.#address;
    const host = String(this.getHeader('host') ?? (socketPath === undefined ? authority : 'localhost'));
    const headers: OutgoingHttpHeaders = Object.fromEntries(buildConnectRequest({ host, target: this.path, isSecure }));
    for (const [name, { value }] of this.#fields) {
      if (!isOnlyInHttp1(name)) headers[name] = Array.isArray(value) ? value : String(value);
    }
    return headers;
  }

  #responded(stream: ClientHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: string[] = []): void {
    if (this.#isOver) return;
    const { ':status': status } = headers;
    const statusCode = Number(status);
    const response = this.#message(stream, statusCode, headers, rawHeaders);
    // What becomes of the stream from here on is no failure of the request.
    this.#isOver = true;
    if (isOpened(statusCode)) {
      this.emit('upgrade', response, asTransport(stream), NO_BYTES);
      return;
    }
    stream.on('data', (chunk: Buffer) => response.push(chunk) || stream.pause());
    stream.pause();
    stream.on('end', () => {
      response.complete = true;
      response.push(null);
    });
    stream.on('error', (error) => response.destroy(error));
    stream.on('close', () => response.complete || response.destroy());
    this.emit('response', response);
  }

  #message(stream: ClientHttp2Stream, statusCode: number, headers: IncomingHttpHeaders, rawHeaders: string[]) {
    const { IncomingMessage: Message, STATUS_CODES } = process.getBuiltinModule('node:http');
    const response: IncomingMessage = new Message(this.socket as Socket);
    response._read = () => void stream.resume();
    const httpVersion = { httpVersion: '2.0', httpVersionMajor: 2, httpVersionMinor: 0 };
    return Object.assign(response, httpVersion, {
      statusCode,
      statusMessage: STATUS_CODES[statusCode] ?? '',
      headers,
      rawHeaders,
    });
  }
}

function knowsConnect(session: ClientHttp2Session): boolean {
  return session.remoteSettings?.enableConnectProtocol === true;
}

/** A server that knows none of the protocols offered may end the TLS handshake with an alert. */
function explain(error: Error & { readonly code?: string }): Error {
  if (error.code === undefined || !/NO_APPLICATION_PROTOCOL/.test(error.code)) return error;
  return Object.assign(new Error('The server does not speak HTTP/2', { cause: error }), { code: error.code });
}

/** All that wait for one session have the same listeners: Node.js takes many for a leak. */
const waiting = new WeakMap<ClientHttp2Session, Set<() => void>>();

/**
 * Goes on when the server's settings have come (its answer to ours is behind them), or the session has ended.
 * @returns ends the wait
 */
function onceSettled(session: ClientHttp2Session, goOn: () => void): () => void {
  const those = waiting.get(session) ?? new Set();
  if (!waiting.has(session)) {
    waiting.set(session, those);
    const events = ['remoteSettings', 'localSettings', 'close'] as const;
    const settled = () => {
      waiting.delete(session);
      for (const name of events) session.off(name, settled);
      for (const goOn of those) goOn();
    };
    for (const name of events) session.on(name, settled);
  }
  those.add(goOn);
  return () => those.delete(goOn);
}

/** Its only stream has ended: what was sent leaves, and the peer may take its time to end TCP, but not for ever. */
function closeSession(session: ClientHttp2Session, socket: Socket): void {
  session.close();
  destroyUnlessClosed(socket);
}
