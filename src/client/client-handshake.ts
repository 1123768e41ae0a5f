/**
 * A client's WebSocket before it is open (§4.1): its options, its URL, and its state between the constructor and
 * `setSocket`. When the handshake does not succeed, its listeners are told (§7.1.4: closed, but not cleanly).
 */

import type { AsyncResource } from 'node:async_hooks';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { deflateSettings } from '../deflate/agreement.ts';
import { contextOfCall } from '../deflate/async-context.ts';
import type { DeflateOptions } from '../deflate/negotiate.ts';
import { inOurNames, keySource, resolveSettings, type WsConnectionOptions } from '../options/connection-options.ts';
import type { Agreement, ConnectionSettings } from '../options/connection-settings.ts';
import { ANY, checkOptions, type OptionKinds } from '../options/option-check.ts';
import { doorOf, WS_DEFAULT_LIMITS } from '../options/option-table.ts';
import { connectFailed } from '../transport/diagnostics.ts';
import { ignoreError, unheardConnectError } from '../transport/errors.ts';
import { type Address, parseAddress } from './address.ts';
import { type DialedConnection, dial } from './dial.ts';
import { type DialOptions, type DialPlan, listSubprotocols, planDial } from './options.ts';

/** Options of a client: those of its handshake, of the HTTP request and the socket below it, and of the connection. */
export interface HandshakeOptions<Socket> extends DialOptions, WsConnectionOptions {
  /** Subprotocols, most preferred first, where the second argument does not give them. */
  subprotocols?: readonly string[] | undefined;
  /** `subprotocols`; one may be given without a list around it. */
  protocols?: string | readonly string[] | undefined;
  /** For the sake of types for ws, which know it: without effect, as in ws. */
  protocol?: string | undefined;
  /** Offer to compress messages (RFC 7692): true, or with these settings. Default true. */
  perMessageDeflate?: boolean | DeflateOptions | null | undefined;
  /** Fills a Buffer of 4 bytes with the masking key of the next frame. Default: the system's random source (§10.3). */
  generateMask?: ((key: Buffer) => void) | undefined;
  /** Called with each request, to change it; has to call `request.end()`. */
  finishRequest?: ((request: ClientRequest, socket: Socket) => void) | undefined;
}

/** Options that http.request and tls.connect check themselves; and those that ws too takes from the address instead. */
const PASSED_ON: OptionKinds<Omit<RequestOptions, 'headers' | 'signal'>> = {
  _defaultAgent: ANY,
  agent: ANY,
  allowPartialTrustChain: ANY,
  ALPNCallback: ANY,
  auth: ANY,
  ca: ANY,
  cert: ANY,
  checkServerIdentity: ANY,
  ciphers: ANY,
  clientCertEngine: ANY,
  createConnection: ANY,
  crl: ANY,
  defaultPort: ANY,
  dhparam: ANY,
  ecdhCurve: ANY,
  family: ANY,
  hints: ANY,
  honorCipherOrder: ANY,
  host: ANY,
  hostname: ANY,
  insecureHTTPParser: ANY,
  joinDuplicateHeaders: ANY,
  key: ANY,
  localAddress: ANY,
  localPort: ANY,
  lookup: ANY,
  maxHeaderSize: ANY,
  maxVersion: ANY,
  method: ANY,
  minVersion: ANY,
  passphrase: ANY,
  path: ANY,
  pfx: ANY,
  port: ANY,
  privateKeyEngine: ANY,
  privateKeyIdentifier: ANY,
  protocol: ANY,
  rejectUnauthorized: ANY,
  secureOptions: ANY,
  secureProtocol: ANY,
  servername: ANY,
  sessionIdContext: ANY,
  sessionTimeout: ANY,
  setHost: ANY,
  sigalgs: ANY,
  socketPath: ANY,
  ticketKeys: ANY,
  timeout: ANY,
  uniqueHeaders: ANY,
};

/** Of tls.connect and net.connect, which get them as well. */
const PASSED_FURTHER = {
  allowHalfOpen: ANY,
  ALPNProtocols: ANY,
  autoSelectFamily: ANY,
  autoSelectFamilyAttemptTimeout: ANY,
  blockList: ANY,
  enableTrace: ANY,
  highWaterMark: ANY,
  keepAlive: ANY,
  keepAliveInitialDelay: ANY,
  minDHSize: ANY,
  noDelay: ANY,
  onread: ANY,
  pskCallback: ANY,
  session: ANY,
  requestCert: ANY,
  secureContext: ANY,
  setDefaultHeaders: ANY,
  SNICallback: ANY,
  socket: ANY,
};

const DOOR = doorOf('WebSocket', { ...PASSED_FURTHER, ...PASSED_ON });

/** The events of a handshake. */
export interface HandshakeEvents {
  /** Clients: the response that upgrades, before it is checked. */
  upgrade: [response: IncomingMessage];
  /** Clients: a redirect is followed; the request has not been sent. With a listener, it keeps all its secrets. */
  redirect: [url: string, request: ClientRequest];
  /** Clients: a response that does not upgrade. A listener has to end the request, and the socket with `terminate()`. */
  'unexpected-response': [request: ClientRequest, response: IncomingMessage];
  /** `code` is a `WS_ERR_…` one once the connection was open; before, it is that of the network or of TLS, if any. */
  error: [error: Error & { readonly code?: string }];
}

/** Emits an event of the socket; what a listener throws goes no further. */
export type EmitSafely = <Name extends keyof HandshakeEvents>(name: Name, ...args: HandshakeEvents[Name]) => void;

