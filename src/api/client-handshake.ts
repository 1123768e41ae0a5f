/**
 * A WebSocket before it is open, on the client's side (§4.1): its options, its URL and its state between the constructor
 * and `accept`, and what its listeners are told when the handshake does not succeed (§7.1.4: closed, but not cleanly).
 */

import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Address } from '../client/address.ts';
import { parseAddress } from '../client/address.ts';
import { type DialedConnection, dial } from '../client/dial.ts';
import { type DialOptions, type DialPlan, listSubprotocols, planDial } from '../client/options.ts';
import { settingsFromWsOptions, type WsConnectionOptions } from './server-options.ts';
import type { ConnectionSettings, WebSocket } from './websocket.ts';

/** Options of a client: those of its handshake, of the HTTP request and the socket below it, and of the connection. */
export interface ClientOptions extends DialOptions, WsConnectionOptions {
  /** Subprotocols, where the second argument does not give them. */
  protocols?: string | readonly string[] | undefined;
  /** Called with each request, to change it; has to call `request.end()`. */
  finishRequest?: ((request: ClientRequest, socket: WebSocket) => void) | undefined;
}

/** The socket's own doings, which its handshake asks for. */
export interface HandshakeOwner {
  opened(connection: DialedConnection, settings: ConnectionSettings): void;
  /** Emits the event; what a listener throws goes no further. */
  emit(name: 'upgrade', response: IncomingMessage): void;
  emit(name: 'redirect', url: string, request: ClientRequest): void;
  emit(name: 'unexpected-response', request: ClientRequest, response: IncomingMessage): void;
  /** Emits 'error', or says it in another way when nobody listens. */
  reportError(error: Error): void;
  emitClose(): void;
}

const CLOSED_EARLY = 'WebSocket was closed before the connection was established';

export class ClientHandshake {
  /** The address asked for last, redirects included. */
  url: string;
  /** CONNECTING, until it has failed: CLOSING, then CLOSED. */
  readyState: 0 | 2 | 3 = 0;
  readonly #address: Address;
  readonly #plan: DialPlan;
  readonly #settings: ConnectionSettings;
  readonly #socket: WebSocket;
  readonly #owner: HandshakeOwner;
  readonly #abort = new AbortController();

  /** @throws {SyntaxError | RangeError | TypeError} see `parseAddress` and `planDial` */
  constructor(
    socket: WebSocket,
    owner: HandshakeOwner,
    address: string | URL,
    protocols: string | readonly string[] | undefined,
    options: ClientOptions,
  ) {
    const { finishRequest } = options;
    this.#socket = socket;
    this.#owner = owner;
    this.#settings = settingsFromWsOptions(options);
    this.#plan = planDial(
      options,
      listSubprotocols(protocols ?? options.protocols),
      [],
      finishRequest && ((request) => finishRequest(request, socket)),
    );
    this.#address = parseAddress(address);
    this.url = this.#address.url;
  }

  /** @throws {TypeError} when a header has illegal characters */
  start(): void {
    const socket = this.#socket;
    const owner = this.#owner;
    const handler = {
      upgrade: (response: IncomingMessage) => owner.emit('upgrade', response),
      redirect: (url: string, request: ClientRequest) => {
        this.url = url;
        owner.emit('redirect', url, request);
      },
      isRedirectWatched: () => socket.listenerCount('redirect') > 0,
      unexpectedResponse: (request: ClientRequest, response: IncomingMessage) => {
        const isTaken = socket.listenerCount('unexpected-response') > 0;
        if (isTaken) owner.emit('unexpected-response', request, response);
        return isTaken;
      },
      opened: (connection: DialedConnection) => owner.opened(connection, this.#settings),
      failed: (error: Error) => this.#fail(error),
    };
    dial(this.#address, this.#plan, handler, this.#abort.signal);
  }

  /** `close` and `terminate` while CONNECTING: the handshake is aborted. */
  close(): void {
    if (this.readyState !== 0) return;
    this.#abort.abort();
    this.#fail(new Error(CLOSED_EARLY));
  }

  /** Events come later than the call that caused them, so that listeners added behind it hear of it. */
  #fail(error: Error): void {
    this.readyState = 2;
    process.nextTick(() => {
      this.#owner.reportError(error);
      this.#owner.emitClose();
    });
  }
}

/** The constructor's second argument may be the options. */
export function sortArguments(
  protocols: string | readonly string[] | ClientOptions | undefined,
  options: ClientOptions | undefined,
): [protocols: string | readonly string[] | undefined, options: ClientOptions] {
  const isOptions = typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols);
  if (isOptions) return [undefined, protocols as ClientOptions];
  return [protocols as string | readonly string[] | undefined, options ?? {}];
}
