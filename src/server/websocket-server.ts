/**
 * The ws-compatible server: upgrades of a node:http server, its own or somebody else's (§4.2). Options, events and the
 * answers to bad requests are ws's; every connection that it accepts is a WebSocket.
 */

import type { Server as HttpServer, IncomingMessage } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type AcceptedAgreement, checkDeflateOptions, deflateSettings } from '../deflate/agreement.ts';
import type { DeflateOptions, DeflateSettings } from '../deflate/negotiate.ts';
import {
  buildRefusalResponse,
  buildUpgradeResponse,
  formatHead,
  HeaderMap,
  type RefusalResponse,
  type UpgradeRequest,
  type UpgradeRequestOptions,
  type UpgradeResponse,
  upgradeResponseLines,
} from '../handshake/index.ts';
import type { ConnectionSettings } from '../options/connection-settings.ts';
import {
  checkOptions,
  type Door,
  FLAG,
  FLAG_OR_OBJECT,
  HOOK,
  NUMBER,
  type OptionKinds,
  ORIGINS,
  originList,
  PATH,
  PORT,
  socketClass,
  TEXT,
  warnOnce,
} from '../options/option-check.ts';
import {
  CONNECTION_KINDS,
  checkLimitNames,
  checkTimeout,
  limitsOf,
  NAMES_OF_LISTEN,
  settingsFromWsOptions,
  type WsConnectionOptions,
} from '../options/server-options.ts';
import { TypedEmitter } from '../socket/typed-emitter.ts';
import { internals, type SocketObserver, WebSocket } from '../socket/websocket.ts';
import { ignoreError, warnOfError } from '../transport/errors.ts';
import { accept, completeAcceptance, type Policy } from './acceptance.ts';
import { keepMessagesForListeners } from './connection-event.ts';
import { endWith } from './http-answer.ts';
import { whenInTurn } from './http-socket.ts';
import { createUpgradeServer } from './upgrade-server.ts';
import { askVerifyClient, type VerifyClient } from './verify-client.ts';

export type { VerifyClient, VerifyClientCallback, VerifyClientInfo } from './verify-client.ts';

export interface WebSocketServerOptions<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends WsConnectionOptions {
  /** Make an HTTP server of our own on this port; 0 picks a free one. */
  port?: number | undefined;
  host?: string | undefined;
  backlog?: number | undefined;
  /** Take the upgrades of this HTTP or HTTPS server. */
  server?: HttpServer | HttpsServer | undefined;
  /** Take no upgrades but those given to `handleUpgrade`. */
  noServer?: boolean | undefined;
  /** Accept only this path (without its query). Default: every path. */
  path?: string | undefined;
  verifyClient?: VerifyClient<InstanceType<RequestClass>> | undefined;
  /**
   * Chooses among the subprotocols offered; false for none. A name that was not offered is answered with 500. Default: the
   * first one offered.
   */
  handleProtocols?: ((protocols: Set<string>, request: InstanceType<RequestClass>) => string | false) | undefined;
  /**
   * The origin, or the origins, from which browsers may connect, or a function that decides; others get 403 (§10.2).
   * Default: all, which is right only where cookies and the network grant nothing.
   */
  origins?: string | UpgradeRequestOptions['origins'];
  /** Compress messages with clients that offer it (RFC 7692): true, or with these settings. Default false. */
  perMessageDeflate?: boolean | DeflateOptions | null | undefined;
  /** Keep the set `clients`. Default true. */
  clientTracking?: boolean | undefined;
  /**
   * How long a request's head may take, in milliseconds, for a server of our own (`port`); 0 for ever. Default 10 000.
   */
  handshakeTimeout?: number | undefined;
  /** The class made for each connection. Default WebSocket. */
  WebSocket?: SocketClass | undefined;
}

/** Such as a WebSocketServer, ours or ws's: it emits no 'upgrade'. */
const takesUpgrades = (value: object): boolean => 'handleUpgrade' in value;

const TLS_ADVICE = 'for TLS give it a server of node:https: { server: https.createServer({ cert, key }) }';

