/**
 * The ws-compatible server: upgrades of a node:http server, its own or somebody else's (§4.2). Options, events and the
 * answers to bad requests are ws's; every connection that it accepts is a WebSocket.
 */

import type { EventEmitter } from 'node:events';
import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { socketBelow } from '../admission/address.ts';
import { Admission, type Ask } from '../admission/admission.ts';
import type { Arrival } from '../admission/arrival.ts';
import { answerAtOnce } from '../admission/at-once.ts';
import { askAuthorize } from '../admission/authorize.ts';
import { type MessageRate, messageMeters, type OpenMeter } from '../admission/message-limits.ts';
import type { AdmissionOptions, Authenticated } from '../admission/options.ts';
import { originRule } from '../admission/origins.ts';
import type { RefusalReason, Rejection } from '../admission/rejection.ts';
import { askVerifyClient, type VerifyClient } from '../admission/verify-client.ts';
import { type AcceptedAgreement, deflateSettings } from '../deflate/agreement.ts';
import type { DeflateOptions, DeflateSettings } from '../deflate/negotiate.ts';
import {
  type AcceptableRequest,
  buildRefusalResponse,
  buildUpgradeResponse,
  chooseSubprotocol,
  formatHead,
  HeaderMap,
  type UpgradeRequest,
  type UpgradeRequestOptions,
  type UpgradeResponse,
  upgradeResponseLines,
} from '../handshake/index.ts';
import { MemberSet } from '../memory/member-set.ts';
import {
  checkTimeout,
  inOurNames,
  resolveSettings,
  shownOptionsOf,
  type WsConnectionOptions,
} from '../options/connection-options.ts';
import type { ConnectionSettings, Identity } from '../options/connection-settings.ts';
import { checkOptions, describe, PATH, socketClass, TEXT, warnOnce } from '../options/option-check.ts';
import { doorOf, OPTIONS, WS_DEFAULT_LIMITS } from '../options/option-table.ts';
import { TypedEmitter } from '../socket/emitter.ts';
import { internals, type SocketObserver, WebSocket } from '../socket/websocket.ts';
import { ignoreError, warnOfError } from '../transport/errors.ts';
import { asTransport, endStreamWith, respondOn } from '../transport/http2-stream.ts';
import { accept, completeAcceptance, type Policy, publishRefusal } from './acceptance.ts';
import { keepMessagesForListeners } from './connection-event.ts';
import { checkDrainOptions, Drain, type DrainCounts, type DrainOptions, SHUTTING_DOWN } from './drain.ts';
import { endWith, formatAnswer } from './http-answer.ts';
import { whenInTurn } from './http-socket.ts';
import {
  type AnyHttp2Server,
  hasOtherTakers,
  isHttp2Server,
  isServerStream,
  nameHost,
  sayGoAway,
  takeExtendedConnects,
} from './http2-server.ts';
import { createUpgradeServer } from './upgrade-server.ts';

export type { VerifyClient, VerifyClientCallback, VerifyClientInfo } from '../admission/verify-client.ts';

type AnyServer = HttpServer | HttpsServer | AnyHttp2Server;

