/**
 * The server on bare TCP (or TLS, or a unix socket): framewright reads the HTTP head itself and there is no node:http in
 * between. Same WebSocket, same handshake (§4.2) in its strict form, defaults for a server that faces the internet.
 */

import { EventEmitter } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { DeflateOptions, DeflateSettings } from '../deflate/negotiate.ts';
import {
  type AcceptableRequest,
  buildRefusalResponse,
  buildUpgradeResponse,
  checkUpgradeRequest,
  chooseSubprotocol,
  type HeaderField,
  type HeaderMap,
  type HeadFailure,
  type ParsedHead,
  parseTokenList,
  type RequestHead,
  type UpgradeRequestOptions,
} from '../handshake/index.ts';
import { type Limits, resolveLimits } from '../protocol/index.ts';
import { readHead } from '../server/head-reader.ts';
import { endWith, formatAnswer, type HttpAnswer } from '../server/http-answer.ts';
import { agreeOnDeflate, deflateSettings } from './deflate-agreement.ts';
import { warnOfError } from './errors.ts';
import { checkTimeout } from './server-options.ts';
import { type ConnectionSettings, WebSocket } from './websocket.ts';

/** A request as the hooks see it. */
export interface NetRequest {
  readonly method: string;
  /** The path with its query. */
  readonly url: string;
  readonly httpVersion: string;
  /** Header fields by lower-case name; a field that stands several times is joined with ', '. */
  readonly headers: HeaderMap;
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
}

/** What `authorize` answers: yes, no (403), or no in its own words. */
export type Authorization = boolean | HttpAnswer;

export interface ListenOptions extends Omit<ConnectionSettings, 'limits'> {
  /** Default 0: a free port. */
  readonly port?: number;
  /** Default: all interfaces, as node:net has it. */
  readonly host?: string;
  /** A unix socket's path, in place of `port` and `host`. */
  readonly socketPath?: string;
  readonly backlog?: number;
  /** Speak TLS (§10.6), with these options (`key`, `cert`, …). */
  readonly tls?: TlsOptions;
  /** Limits that differ from the defaults (message 1 MiB; see `Limits`). */
  readonly limits?: Partial<Limits>;
  /** Accept only this path (without its query). Default: every path. */
  readonly path?: string;
  /** Origins from which browsers may connect, or a function that decides; others get 403 (§10.2). Default: all. */
  readonly origins?: UpgradeRequestOptions['origins'];
  /** Subprotocols that this server speaks; the first one offered that is among them is chosen. Default: none. */
  readonly subprotocols?: readonly string[];
  /**
   * Asked about each good request before it is accepted: whatever HTTP and TLS offer may tell who it is (§10.5). What it
   * throws is answered with 500.
   */
  readonly authorize?: (request: NetRequest) => Authorization | Promise<Authorization>;
  /** Answers requests that ask for no upgrade. Default: 426 (§4.2.2 asks such clients to come back with an upgrade). */
  readonly onRequest?: (request: NetRequest) => HttpAnswer | Promise<HttpAnswer>;
  /** More header fields of the 101 response. */
  readonly headers?: readonly HeaderField[];
  /** Compress messages with clients that offer it (RFC 7692): true, or with these settings. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /** How long the request's head may take, from the connection on, in milliseconds. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  /** Longest request head, in bytes. Default 16 384. */
  readonly maxHeadBytes?: number;
}

export interface NetServerEvents {
  connection: [socket: WebSocket, request: NetRequest];
  /** A request was refused; it has been answered already. */
  refused: [error: Error & { readonly status: number }, socket: Socket];
  error: [error: Error];
  close: [];
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_HEAD_BYTES = 16_384;
const UPGRADE_REQUIRED: HttpAnswer = {
  status: 426,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', Upgrade: 'websocket' },
  body: 'This address speaks WebSocket: send an upgrade request\n',
};

/** Made by `listen`. */
export class NetServer extends EventEmitter<NetServerEvents> {
  /** The open connections. */
  readonly clients: ReadonlySet<WebSocket> = new Set();
  /** The server below, for what node:net offers (`maxConnections`, `getConnections`, `ref`, `unref`). */
  readonly server: Server;
  readonly #options: ListenOptions;
  readonly #settings: ConnectionSettings;
  readonly #deflate: DeflateSettings | undefined;
  /** Sockets whose handshake is not done. */
  readonly #handshaking = new Set<Socket>();
  #closed: Promise<unknown> | undefined;