/** The socket that is to be opened. */
interface HandshakeSocket {
  listenerCount(name: keyof HandshakeEvents): number;
  /** Throws what nobody listens for, as Node's does. */
  emit(name: 'error', error: Error): boolean;
  emitClose(): void;
}

/** What a handshake does with its socket. */
interface HandshakeHooks {
  readonly emit: EmitSafely;
  /** Calls `setSocket`. */
  open(stream: Duplex, rest: Uint8Array, agreement: Agreement): void;
  /** @returns whether some part of the library tells the application of the error */
  tellObservers(error: Error): boolean;
}

const CLOSED_EARLY = 'WebSocket was closed before the connection was established';

export class ClientHandshake<Socket extends HandshakeSocket> {
  /** The address asked for last, redirects included. */
  url: string;
  /** CONNECTING, until it has failed: CLOSING, then CLOSED. */
  readyState: 0 | 2 | 3 = 0;
  readonly #address: Address;
  readonly #plan: DialPlan;
  readonly #settings: ConnectionSettings;
  readonly #socket: Socket;
  readonly #hooks: HandshakeHooks;
  readonly #abort = new AbortController();
  /** That of the constructor, whatever the agent and the sockets below belong to; not kept once the connection is open. */
  #context: AsyncResource | undefined = contextOfCall();
  /** Whether the application has closed the socket before it was open. */
  #isGivenUp = false;

  /** @throws {SyntaxError | RangeError | TypeError} see `parseAddress` and `planDial` */
  constructor(
    socket: Socket,
    hooks: HandshakeHooks,
    address: string | URL,
    protocols: string | readonly string[] | undefined,
    options: HandshakeOptions<Socket>,
  ) {
    checkOptions(DOOR, options);
    if (protocols !== undefined && options.subprotocols) {
      throw new TypeError('WebSocket: subprotocols stand in the second argument or in the options: give one of them');
    }
    const meant = inOurNames('WebSocket', options);
    const { finishRequest, generateMask } = meant;
    this.#socket = socket;
    this.#hooks = hooks;
    // As in ws, null is none, and not the default.
    const { perMessageDeflate = true } = options;
    this.#settings = {
      ...resolveSettings(meant, WS_DEFAULT_LIMITS),
      nextMaskingKey: generateMask && keySource(generateMask),
    };
    this.#plan = planDial(
      meant,
      listSubprotocols(protocols === undefined ? meant.subprotocols : protocols),
      deflateSettings(perMessageDeflate, 'client', 'ws'),
      finishRequest ? (request) => finishRequest(request, socket) : undefined,
    );
    this.#address = parseAddress(address);
    this.url = this.#address.url;
  }

  /** @throws {TypeError} when a header has illegal characters */
  start(): void {
    const socket = this.#socket;
    const emit: EmitSafely = (name, ...args) => this.#inContext(() => this.#hooks.emit(name, ...args));
    const handler = {
      upgrade: (response: IncomingMessage) => emit('upgrade', response),
      redirect: (url: string, request: ClientRequest) => {
        this.url = url;
        emit('redirect', url, request);
      },
      isRedirectWatched: () => socket.listenerCount('redirect') > 0,
      unexpectedResponse: (request: ClientRequest, response: IncomingMessage) => {
        const isTaken = socket.listenerCount('unexpected-response') > 0;
        if (isTaken) emit('unexpected-response', request, response);
        return isTaken;
      },
      opened: (connection: DialedConnection) => this.#inContext(() => this.#opened(connection)),
      failed: (error: Error) => this.#fail(error),
    };
    dial(this.#address, this.#plan, handler, this.#abort.signal);
  }

  /** `close` and `terminate` while CONNECTING: the handshake is aborted. */
  close(): void {
    if (this.readyState !== 0) return;
    this.#abort.abort();
    this.#isGivenUp = true;
    this.#fail(new Error(CLOSED_EARLY));
  }

  /** A subclass's `setSocket` may throw, which fails the handshake. */
  #opened({ socket: stream, rest, subprotocol: protocol = '', deflate }: DialedConnection): void {
    stream.on('error', ignoreError);
    const { agent, createConnection, http2 } = this.#plan.options;
    const isSocketForeign = Boolean(agent || createConnection || http2);
    try {
      this.#hooks.open(stream, rest, { protocol, settings: this.#settings, deflate, isSocketForeign });
    } catch (error) {
      stream.destroy();
      this.#fail(error as Error);
    }
    this.#context = undefined;
  }

  /** Events come later than the call that caused them, so that listeners added behind it hear of it. */
  #fail(error: Error): void {
    this.readyState = 2;
    this.#inContext(() => process.nextTick(() => this.#report(error)));
  }

  #report(error: Error): void {
    const socket = this.#socket;
    if (connectFailed.hasSubscribers) connectFailed.publish({ socket, url: this.url, error });
    const isHeard = this.#hooks.tellObservers(error);
    const hasListener = socket.listenerCount('error') > 0;
    if (hasListener) this.#hooks.emit('error', error);
    // An application that has given up itself knows.
    if (hasListener || isHeard || this.#isGivenUp) {
      socket.emitClose();
      return;
    }
    // Node's `emit` throws what nobody listens for; when the process goes on all the same, the rest follows.
    process.nextTick(() => socket.emit('error', unheardConnectError(this.url, error)));
    process.nextTick(() => socket.emitClose());
  }

  #inContext(action: () => void): void {
    if (this.#context === undefined) action();
    else this.#context.runInAsyncScope(action);
  }
}