export interface WebSocketServerOptions<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  User = unknown,
> extends WsConnectionOptions,
    AdmissionOptions<InstanceType<RequestClass>, User> {
  /** Make an HTTP server of our own on this port; 0 picks a free one. */
  port?: number | undefined;
  host?: string | undefined;
  backlog?: number | undefined;
  /**
   * Take the upgrades of this server, of node:http, node:https or node:http2. Of the last it takes requests for WebSockets
   * over HTTP/2 (RFC 8441), for which hooks and listeners get an Http2ServerRequest, and with `allowHTTP1` upgrades as well.
   */
  server?: AnyServer | undefined;
  /** Take no upgrades but those given to `handleUpgrade`. */
  noServer?: boolean | undefined;
  /** Accept only this path (without its query). Default: every path. */
  path?: string | undefined;
  /** Asked about each good request before it is accepted, with one parameter or, to answer later, two. */
  verifyClient?: VerifyClient<InstanceType<RequestClass>> | undefined;
  /**
   * Chooses among the subprotocols offered; false for none. A name that was not offered is answered with 500. Default: the
   * first one offered.
   */
  handleProtocols?: ((protocols: Set<string>, request: InstanceType<RequestClass>) => string | false) | undefined;
  /**
   * Subprotocols that this server speaks, in place of `handleProtocols`: the first one offered that is among them is
   * chosen.
   */
  subprotocols?: readonly string[] | undefined;
  /** Compress messages with clients that offer it (RFC 7692): true, or with these settings. Default false. */
  perMessageDeflate?: boolean | DeflateOptions | null | undefined;
  /** How fast messages may come, of one user or else from one address. Default: as fast as they can. */
  messageRate?: MessageRate<InstanceType<RequestClass>> | undefined;
  /** Keep the set `clients`. Default true. */
  clientTracking?: boolean | undefined;
  /**
   * How long a request's head may take, in milliseconds, for a server of our own (`port`), and how long `authenticate` may;
   * 0 for ever. Default 10 000.
   */
  handshakeTimeoutMs?: number | undefined;
  /** `handshakeTimeoutMs`, as clients of ws call it. */
  handshakeTimeout?: number | undefined;
  /** The class made for each connection. Default WebSocket. */
  WebSocket?: SocketClass | undefined;
}

const DOOR = doorOf('WebSocketServer', { path: TEXT, WebSocket: socketClass(WebSocket) });