  /** @throws {TypeError | RangeError} for a limit or timeout out of range, or an illegal header or subprotocol */
  constructor(options: ListenOptions) {
    super({ captureRejections: true });
    this.#options = options;
    this.#settings = { ...options, limits: resolveLimits(options.limits) };
    this.#deflate = deflateSettings(options.perMessageDeflate, 'server', 'strict');
    // What the responses will hold is checked here and not at the first client.
    for (const subprotocol of [undefined, ...(options.subprotocols ?? [])]) {
      buildUpgradeResponse({ key: '', subprotocol, headers: options.headers ?? [] });
    }
    checkTimeout('closeTimeoutMs', options.closeTimeoutMs);
    const { handshakeTimeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = options;
    const handshakeTimeout = checkTimeout('handshakeTimeoutMs', handshakeTimeoutMs, 1)!;
    const onConnection = (socket: Socket) => this.#greet(socket);
    // Half open: the peer may close its side while our Close frame and answer still have to leave.
    this.server = options.tls
      ? createTlsServer({ handshakeTimeout, ...options.tls, allowHalfOpen: true }, onConnection)
      : createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
    this.server.on('tlsClientError', (error: Error, socket: Socket) => {
      this.#reportRefusal(socket, 400, error.message);
      // Node leaves it open, also after the handshake timeout.
      socket.destroy();
    });
    this.server.on('close', () => this.emit('close'));
  }

  /** Where the server listens; a string for a unix socket, null before and after. */
  address(): AddressInfo | string | null {
    return this.server.address();
  }

  /**
   * Stops accepting, starts the closing handshake with everyone (§7.4.1: 1001 says that the server goes away), and
   * resolves when the last connection is gone; each has the close timeout to go.
   */
  async close(code = 1001, reason = ''): Promise<void> {
    if (this.#closed === undefined) {
      // node:net counts a connection as gone a moment before its 'close' event.
      const ends = [...this.clients].map(
        (client) => new Promise<void>((resolve) => client.once('close', () => resolve())),
      );
      const serverEnd = new Promise<void>((resolve) => this.server.close(() => resolve()));
      this.#closed = Promise.all([serverEnd, ...ends]);
      for (const socket of this.#handshaking) socket.destroy();
    }
    for (const client of this.clients) client.close(code, reason);
    await this.#closed;
  }

  /** A listener's promise was rejected: reported, and the connection that it was given, if any, is ended. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string, socket?: unknown): void {
    if (event === 'connection' && socket instanceof WebSocket) socket.failForHandler(error);
    else warnOfError(error, `a NetServer '${event}' listener`);
  }

  #greet(socket: Socket): void {
    const { handshakeTimeoutMs, maxHeadBytes } = this.#options;
    this.#handshaking.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#handshaking.delete(socket));
    const limits = {
      timeoutMs: handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS,
      maxHeadBytes: maxHeadBytes ?? DEFAULT_MAX_HEAD_BYTES,
    };
    readHead(socket, limits, (result) => {
      this.#answer(socket, result).catch((error: unknown) => {
        warnOfError(error, 'a hook of listen()');
        this.#refuse(socket, { status: 500 }, 'A hook of the server threw an error');
      });
    });
  }

  async #answer(socket: Socket, result: ParsedHead<RequestHead> | HeadFailure): Promise<void> {
    if (!result.ok) return this.#refuse(socket, result, result.message);
    const { head } = result;
    // The hooks may take their time; the chunk that the rest lies in is not kept for that long.
    const rest = Uint8Array.from(result.rest);
    const { path, origins, onRequest, authorize } = this.#options;
    if (!parseTokenList(head.headers.get('upgrade') ?? '').includes('websocket')) {
      const request = netRequest(head, head.target, socket);
      const answer = onRequest === undefined ? UPGRADE_REQUIRED : await onRequest(request);
      return endWith(socket, formatAnswer(answer, head.method !== 'HEAD'));
    }
    const decision = checkUpgradeRequest(head, {
      // §9.1: a list that breaks its grammar is refused, even if no extension is going to be agreed to.
      parsesExtensions: true,
      ...(origins === undefined ? {} : { origins }),
    });
    if (!decision.ok) return this.#refuse(socket, decision, decision.message);
    const request = netRequest(head, decision.resourceName, socket);
    if (path !== undefined && decision.resourceName.split('?', 1)[0] !== path) {
      return this.#refuse(socket, { status: 404 }, `No WebSocket is served at this path: use ${path}`);
    }
    const verdict = authorize === undefined || (await authorize(request));
    if (socket.destroyed) return undefined;
    if (verdict === true) return this.#accept(socket, rest, decision, request);
    const { status = 403, ...answer }: HttpAnswer = verdict === false ? {} : verdict;
    this.#reportRefusal(socket, status, 'authorize() said no');
    return endWith(socket, formatAnswer({ body: 'Forbidden', ...answer, status }, true));
  }

  /** Sends the 101 response and opens the connection (§4.2.2 item 5). */
  #accept(socket: Socket, rest: Uint8Array, accepted: AcceptableRequest, request: NetRequest): void {
    const { subprotocols = [], headers = [] } = this.#options;
    if (!this.server.listening) {
      this.#refuse(socket, { status: 503 }, 'The server is shutting down');
      return;
    }
    // The peer has ended its side meanwhile: there is no more to hear of, not even that.
    if (!socket.readable) return void socket.destroy();
    const subprotocol = chooseSubprotocol(accepted.subprotocols, subprotocols);
    const agreement = agreeOnDeflate(accepted.extensions, this.#deflate);
    if (!agreement.ok) {
      this.#refuse(socket, { status: 400 }, agreement.message);
      return;
    }
    const { extensions, deflate } = agreement;
    const response = buildUpgradeResponse({ key: accepted.key, subprotocol, extensions, headers });
    socket.write(Buffer.from(response, 'latin1'));
    this.#handshaking.delete(socket);
    const webSocket = new WebSocket(null);
    webSocket.accept(socket, rest, 'server', subprotocol ?? '', this.#settings, deflate);
    const clients = this.clients as Set<WebSocket>;
    clients.add(webSocket);
    webSocket.on('close', () => clients.delete(webSocket));
    try {
      this.emit('connection', webSocket, request);
    } catch (error) {
      webSocket.failForHandler(error);
    }
  }

  #refuse(socket: Socket, refusal: { status: number; headers?: readonly HeaderField[] }, message: string): void {
    if (socket.destroyed) return;
    this.#reportRefusal(socket, refusal.status, message);
    endWith(socket, buildRefusalResponse({ ...refusal, message, contentType: 'text/plain; charset=utf-8' }));
  }

  #reportRefusal(socket: Socket, status: number, message: string): void {
    try {
      this.emit('refused', Object.assign(new Error(message), { status }), socket);
    } catch (error) {
      warnOfError(error, "a NetServer 'refused' listener");
    }
  }
}

function netRequest(head: RequestHead, url: string, socket: Socket): NetRequest {
  const { method, httpVersion, headers, rawHeaders } = head;
  return { method, url, httpVersion, headers, rawHeaders, socket };
}

/**
 * Starts a WebSocket server on bare TCP, TLS or a unix socket.
 * @param onConnection the first 'connection' listener
 * @returns the server, once it listens
 * @throws what node:net reports when it cannot listen, such as EADDRINUSE
 */
export async function listen(
  options: ListenOptions,
  onConnection?: (socket: WebSocket, request: NetRequest) => void,
): Promise<NetServer> {
  const netServer = new NetServer(options);
  if (onConnection !== undefined) netServer.on('connection', onConnection);
  const { port = 0, host, socketPath, backlog } = options;
  const where = socketPath === undefined ? { port, host } : { path: socketPath };
  await new Promise<void>((resolve, reject) => {
    netServer.server.once('error', reject);
    netServer.server.listen({ ...where, backlog }, resolve);
    netServer.server.once('listening', () => netServer.server.off('error', reject));
  });
  netServer.server.on('error', (error) => {
    // Such as having no file descriptor left for a client: no reason to end the process.
    if (netServer.listenerCount('error') > 0) netServer.emit('error', error);
    else warnOfError(error, 'the server below a NetServer');
  });
  return netServer;
}
