/**
 * The server on bare TCP (or TLS, or a unix socket): framewright reads the HTTP head itself and there is no node:http in
 * between. Same WebSocket, same handshake (§4.2) in its strict form, defaults for a server that faces the internet.
 */

import type { AddressInfo, Server, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { Admission, type Ask } from '../admission/admission.ts';
import type { Arrival } from '../admission/arrival.ts';
import { answerOf, askAuthorize } from '../admission/authorize.ts';
import { checkAnswer, type HttpAnswer, isStreamed, type StreamedBody } from '../admission/http-answer.ts';
import { type MessageRate, messageMeters, type OpenMeter } from '../admission/message-limits.ts';
import type { AdmissionOptions, Authenticated } from '../admission/options.ts';
import { originRule } from '../admission/origins.ts';
import type { RefusalReason, Rejection } from '../admission/rejection.ts';
import { deflateSettings } from '../deflate/agreement.ts';
import type { DeflateOptions, DeflateSettings } from '../deflate/negotiate.ts';
import {
  buildRefusalResponse,
  buildUpgradeResponse,
  chooseSubprotocol,
  type HeaderField,
  type HeaderMap,
  listHasToken,
  parseTarget,
  type RequestHead,
  type UpgradeRequestOptions,
  type UpgradeResponse,
} from '../handshake/index.ts';
import { MemberSet } from '../memory/member-set.ts';
import { ownBytes } from '../memory/view.ts';
import { MAX_BACKLOG_BYTES } from '../options/backlog-settings.ts';
import { checkTimeout, resolveSettings } from '../options/connection-options.ts';
import type { ConnectionOptions, ConnectionSettings, Identity } from '../options/connection-settings.ts';
import { checkOptions, describe, FIELDS, socketClass } from '../options/option-check.ts';
import { doorOf, OPTIONS } from '../options/option-table.ts';
import { buildClosePayload } from '../protocol/index.ts';
import { TypedEmitter } from '../socket/emitter.ts';
import { internals, type SocketObserver, WebSocket } from '../socket/websocket.ts';
import { warnOfError } from '../transport/errors.ts';
import { accept, type Policy, publishRefusal } from './acceptance.ts';
import { keepMessagesForListeners } from './connection-event.ts';
import { checkDrainOptions, Drain, type DrainCounts, type DrainOptions, SHUTTING_DOWN } from './drain.ts';
import { HeadReader, type HeadResult } from './head-reader.ts';
import { cancelBody, endWith, formatAnswer, streamAnswer, writeAnswer } from './http-answer.ts';
import { allowsNextRequest, checkRequest, effectiveHeaders } from './http-request.ts';

/** A request as the hooks see it. */
export interface NetRequest {
  readonly method: string;
  /** The path with its query; `*` for OPTIONS of the server itself (RFC 9112 §3.2.4). */
  readonly url: string;
  readonly httpVersion: string;
  /**
   * Header fields by lower-case name; a field that stands several times is joined with ', '. When the request-target names
   * a host, as for a proxy, that is `host` (RFC 9112 §3.2.2).
   */
  readonly headers: HeaderMap;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly socket: Socket;
}

export type { Authorization } from '../admission/authorize.ts';

/** What `onRequest` answers. */
export type RequestAnswer = HttpAnswer<string | Uint8Array | StreamedBody>;

export interface ListenOptions<User = unknown>
  extends Readonly<ConnectionOptions>,
    Readonly<AdmissionOptions<NetRequest, User>> {
  /** The port to listen on; 0 picks a free one. Default 0. */
  readonly port?: number;
  /** The name or address to listen at. Default: all interfaces. */
  readonly host?: string;
  /** A unix socket's path, in place of `port` and `host`. */
  readonly socketPath?: string;
  /** Connections that may wait to be accepted. Default: what node:net has. */
  readonly backlog?: number;
  /** Several processes listen on `port`, and the kernel deals out the connections, where Node.js has that. */
  readonly reusePort?: boolean;
  /** Speak TLS (§10.6), with these options (`key`, `cert`, …). */
  readonly tls?: TlsOptions;
  /** Accept only this path (without its query). Default: every path. */
  readonly path?: string;
  /** Subprotocols that this server speaks; the first one offered that is among them is chosen. Default: none. */
  readonly subprotocols?: readonly string[];
  /**
   * Answers requests that ask for no upgrade; further ones may follow on the connection (RFC 9112 §9.3), unless there was a
   * body, which is not read. A body of the answer may be a stream: it is written as fast as the client reads, cancelled when
   * the client goes, and the last one on its connection. Default: 426 (§4.2.2 asks such clients to come back with an upgrade).
   */
  readonly onRequest?: (request: NetRequest) => RequestAnswer | Promise<RequestAnswer>;
  /** How fast messages may come, of one user or else from one address. Default: as fast as they can. */
  readonly messageRate?: MessageRate<NetRequest>;
  /** The class made for each connection. Default WebSocket. */
  readonly WebSocket?: typeof WebSocket;
  /** More header fields of the 101 response, as a list of [name, value]. */
  readonly headers?: readonly HeaderField[];
  /** Compress messages with clients that offer it (RFC 7692): true, or with these settings. Default false. */
  readonly perMessageDeflate?: boolean | DeflateOptions;
  /**
   * How long the request's head may take, from the connection on, in milliseconds; how long `authenticate` may; and how long
   * a connection may be idle behind an answer of `onRequest`. Default 10 000.
   */
  readonly handshakeTimeoutMs?: number;
  /** Longest request head, in bytes. Default 16 384. */
  readonly maxHeadBytes?: number;
}

const DOOR = doorOf('listen()', { headers: FIELDS, WebSocket: socketClass(WebSocket) });

export interface NetServerEvents<User = unknown> {
  connection: [socket: Authenticated<WebSocket, User>, request: NetRequest];
  /** A request was refused; it has been answered already. */
  refused: [error: Error & { readonly status: number; readonly reason: RefusalReason }, socket: Socket];
  error: [error: Error];
  close: [];
}

const UPGRADE_REQUIRED: HttpAnswer = {
  status: 426,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', Upgrade: 'websocket' },
  body: 'This address speaks WebSocket: send an upgrade request\n',
};

/** What a refusal says that is not about the request. */
const OWN_WORDS: Readonly<Record<number, string>> = {
  500: 'A hook of the server threw an error',
  503: 'The server is shutting down',
};

/** Takes a request or leaves it. @param rest what has come behind its head @returns whether it has: then the socket is its own */
export type TakeRequest = (request: NetRequest, rest: Uint8Array) => boolean;

/** Offers each request, for a WebSocket or not, to `take` before the server looks at it. @returns what ends it */
export let takeRequests: (server: NetServer, take: TakeRequest) => () => void;

/** Made by `listen`. */
export class NetServer<User = unknown> extends TypedEmitter<NetServerEvents<User>> {
  /** The open connections. */
  readonly clients: ReadonlySet<Authenticated<WebSocket, User>> = new MemberSet();
  /** The server below, for what node:net offers (`maxConnections`, `getConnections`, `ref`, `unref`). */
  readonly server: Server;
  readonly #options: ListenOptions;
  readonly #admission: Admission | undefined;
  readonly #settings: ConnectionSettings;
  readonly #deflate: DeflateSettings | undefined;
  readonly #rules: UpgradeRequestOptions;
  readonly #openMeter: OpenMeter | undefined;
  readonly #heads: HeadReader;
  /** Sockets without an open connection: their handshake is not done, or they were refused. */
  readonly #handshaking = new MemberSet<Socket>();
  /** Connections over which TLS has not been agreed on yet, by their other end. */
  readonly #securing = new Map<string, Socket>();
  // The same listeners for all connections.
  readonly #onSocketClose: (this: Socket) => void;
  readonly #observer: SocketObserver;
  readonly #undecided: Policy['undecided'] = new MemberSet();
  readonly #drain: Drain;
  readonly #takers = new Set<TakeRequest>();
  #stopped: Promise<void> | undefined;

  static {
    takeRequests = (server, take) => {
      server.#takers.add(take);
      return () => server.#takers.delete(take);
    };
  }

  /**
   * @throws {TypeError} for an option that is not known, or of the wrong kind
   * @throws {TypeError | RangeError} for a limit or timeout out of range, or an illegal header or subprotocol
   */
  constructor(options: ListenOptions<User>) {
    super({ captureRejections: true });
    checkOptions(DOOR, options);
    if (options.socketPath !== undefined && options.port !== undefined) {
      throw new TypeError('listen(): a server listens on a port or at a socketPath: give one of them');
    }
    this.#options = options;
    this.#settings = resolveSettings({
      ...options,
      maxBacklogBytes: options.maxBacklogBytes ?? MAX_BACKLOG_BYTES,
      heartbeat: options.heartbeat ?? OPTIONS.heartbeat.default['listen()'],
    });
    this.#openMeter = messageMeters(DOOR.name, options.messageRate);
    this.#deflate = deflateSettings(options.perMessageDeflate, 'server', 'strict');
    // What the responses will hold is checked here and not at the first client.
    for (const subprotocol of [undefined, ...(options.subprotocols ?? [])]) {
      buildUpgradeResponse({ key: '', subprotocol, headers: options.headers ?? [] });
    }
    const {
      path,
      handshakeTimeoutMs = OPTIONS.handshakeTimeoutMs.default['listen()'],
      maxHeadBytes = OPTIONS.maxHeadBytes.default,
    } = options;
    const handshakeTimeout = checkTimeout('handshakeTimeoutMs', handshakeTimeoutMs, 1);
    this.#admission = Admission.from(DOOR.name, options, handshakeTimeout);
    // §9.1: a list that breaks its grammar is refused, even if no extension is going to be agreed to.
    this.#rules = {
      explainPath: (resourceName) =>
        path === undefined || resourceName.split('?', 1)[0] === path
          ? undefined
          : `No WebSocket is served at this path: use ${path}`,
    };
    this.#heads = new HeadReader({ timeoutMs: handshakeTimeout, maxHeadBytes }, (socket, result) =>
      this.#answer(socket as Socket, result),
    );
    const handshaking = this.#handshaking;
    this.#onSocketClose = function () {
      handshaking.delete(this);
    };
    const clients = this.clients as Set<unknown> as Set<WebSocket>;
    this.#drain = new Drain({
      sockets: clients,
      undecided: this.#undecided,
      stop: () => this.#stop(),
      cut: () => {
        for (const socket of handshaking) socket.destroy();
        return true;
      },
    });
    this.#observer = {
      closed: (webSocket) => {
        clients.delete(webSocket);
        this.#drain.ended();
      },
    };
    // Half open: the peer may close its side while our Close frame and answer still have to leave.
    this.server = options.tls
      ? process.getBuiltinModule('node:tls').createServer({ handshakeTimeout, ...options.tls, allowHalfOpen: true })
      : process.getBuiltinModule('node:net').createServer({ allowHalfOpen: true, noDelay: true });
    this.server.on(options.tls ? 'secureConnection' : 'connection', (socket: Socket) => this.#greet(socket));
    if (options.tls) {
      this.server.on('secureConnection', (socket: Socket) => this.#securing.delete(otherEndOf(socket)));
      this.server.on('connection', (socket: Socket) => {
        const otherEnd = otherEndOf(socket);
        this.#securing.set(otherEnd, socket);
        socket.on('close', () => this.#securing.delete(otherEnd));
      });
    }
    this.server.on('tlsClientError', (error: Error, socket: Socket) => {
      this.#reportRefusal(socket, { reason: 'tls', status: 400, message: error.message });
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
   * Goes away: answers requests for a WebSocket with 503 and Retry-After, sends each connection a Close frame, and listens
   * no more once the last is gone. What is left after `timeoutMs` is terminated. Messages and other requests that arrive
   * meanwhile are still delivered.
   *
   * Called again, it gives the same promise, and the shorter deadline holds.
   * @returns how many connections ended in time and how many were cut, and how many requests were refused
   * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
   */
  drain(options?: DrainOptions): Promise<DrainCounts> {
    return this.#drain.begin(checkDrainOptions(options));
  }

  /** Whether it has begun to go away: for health checks, say. */
  get isDraining(): boolean {
    return this.#drain.hasBegun;
  }

  /**
   * Stops listening at once, and drains: everyone gets a Close frame now (§7.4.1: 1001 says that the server goes away), and
   * 10 s to go. Resolves when the last is gone.
   * @throws {TypeError | RangeError} for a code that may not be sent, or a reason that is too long
   */
  async close(code = 1001, reason = ''): Promise<void> {
    buildClosePayload(code, reason);
    this.#stop();
    for (const client of this.clients) client.close(code, reason);
    await this.drain();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Listens no more. Connections from which no request has come are ended: none would be answered. */
  #stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.server.close(() => resolve());
      for (const socket of this.#securing.values()) socket.destroy();
      this.#heads.destroyAll();
    });
    return this.#stopped;
  }

  /** A listener's promise was rejected: reported, and the connection that it was given, if any, is ended. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string, socket?: unknown): void {
    if (event === 'connection' && socket instanceof WebSocket) internals.failForHandler(socket, error);
    else warnOfError(error, `a NetServer '${event}' listener`);
  }

  #greet(socket: Socket): void {
    this.#handshaking.add(socket);
    socket.on('error', destroySocket).on('close', this.#onSocketClose);
    this.#heads.read(socket);
  }

  #answer(socket: Socket, result: HeadResult): void {
    if (!result.ok) {
      this.#refuse(socket, { reason: 'head', ...result });
      return;
    }
    const { head, rest } = result;
    const fault = checkRequest(head);
    if (fault !== undefined) {
      this.#refuse(socket, { reason: 'head', ...fault });
      return;
    }
    const request = netRequest(head, socket);
    // The chunk that the rest lies in is not kept while a hook takes its time.
    const ownRest = ownBytes(rest);
    if (!this.isDraining) for (const take of this.#takers) if (take(request, ownRest)) return;
    if (listHasToken(head.headers.get('upgrade') ?? '', 'websocket')) {
      accept(head, socket, ownRest, new NetServer.#Policy(this as NetServer, request));
    } else {
      this.#answerPlain(head, request, ownRest);
    }
  }

  #answerPlain(head: RequestHead, request: NetRequest, rest: Uint8Array): void {
    const { socket } = request;
    const { onRequest } = this.#options;
    const hasBody = head.method !== 'HEAD';
    if (onRequest === undefined) {
      endWith(socket, formatAnswer(UPGRADE_REQUIRED, hasBody));
      return;
    }
    socket.pause();
    answerOf(() => onRequest(request))
      .then((answer) => {
        if (socket.destroyed) {
          cancelBody(answer?.body);
          return;
        }
        checkAnswer<RequestAnswer['body']>(
          'onRequest',
          answer,
          '{ status, headers, body }, each of which may be left out',
          true,
        );
        if (isStreamed(answer.body)) {
          streamAnswer(socket, answer as HttpAnswer<StreamedBody>, head.httpVersion !== '1.0', hasBody);
          return;
        }
        const isLast = !allowsNextRequest(head) || this.isDraining || !this.server.listening;
        const bytes = formatAnswer(answer as HttpAnswer, hasBody, isLast);
        if (isLast) endWith(socket, bytes);
        else writeAnswer(socket, bytes, () => this.#readNext(socket, rest));
      })
      .catch((error: unknown) => {
        warnOfError(error, `a hook of ${DOOR.name}`);
        this.#refuse(socket, { reason: 'hookFailed', status: 500 }, request);
      });
  }

  /** RFC 9112 §9.3: another request on the same connection. */
  #readNext(socket: Socket, rest: Uint8Array): void {
    if (!this.server.listening || !socket.readable) {
      endWith(socket, '');
      return;
    }
    this.#heads.readNext(socket, rest);
  }

  /** Of `listen()`, for one request. A class, so that a request costs no closures. */
  static readonly #Policy = class implements Policy {
    readonly name = DOOR.name;
    readonly server: NetServer;
    readonly request: NetRequest;

    constructor(server: NetServer, request: NetRequest) {
      this.server = server;
      this.request = request;
    }

    get settings() {
      return this.server.#settings;
    }

    get admission() {
      return this.server.#admission;
    }

    get undecided() {
      return this.server.#undecided;
    }

    get asksNobody() {
      return this.server.#options.authorize === undefined;
    }

    arrival(): Arrival {
      const { request, server } = this;
      return {
        request,
        headers: request.headers,
        host: request.headers.get('host'),
        isSecure: server.#options.tls !== undefined,
        remoteAddress: request.socket.remoteAddress,
      };
    }

    rules(): UpgradeRequestOptions {
      return { ...this.server.#rules, origins: originRule(this.server.#options, () => this.arrival()) };
    }

    deflate() {
      return this.server.#deflate;
    }

    ask(_: unknown, ...[decide, fail]: Parameters<Ask>): void {
      const { authorize } = this.server.#options;
      if (authorize === undefined) {
        decide(true);
        return;
      }
      this.request.socket.pause();
      askAuthorize(authorize, this.request).then(decide, fail);
    }

    obstacle() {
      return this.server.#drain.obstacle() ?? (this.server.server.listening ? undefined : SHUTTING_DOWN);
    }

    chooseSubprotocol(offered: readonly string[]) {
      return chooseSubprotocol(offered, this.server.#options.subprotocols ?? []);
    }

    makeSocket() {
      return new (this.server.#options.WebSocket ?? WebSocket)(null);
    }

    meter(identity: Identity | undefined) {
      return this.server.#openMeter?.(this.request, this.request.socket, identity);
    }

    respond(response: UpgradeResponse): void {
      const { headers } = this.server.#options;
      this.request.socket.write(buildUpgradeResponse({ ...response, headers }), 'latin1');
    }

    refuse(rejection: Rejection): void {
      this.server.#refuse(this.request.socket, rejection, this.request);
    }

    connected(webSocket: WebSocket) {
      const { server, request } = this;
      // One that is opened later reads nothing until then.
      if (webSocket.readyState === 0) request.socket.pause();
      else server.#handshaking.delete(request.socket);
      (server.clients as Set<unknown>).add(webSocket);
      internals.observe(webSocket, server.#observer);
      server.emit('connection', webSocket as Authenticated<WebSocket, unknown>, request);
    }
  };

  #refuse(socket: Socket, rejection: Rejection, request?: NetRequest): void {
    if (socket.destroyed) return;
    const { status, message = OWN_WORDS[status], headers = [], answer } = rejection;
    const bytes = answer ? formatAnswer(answer, true) : buildRefusalResponse({ status, message, headers });
    this.#reportRefusal(socket, { ...rejection, message }, request);
    endWith(socket, bytes);
  }

  #reportRefusal(socket: Socket, rejection: Rejection, request?: NetRequest): void {
    publishRefusal(this, request, socket, rejection);
    const { reason, status, message } = rejection;
    try {
      this.emit('refused', Object.assign(new Error(message ?? ''), { status, reason }), socket);
    } catch (error) {
      warnOfError(error, "a NetServer 'refused' listener");
    }
  }
}

keepMessagesForListeners(NetServer.prototype);

function otherEndOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function destroySocket(this: Socket): void {
  this.destroy();
}

function netRequest(head: RequestHead, socket: Socket): NetRequest {
  const { method, target, httpVersion, rawHeaders } = head;
  const url = parseTarget(target)?.resourceName ?? target;
  return { method, url, httpVersion, headers: effectiveHeaders(head), rawHeaders, socket };
}

/**
 * Starts a WebSocket server on bare TCP, TLS or a unix socket.
 * @param onConnection the first 'connection' listener
 * @returns the server, once it listens
 * @throws what node:net reports when it cannot listen, such as EADDRINUSE
 */
export async function listen<User = unknown>(
  options: ListenOptions<User>,
  onConnection?: (socket: Authenticated<WebSocket, User>, request: NetRequest) => void,
): Promise<NetServer<User>> {
  if (onConnection !== undefined && typeof onConnection !== 'function') {
    throw new TypeError(`listen() takes a function as its second argument, not ${describe(onConnection)}`);
  }
  const netServer = new NetServer<User>(options);
  if (onConnection !== undefined) netServer.on('connection', onConnection);
  const { port = 0, host, socketPath, backlog, reusePort } = options;
  const where = socketPath === undefined ? { port, host, reusePort } : { path: socketPath };
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