/** What ws has in `options` when nothing is given, beside the settings of connections. */
const NOTHING_GIVEN = {
  maxBufferedChunks: 262_144,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

/**
 * A copy in which everything stands that has a default, as ws shows it to programs. What was given under our names stands
 * there under ws's as well.
 */
function shown<Options extends WebSocketServerOptions>(given: Options, settings: ConnectionSettings): Options {
  const options: Record<string, unknown> = { ...NOTHING_GIVEN, ...shownOptionsOf(settings), WebSocket };
  for (const [name, value] of Object.entries(given)) if (value !== undefined) options[name] = value;
  if (options.perMessageDeflate === true) options.perMessageDeflate = {};
  return options as unknown as Options;
}

export interface WebSocketServerEvents<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  User = unknown,
> {
  listening: [];
  connection: [socket: Authenticated<InstanceType<SocketClass>, User>, request: InstanceType<RequestClass>];
  /** The lines of the 101 response, or over HTTP/2 of the 200, status line first, to be changed in place. */
  headers: [lines: string[], request: InstanceType<RequestClass>];
  error: [error: Error];
  close: [];
  /**
   * A bad upgrade request. A listener has to answer and end the socket itself. Not over HTTP/2, where bytes on a stream are no
   * answer: such requests are always refused for you.
   */
  wsClientError: [error: Error, socket: Duplex, request: InstanceType<RequestClass>];
}

/** What is no fault of the request's: 'wsClientError' is not emitted. */
const ANSWERED_ALONE: readonly RefusalReason[] = [
  'path',
  'authorize',
  'verifyClient',
  'authenticate',
  'timeout',
  'maxConnections',
  'maxConnectionsPerAddress',
  'hookFailed',
  'shuttingDown',
];

type State = 'running' | 'closing' | 'closed';

const NO_BYTES = Buffer.alloc(0);

/** What a server asks before it lets somebody in, for what else of the application's counts with its connections. */
export let gatesOf: (server: WebSocketServer) => {
  readonly admission: Admission | undefined;
  readonly openMeter: OpenMeter | undefined;
};

/** Marks a listener for 'upgrade' that takes nothing which another may take. */
export const TAKES_THE_REST = Symbol('framewright takes the rest');

/** Marks a socket that an upgrade has been begun on, by whichever server. */
const UPGRADED = Symbol('framewright upgraded');

export class WebSocketServer<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
  User = unknown,
> extends TypedEmitter<WebSocketServerEvents<SocketClass, RequestClass, User>> {
  readonly options: Readonly<WebSocketServerOptions<SocketClass, RequestClass, User>>;
  /** The open connections. Without them, `clientTracking: false`, it is undefined in truth. */
  readonly clients: Set<Authenticated<InstanceType<SocketClass>, User>>;
  /** The same set, or one that only `drain` knows. */
  readonly #sockets = new MemberSet<Authenticated<InstanceType<SocketClass>, User>>();
  readonly #undecided: Policy['undecided'] = new MemberSet();
  readonly #drain = new Drain({
    sockets: this.#sockets,
    undecided: this.#undecided,
    stop: () => (this.#state === 'closed' ? Promise.resolve() : new Promise((resolve) => this.close(resolve))),
    cut: () => {
      this.#ownServer?.closeAllConnections();
      return false;
    },
  });
  readonly #admission: Admission | undefined;
  readonly #settings: ConnectionSettings;
  readonly #subprotocols: readonly string[] | undefined;
  readonly #openMeter: OpenMeter | undefined;
  /** What `options.perMessageDeflate` was when it was looked at last, and what came of it. */
  #deflate: { readonly option: unknown; readonly settings: DeflateSettings | undefined };
  /** The HTTP server whose upgrades we take; null in `noServer` mode and once closed. */
  _server: AnyServer | null = null;
  /** One of our own making, for as long as we are there. */
  #ownServer: HttpServer | undefined;
  #detach: () => void = () => {};
  #state: State = 'running';
  #closesWithLastClient = false;
  /** No listeners, which the application might remove. */
  readonly #closeCallbacks: ((error?: Error) => void)[] = [];
  readonly #observer: SocketObserver = {
    closed: (webSocket) => this.#forget(webSocket as Authenticated<InstanceType<SocketClass>, User>),
  };

  static {
    gatesOf = (server) => ({ admission: server.#admission, openMeter: server.#openMeter });
  }

  /**
   * @param callback with `port` only: called when the server listens
   * @throws {TypeError} unless exactly one of `port`, `server` and `noServer` is given
   */
  constructor(options: WebSocketServerOptions<SocketClass, RequestClass, User>, callback?: () => void) {
    super({ captureRejections: true });
    // Callers without types may give nothing: that is refused below, in words.
    const given = options ?? {};
    checkOptions(DOOR, given);
    const meant = inOurNames('WebSocketServer', given);
    this.#settings = resolveSettings(meant, WS_DEFAULT_LIMITS);
    this.#subprotocols = checkSubprotocols(meant.subprotocols, meant.handleProtocols);
    this.#openMeter = messageMeters(DOOR.name, meant.messageRate);
    const handshakeTimeoutMs = checkTimeout(
      'handshakeTimeoutMs',
      meant.handshakeTimeoutMs ?? OPTIONS.handshakeTimeoutMs.default.WebSocketServer,
    );
    this.#admission = Admission.from(DOOR.name, meant, handshakeTimeoutMs);
    this.options = shown(given, this.#settings);
    const { port, server, noServer, clientTracking, host, backlog } = this.options;
    if ([port !== undefined && port !== null, !!server, noServer === true].filter(Boolean).length !== 1) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }
    if (this.options.path && !PATH.fits(this.options.path)) {
      warnOnce(`WebSocketServer: no request has the path "${this.options.path}": give ${PATH.expected}`);
    }
    const { perMessageDeflate } = this.options;
    this.#deflate = { option: perMessageDeflate, settings: deflateSettings(perMessageDeflate, 'server', 'ws') };
    this.clients = (clientTracking === false ? undefined : this.#sockets) as typeof this.clients;
    if (server) this.#attach(server);
    if (port !== undefined && port !== null) {
      this.#ownServer = createUpgradeServer(handshakeTimeoutMs);
      this.#attach(this.#ownServer);
      this.#ownServer.listen({ port, host, backlog }, callback);
    }
  }

  /**
   * Where the HTTP server listens; a string for a pipe, null before it listens and after it closed.
   * @throws {Error} in `noServer` mode
   */
  address(): AddressInfo | string | null {
    if (this.options.noServer === true) throw new Error('The server is operating in "noServer" mode');
    return this._server?.address() ?? null;
  }

  /**
   * Stops accepting connections, as in ws. Those that are open stay open: close them yourself, or call `drain`, which says
   * goodbye to each and comes to an end. 'close' is emitted once the last of them is gone, and a server of our own. A server
   * that was given to us is left alone.
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#state === 'closed') {
      if (callback !== undefined) process.nextTick(callback, new Error('The server is not running'));
      process.nextTick(() => this.emit('close'));
      return;
    }
    if (callback !== undefined) this.#closeCallbacks.push(callback);
    if (this.#state === 'closing') return;
    this.#state = 'closing';
    const server = this._server;
    this.#detach();
    this._server = null;
    if (server !== null && !this.options.server) {
      server.close(() => this.#emitClose());
    } else if (this.clients !== undefined && this.clients.size > 0) {
      this.#closesWithLastClient = true;
    } else {
      process.nextTick(() => this.#emitClose());
    }
  }

  /**
   * Goes away: answers requests for a WebSocket with 503 and Retry-After, sends each connection a Close frame, terminates
   * what is left after `timeoutMs`, and closes this server. Messages that arrive meanwhile are still delivered. A server that
   * was given to us goes on answering all else; clients of its HTTP/2 sessions are told to open new ones (GOAWAY).
   *
   * Called again, it gives the same promise, and the shorter deadline holds.
   * @returns how many connections ended in time and how many were cut, and how many requests were refused
   * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
   */
  drain(options?: DrainOptions): Promise<DrainCounts> {
    const settings = checkDrainOptions(options);
    if (!this.isDraining) for (const { _socket: socket } of this.#sockets) if (socket !== null) sayGoAway(socket);
    return this.#drain.begin(settings);
  }

  /** Whether it has begun to go away: for health checks, say. */
  get isDraining(): boolean {
    return this.#drain.hasBegun;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** Whether to take a request: by its path. Override it for rules of your own. */
  shouldHandle(request: InstanceType<RequestClass>): boolean {
    const { path } = this.options;
    return !path || (request.url ?? '').split('?', 1)[0] === path;
  }

  /**
   * Answers an upgrade request (§4.2.2), once earlier requests on the same connection have been answered (RFC 9112
   * §9.3.2); or an extended CONNECT of HTTP/2, whose stream is the socket (RFC 8441 §5).
   * @param head ws's name for the bytes behind the request's head
   * @param callback called with the new WebSocket when the handshake has succeeded
   * @throws {TypeError} when an argument is missing
   * @throws {Error} when the socket has been given to `handleUpgrade` before
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: (socket: Authenticated<InstanceType<SocketClass>, User>, request: InstanceType<RequestClass>) => void,
  ): void {
    if (typeof callback !== 'function' || typeof head?.length !== 'number' || typeof socket?.on !== 'function') {
      const given = [request, socket, head, callback].map(describe).join(', ');
      throw new TypeError(
        `handleUpgrade() takes request, socket and head of an 'upgrade' event and a callback, not ${given}`,
      );
    }
    const markedSocket = socket as Duplex & { [UPGRADED]?: true };
    if (markedSocket[UPGRADED] === true) {
      throw new Error(
        'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
      );
    }
    markedSocket[UPGRADED] = true;
    if (isServerStream(socket)) {
      asTransport(socket);
      nameHost(request.headers);
    }
    socket.on('error', ignoreError);
    whenInTurn(request, socket, () => this.#accept(request, socket, head, callback));
  }

  #accept(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    rest: Buffer,
    callback: (socket: Authenticated<InstanceType<SocketClass>, User>, request: InstanceType<RequestClass>) => void,
  ): void {
    const policy = new WebSocketServer.#Policy(this, request, socket, callback);
    accept(headOf(request), socket, rest, policy, ({ agreement, key, subprotocols }) =>
      this.completeUpgrade(agreement, key, new Set(subprotocols), request, socket, rest, callback),
    );
  }

  /**
   * Opens a connection whose request has been accepted. Called by `handleUpgrade`; subclasses may do something before or
   * behind it.
   * @param head as in `handleUpgrade`
   */
  completeUpgrade(
    agreement: AcceptedAgreement,
    key: string,
    protocols: ReadonlySet<string>,
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: (socket: Authenticated<InstanceType<SocketClass>, User>, request: InstanceType<RequestClass>) => void,
  ): void {
    const accepted = { agreement, key, subprotocols: [...protocols] };
    completeAcceptance(accepted, socket, head, new WebSocketServer.#Policy(this, request, socket, callback));
  }

  /** ws's ways, for one request. A class, so that a request costs no closures. */
  static readonly #Policy = class<Socket extends WebSocket, Request extends IncomingMessage> implements Policy<Socket> {
    readonly name = DOOR.name;
    // biome-ignore lint/suspicious/noExplicitAny: of any classes
    readonly server: WebSocketServer<any, any, any>;
    readonly request: Request;
    readonly #socket: Duplex;
    readonly #callback: (socket: Socket, request: Request) => void;

    constructor(
      // biome-ignore lint/suspicious/noExplicitAny: of any classes
      server: WebSocketServer<any, any, any>,
      request: Request,
      socket: Duplex,
      callback: (socket: Socket, request: Request) => void,
    ) {
      this.server = server;
      this.request = request;
      this.#socket = socket;
      this.#callback = callback;
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
      const { authorize, verifyClient } = this.server.options;
      return !authorize && !verifyClient;
    }

    get #isSecure(): boolean {
      return socketBelow(this.#socket).encrypted === true;
    }

    arrival(): Arrival {
      const { request } = this;
      return {
        request,
        headers: HeaderMap.fromObject(request.headers ?? {}),
        host: request.headers?.host,
        isSecure: this.#isSecure,
        remoteAddress: socketBelow(this.#socket).remoteAddress,
      };
    }

    rules(): UpgradeRequestOptions {
      const { server, request } = this;
      return {
        profile: 'ws',
        parsesExtensions: server.#currentDeflate() !== undefined,
        explainPath: () => (server.shouldHandle(request) ? undefined : 'This path is not served'),
        origins: originRule(server.options, () => this.arrival()),
      };
    }

    deflate() {
      return this.server.#currentDeflate();
    }

    ask({ origin }: AcceptableRequest, ...[decide, fail]: Parameters<Ask>): void {
      const { request } = this;
      const { authorize, verifyClient } = this.server.options;
      if (authorize) {
        askAuthorize(authorize, request).then(decide, fail);
      } else if (verifyClient) {
        askVerifyClient(verifyClient, { origin: origin as string, secure: this.#isSecure, req: request }, decide, fail);
      } else decide(true);
    }

    obstacle() {
      return this.server.#drain.obstacle() ?? (this.server.#state === 'running' ? undefined : SHUTTING_DOWN);
    }

    chooseSubprotocol(offered: readonly string[]) {
      return this.server.#chooseSubprotocol(offered, this.request);
    }

    meter(identity: Identity | undefined) {
      return this.server.#openMeter?.(this.request, this.#socket, identity);
    }

    makeSocket(): Socket {
      const { options } = this.server;
      return new (options.WebSocket ?? WebSocket)(null, undefined, options) as Socket;
    }

    respond(response: UpgradeResponse): void {
      const { server, request } = this;
      const socket = this.#socket;
      if (isServerStream(socket)) respondOn(socket, server.#changed(upgradeResponseLines(response), request));
      else socket.write(server.#formatResponse(response, request), 'latin1');
    }

    refuse(rejection: Rejection): void {
      const { server, request } = this;
      const socket = this.#socket;
      publishRefusal(server, request, socket, rejection);
      const { reason, message = '' } = rejection;
      if (!isServerStream(socket) && !ANSWERED_ALONE.includes(reason) && server.listenerCount('wsClientError') > 0) {
        server.emit('wsClientError', new Error(message), socket, request);
      } else refuse(socket, rejection);
    }

    connected(webSocket: Socket) {
      // One that a subclass opens later has nobody else to listen until then.
      if (webSocket.readyState !== 0) this.#socket.off('error', ignoreError);
      this.server.#track(webSocket);
      return this.#callback(webSocket, this.request);
    }
  };

  /** A listener's promise was rejected: reported, and the connection that it was given, if any, is ended. */
  [Symbol.for('nodejs.rejection')](error: unknown, event: string, socket?: unknown): void {
    if (event === 'connection' && socket instanceof WebSocket) internals.failForHandler(socket, error);
    else warnOfError(error, `a WebSocketServer '${event}' listener`);
  }

  /** As `options` has it now: programs that compress for some requests only, as crossws does, change it in between. */
  #currentDeflate(): DeflateSettings | undefined {
    const { perMessageDeflate: option } = this.options;
    if (option !== this.#deflate.option) this.#deflate = { option, settings: deflateSettings(option, 'server', 'ws') };
    return this.#deflate.settings;
  }

  #attach(server: AnyServer): void {
    this._server = server;
    const sharing = sharingServers(server);
    sharing.add(this);
    const onListening = () => this.emit('listening');
    const onError = (error: Error) => this.emit('error', error);
    const onUpgrade = (request: InstanceType<RequestClass>, socket: Duplex, rest: Buffer): boolean => {
      let isOurs = false;
      try {
        isOurs = !this.#isForAnother(server, request);
      } catch (error) {
        warnOfError(error, `a hook of ${DOOR.name}`);
        const rejection = { reason: 'hookFailed', status: 500 } as const;
        publishRefusal(this, request, socket, rejection);
        refuse(socket, rejection);
        return true;
      }
      if (!isOurs) return false;
      try {
        this.handleUpgrade(request, socket, rest, (webSocket) => this.emit('connection', webSocket, request));
      } catch (error) {
        // Another server of the same path has taken this socket already.
        warnOfError(error, 'the upgrade of a WebSocketServer');
      }
      return true;
    };
    const emitter: EventEmitter = server;
    emitter.on('listening', onListening);
    emitter.on('error', onError);
    emitter.on('upgrade', onUpgrade);
    const leaveStreams = isHttp2Server(server)
      ? takeExtendedConnects(server, (request, stream) =>
          onUpgrade(request as unknown as InstanceType<RequestClass>, stream, NO_BYTES),
        )
      : undefined;
    this.#detach = () => {
      sharing.delete(this);
      emitter.off('listening', onListening);
      emitter.off('error', onError);
      emitter.off('upgrade', onUpgrade);
      leaveStreams?.();
    };
  }

  /**
   * Several servers may share one HTTP server by path, and other code may take its upgrades as well. What is not ours is
   * left alone when somebody else may take it. When nobody else may, the first of us refuses it.
   */
  #isForAnother(server: AnyServer, request: InstanceType<RequestClass>): boolean {
    const sharing = sharingServers(server);
    const { upgrade, ':protocol': protocol } = request.headers;
    const hasStrangers =
      protocol === undefined ? hasTakersBeyond(server, sharing.size) : hasOtherTakers(server as AnyHttp2Server);
    if (hasStrangers && String(protocol ?? upgrade).toLowerCase() !== 'websocket') return true;
    if (this.shouldHandle(request)) return false;
    const [first] = sharing;
    return hasStrangers || first !== this || [...sharing].some((other) => other.shouldHandle(request));
  }

  /** The 101 response, with what listeners for 'headers' make of it. */
  #formatResponse(response: UpgradeResponse, request: InstanceType<RequestClass>): string {
    if (this.listenerCount('headers') === 0) return buildUpgradeResponse(response);
    return formatHead(this.#changed(upgradeResponseLines(response), request));
  }

  #changed(lines: string[], request: InstanceType<RequestClass>): readonly string[] {
    this.emit('headers', lines, request);
    return lines;
  }

  /** What the application chooses is sent as it is: a client that did not offer it fails the connection (§4.1). */
  #chooseSubprotocol(offered: readonly string[], request: InstanceType<RequestClass>): string | undefined {
    const { handleProtocols } = this.options;
    const [first] = offered;
    if (this.#subprotocols !== undefined) return chooseSubprotocol(offered, this.#subprotocols);
    if (first === undefined || !handleProtocols) return first;
    return answerAtOnce('handleProtocols', handleProtocols(new Set(offered), request)) || undefined;
  }

  #track(webSocket: Authenticated<InstanceType<SocketClass>, User>): void {
    this.#sockets.add(webSocket);
    internals.observe(webSocket, this.#observer);
  }

  #forget(webSocket: Authenticated<InstanceType<SocketClass>, User>): void {
    this.#sockets.delete(webSocket);
    this.#drain.ended();
    if (this.#closesWithLastClient && this.#sockets.size === 0) process.nextTick(() => this.#emitClose());
  }

  #emitClose(): void {
    this.#state = 'closed';
    try {
      this.emit('close');
    } finally {
      for (const callback of this.#closeCallbacks.splice(0)) callback.call(this);
    }
  }
}

keepMessagesForListeners(WebSocketServer.prototype);

/** Whether more than so many listeners take upgrades. */
function hasTakersBeyond(server: EventEmitter, count: number): boolean {
  return (
    server.listenerCount('upgrade') > count &&
    server.listeners('upgrade').filter((listener) => !(TAKES_THE_REST in listener)).length > count
  );
}

/** What is judged of a request. */
function headOf(request: IncomingMessage): UpgradeRequest {
  // Programs change fields before they give us the request.
  const headers = HeaderMap.fromObject(request.headers ?? {});
  const protocol = headers.get(':protocol');
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    headers,
    wireHeaders: protocol === undefined ? wireHeadersOf(request) : headers,
    protocol,
  };
}

/** Answers with a status and ends the socket. */
function refuse(socket: Duplex, { answer, ...rejection }: Rejection): void {
  if (!socket.listeners('error').includes(ignoreError)) socket.on('error', ignoreError);
  const response = { contentType: 'text/html', ...rejection };
  const bytes = answer ? formatAnswer(answer, true) : Buffer.from(buildRefusalResponse(response), 'latin1');
  if (isServerStream(socket)) endStreamWith(socket, bytes);
  else endWith(socket, bytes);
}

/** @throws {TypeError} when one is no token, or when `handleProtocols` is there to choose as well */
function checkSubprotocols(
  subprotocols: readonly string[] | undefined,
  handleProtocols: unknown,
): readonly string[] | undefined {
  if (!subprotocols) return undefined;
  if (handleProtocols) {
    throw new TypeError('WebSocketServer: handleProtocols and subprotocols both choose: give one of them');
  }
  for (const subprotocol of subprotocols) buildUpgradeResponse({ key: '', subprotocol });
  return subprotocols;
}

/** Null for a request that a program made up, or that came by HTTP/2 and is no extended CONNECT. */
function wireHeadersOf({ rawHeaders }: IncomingMessage): HeaderMap | null {
  const [firstName] = rawHeaders ?? [];
  return firstName === undefined || firstName.startsWith(':') ? null : new HeaderMap(rawHeaders);
}

/** Our servers on each HTTP server. */
const servers = new WeakMap<AnyServer, Set<WebSocketServer>>();

function sharingServers(server: AnyServer): Set<WebSocketServer> {
  let sharing = servers.get(server);
  if (sharing === undefined) {
    sharing = new Set();
    servers.set(server, sharing);
  }
  return sharing;
}