const DOOR: Door = {
  name: 'WebSocketServer',
  isLenient: true,
  kinds: {
    ...CONNECTION_KINDS,
    backlog: NUMBER,
    clientTracking: FLAG,
    handleProtocols: HOOK,
    handshakeTimeout: NUMBER,
    host: TEXT,
    noServer: FLAG,
    origins: ORIGINS,
    path: TEXT,
    perMessageDeflate: FLAG_OR_OBJECT,
    port: PORT,
    server: {
      expected: 'a server of node:http or node:https (of an Express app: http.createServer(app))',
      fits: (value) =>
        typeof value === 'object' &&
        typeof (value as Partial<HttpServer>).on === 'function' &&
        !takesUpgrades(value as object),
    },
    verifyClient: HOOK,
    WebSocket: socketClass(WebSocket),
  } satisfies OptionKinds<WebSocketServerOptions>,
  elsewhere: {
    ...NAMES_OF_LISTEN,
    authorize: 'use verifyClient(info, callback)',
    subprotocols: 'use handleProtocols(offered, request)',
    onRequest: 'give it a server of node:http, which answers such requests: { server }',
    maxHeadBytes: 'give it a server of node:http with maxHeaderSize: { server }',
    strictLengths: 'only listen() has it',
    tls: 'give it a server of node:https: { server }',
  },
  withoutEffect: {
    cert: TLS_ADVICE,
    key: TLS_ADVICE,
    pfx: TLS_ADVICE,
    verify: 'use verifyClient(info, callback)',
    maxConnections: 'give it a server of node:http that has it: { server }',
    headers: "add to the lines that a 'headers' listener gets",
    protocols: 'use handleProtocols(offered, request)',
    origin: 'use origins',
    socketPath: 'give it a server of node:http that listens there: { server }',
  },
};

/** What ws has in `options` when nothing is given. Those left out are off here, see the notes on what differs. */
const DEFAULTS = {
  allowSynchronousEvents: true,
  autoPong: true,
  maxBufferedChunks: 262_144,
  maxFragments: 0,
  maxPayload: 104_857_600,
  maxPendingAutoPongs: 60,
  skipUTF8Validation: false,
  perMessageDeflate: false,
  handleProtocols: null,
  clientTracking: true,
  closeTimeout: 30_000,
  verifyClient: null,
  noServer: false,
  backlog: null,
  server: null,
  host: null,
  path: null,
  port: null,
};

/** @throws {TypeError} see `checkOptions` */
function checkServerOptions(options: WebSocketServerOptions): void {
  checkOptions(DOOR, options);
  checkLimitNames(DOOR.name, options.limits);
  checkDeflateOptions(DOOR.name, options.perMessageDeflate, true);
  const { path, handshakeTimeout } = options;
  checkTimeout('handshakeTimeout', handshakeTimeout ?? undefined);
  if (path && !PATH.fits(path)) warnOnce(`WebSocketServer: no request has the path "${path}": give ${PATH.expected}`);
}

/** A copy in which everything stands that has a default, as ws shows it to programs; limits under both their names agree. */
function withDefaults<Options extends WebSocketServerOptions>(given: Options): Options {
  const limits = limitsOf(given ?? {});
  const named: readonly (readonly [string, number | undefined])[] = [
    ['maxPayload', limits.maxMessageBytes],
    ['maxFragments', limits.maxFragments],
    ['maxPendingAutoPongs', limits.maxPendingPongs],
  ];
  const options: Record<string, unknown> = { ...DEFAULTS, WebSocket };
  for (const [name, limit] of named) if (limit !== undefined) options[name] = limit;
  for (const [name, value] of Object.entries(given ?? {})) if (value !== undefined) options[name] = value;
  if (options.perMessageDeflate === true) options.perMessageDeflate = {};
  return options as unknown as Options;
}

export interface WebSocketServerEvents<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> {
  listening: [];
  connection: [socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>];
  /** The lines of the 101 response, status line first, to be changed in place. */
  headers: [lines: string[], request: InstanceType<RequestClass>];
  error: [error: Error];
  close: [];
  /** A bad upgrade request. A listener has to answer and end the socket itself. */
  wsClientError: [error: Error, socket: Duplex, request: InstanceType<RequestClass>];
}

type State = 'running' | 'closing' | 'closed';

/** Marks a socket that an upgrade has been begun on, by whichever server. */
const UPGRADED = Symbol('framewright upgraded');

export class WebSocketServer<
  SocketClass extends typeof WebSocket = typeof WebSocket,
  RequestClass extends typeof IncomingMessage = typeof IncomingMessage,
> extends TypedEmitter<WebSocketServerEvents<SocketClass, RequestClass>> {
  readonly options: Readonly<WebSocketServerOptions<SocketClass, RequestClass>>;
  /** The open connections. Without them, `clientTracking: false`, it is undefined in truth. */
  readonly clients: Set<InstanceType<SocketClass>>;
  readonly #settings: ConnectionSettings;
  /** What `options.perMessageDeflate` was when it was looked at last, and what came of it. */
  #deflate: { readonly option: unknown; readonly settings: DeflateSettings | undefined };
  /** The HTTP server whose upgrades we take; null in `noServer` mode and once closed. */
  _server: HttpServer | HttpsServer | null = null;
  #detach: () => void = () => {};
  #state: State = 'running';
  #closesWithLastClient = false;
  /** No listeners, which the application might remove. */
  readonly #closeCallbacks: ((error?: Error) => void)[] = [];
  readonly #observer: SocketObserver = { closed: (webSocket) => this.#forget(webSocket as InstanceType<SocketClass>) };

  /**
   * @param callback with `port` only: called when the server listens
   * @throws {TypeError} unless exactly one of `port`, `server` and `noServer` is given
   */
  constructor(options: WebSocketServerOptions<SocketClass, RequestClass>, callback?: () => void) {
    super({ captureRejections: true });
    // Callers without types may give nothing: that is refused below, in words.
    checkServerOptions(options ?? {});
    this.options = withDefaults(options);
    const { port, server, noServer, clientTracking, host, backlog } = this.options;
    if ([port !== undefined && port !== null, !!server, noServer === true].filter(Boolean).length !== 1) {
      throw new TypeError('One and only one of the "port", "server", or "noServer" options must be specified');
    }
    this.#settings = settingsFromWsOptions(this.options);
    const { perMessageDeflate } = this.options;
    this.#deflate = { option: perMessageDeflate, settings: deflateSettings(perMessageDeflate, 'server', 'ws') };
    this.clients = (clientTracking === false ? undefined : new Set()) as Set<InstanceType<SocketClass>>;
    if (server) this.#attach(server);
    if (port !== undefined && port !== null) {
      const own = createUpgradeServer(this.options.handshakeTimeout ?? undefined);
      this.#attach(own);
      own.listen({ port, host, backlog }, callback);
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
   * Stops accepting connections. Those that are open stay open: close them yourself. 'close' is emitted once the last of
   * them, and a server of our own, is gone; a server that was given to us is only left alone.
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

  /** Whether to take a request: by its path. Override it for rules of your own. */
  shouldHandle(request: InstanceType<RequestClass>): boolean {
    const { path } = this.options;
    return !path || (request.url ?? '').split('?', 1)[0] === path;
  }

  /**
   * Answers an upgrade request (§4.2.2), once earlier requests on the same connection have been answered (RFC 9112
   * §9.3.2).
   * @param callback called with the new WebSocket when the handshake has succeeded
   * @throws {Error} when the socket has been given to `handleUpgrade` before
   */
  handleUpgrade(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    const markedSocket = socket as Duplex & { [UPGRADED]?: true };
    if (markedSocket[UPGRADED] === true) {
      throw new Error(
        'server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration',
      );
    }
    markedSocket[UPGRADED] = true;
    socket.on('error', ignoreError);
    whenInTurn(request, socket, () =>
      accept(headOf(request), socket, head, this.#policy(request, socket, callback), (accepted) => {
        const { agreement, key, subprotocols } = accepted;
        this.completeUpgrade(agreement, key, new Set(subprotocols), request, socket, head, callback);
      }),
    );
  }

  /**
   * Opens a connection whose request has been accepted. Called by `handleUpgrade`; subclasses may do something before or
   * behind it.
   */
  completeUpgrade(
    agreement: AcceptedAgreement,
    key: string,
    protocols: ReadonlySet<string>,
    request: InstanceType<RequestClass>,
    socket: Duplex,
    head: Buffer,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): void {
    const accepted = { agreement, key, subprotocols: [...protocols] };
    completeAcceptance(accepted, socket, head, this.#policy(request, socket, callback));
  }

  /** ws's ways, for one request. */
  #policy(
    request: InstanceType<RequestClass>,
    socket: Duplex,
    callback: (socket: InstanceType<SocketClass>, request: InstanceType<RequestClass>) => void,
  ): Policy<InstanceType<SocketClass>> {
    return {
      name: DOOR.name,
      settings: this.#settings,
      rules: () => ({
        profile: 'ws',
        parsesExtensions: this.#currentDeflate() !== undefined,
        explainPath: () => (this.shouldHandle(request) ? undefined : 'This path is not served'),
        origins: originList(this.options.origins || undefined),
      }),
      deflate: () => this.#currentDeflate(),
      ask: ({ origin }, decide, fail) => {
        const { verifyClient } = this.options;
        const secure = (socket as Partial<TLSSocket>).encrypted === true;
        if (verifyClient)
          askVerifyClient(verifyClient, { origin: origin as string, secure, req: request }, decide, fail);
        else decide(true);
      },
      isRunning: () => this.#state === 'running',
      chooseSubprotocol: (offered) => this.#chooseSubprotocol(offered, request),
      makeSocket: () => {
        const Socket = this.options.WebSocket ?? WebSocket;
        return new Socket(null, undefined, this.options) as InstanceType<SocketClass>;
      },
      respond: (response) => {
        socket.write(this.#formatResponse(response, request), 'latin1');
      },
      refuse: (rejection) => {
        const { check, message = '' } = rejection;
        const isBadRequest = check !== undefined && check !== 'path';
        if (isBadRequest && this.listenerCount('wsClientError') > 0) {
          this.emit('wsClientError', new Error(message), socket, request);
        } else refuse(socket, rejection);
      },
      connected: (webSocket) => {
        // One that a subclass opens later has nobody else to listen until then.
        if (webSocket.readyState !== 0) socket.off('error', ignoreError);
        this.#track(webSocket);
        return callback(webSocket, request);
      },
    };
  }

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

  #attach(server: HttpServer | HttpsServer): void {
    this._server = server;
    const sharing = sharingServers(server);
    sharing.add(this);
    const onListening = () => this.emit('listening');
    const onError = (error: Error) => this.emit('error', error);
    const onUpgrade = (request: InstanceType<RequestClass>, socket: Duplex, head: Buffer) => {
      let isOurs = false;
      try {
        isOurs = !this.#isForAnother(server, request);
      } catch (error) {
        warnOfError(error, `a hook of ${DOOR.name}`);
        refuse(socket, { status: 500 });
      }
      if (!isOurs) return;
      try {
        this.handleUpgrade(request, socket, head, (webSocket) => this.emit('connection', webSocket, request));
      } catch (error) {
        // Another server of the same path has taken this socket already.
        warnOfError(error, 'the upgrade of a WebSocketServer');
      }
    };
    server.on('listening', onListening);
    server.on('error', onError);
    server.on('upgrade', onUpgrade);
    this.#detach = () => {
      sharing.delete(this);
      server.off('listening', onListening);
      server.off('error', onError);
      server.off('upgrade', onUpgrade);
    };
  }

  /**
   * Several servers may share one HTTP server by path, and other code may take upgrades of it as well: what is not ours
   * is left alone when somebody else may take it. When nobody else may, the first of us refuses it.
   */
  #isForAnother(server: HttpServer | HttpsServer, request: InstanceType<RequestClass>): boolean {
    const sharing = sharingServers(server);
    const hasStrangers = server.listenerCount('upgrade') > sharing.size;
    if (hasStrangers && request.headers.upgrade?.toLowerCase() !== 'websocket') return true;
    if (this.shouldHandle(request)) return false;
    const [first] = sharing;
    return hasStrangers || first !== this || [...sharing].some((other) => other.shouldHandle(request));
  }

  /** The 101 response, with what listeners for 'headers' make of it. */
  #formatResponse(response: UpgradeResponse, request: InstanceType<RequestClass>): string {
    if (this.listenerCount('headers') === 0) return buildUpgradeResponse(response);
    const lines = upgradeResponseLines(response);
    this.emit('headers', lines, request);
    return formatHead(lines);
  }

  /** What the application chooses is sent as it is: a client that did not offer it fails the connection (§4.1). */
  #chooseSubprotocol(offered: readonly string[], request: InstanceType<RequestClass>): string | undefined {
    const { handleProtocols } = this.options;
    const [first] = offered;
    if (first === undefined || !handleProtocols) return first;
    return handleProtocols(new Set(offered), request) || undefined;
  }

  #track(webSocket: InstanceType<SocketClass>): void {
    if (this.clients === undefined) return;
    this.clients.add(webSocket);
    internals.observe(webSocket, this.#observer);
  }

  #forget(webSocket: InstanceType<SocketClass>): void {
    this.clients.delete(webSocket);
    if (this.#closesWithLastClient && this.clients.size === 0) process.nextTick(() => this.#emitClose());
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

/** What is judged of a request. */
function headOf(request: IncomingMessage): UpgradeRequest {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    // Programs change fields before they give us the request.
    headers: HeaderMap.fromObject(request.headers ?? {}),
    wireHeaders: wireHeadersOf(request),
  };
}

/** Answers with a status and ends the socket. */
function refuse(socket: Duplex, rejection: RefusalResponse): void {
  if (!socket.listeners('error').includes(ignoreError)) socket.on('error', ignoreError);
  endWith(socket, buildRefusalResponse({ contentType: 'text/html', ...rejection }));
}

/** Null for a request that a program made up, or that came by HTTP/2, which has fields of its own (`:authority`). */
function wireHeadersOf({ rawHeaders }: IncomingMessage): HeaderMap | null {
  const [firstName] = rawHeaders ?? [];
  return firstName === undefined || firstName.startsWith(':') ? null : new HeaderMap(rawHeaders);
}

/** Our servers on each HTTP server. */
const servers = new WeakMap<HttpServer | HttpsServer, Set<WebSocketServer>>();

function sharingServers(server: HttpServer | HttpsServer): Set<WebSocketServer> {
  let sharing = servers.get(server);
  if (sharing === undefined) {
    sharing = new Set();
    servers.set(server, sharing);
  }
  return sharing;
}
