/**
 * The WebSocket class: ws's interface, and the browser's, on one connection of the core. Everything that reaches the
 * application passes here; nothing that the application throws passes further.
 */

import type { Duplex } from 'node:stream';
import { PERMESSAGE_DEFLATE } from '../deflate/negotiate.ts';
import { type ConnectionHandler, Opcode, type Role, type ViolationId } from '../protocol/index.ts';
import type { AgreedDeflate } from '../transport/compression.ts';
import { copyOf } from '../transport/message-memory.ts';
import { type Payload, payloadLength } from '../transport/message-sender.ts';
import { SocketTransport } from '../transport/socket-transport.ts';
import { viewOfChunk } from '../transport/view.ts';
import { ClientHandshake, type ClientOptions, type EmitSafely, sortArguments } from './client-handshake.ts';
import { violationError, warnOfError } from './errors.ts';
import { defineEventProperties } from './event-target.ts';
import { encodeMessage, isMaskedOtherwise } from './mask-choice.ts';
import type { listen, NetServer } from './net-server.ts';
import type { extension, subprotocol } from './parsers.ts';
import { BINARY_TYPES, type BinaryType, fromPayload, type SendData, toControlPayload, toPayload } from './payload.ts';
import type { PerMessageDeflate } from './per-message-deflate.ts';
import type { broadcast, PreparedMessage, prepareMessage } from './prepared-message.ts';
import { PrivateSurface } from './private-surface.ts';
import { defineStates, READY_STATES, STATE_NAMES } from './ready-state.ts';
import type { Receiver } from './receiver.ts';
import type { Sender } from './sender.ts';
import { settingsFromWsOptions, type WsConnectionOptions } from './server-options.ts';
import type { ConnectionSettings, SendCallback, SendOptions, WebSocketEvents } from './socket-types.ts';
import type { createWebSocketStream } from './stream.ts';
import type { WebSocketServer } from './websocket-server.ts';
import type { WebSocketStream } from './websocket-stream.ts';

export type { ConnectionSettings, RawData, SendCallback, SendOptions, WebSocketEvents } from './socket-types.ts';

const NO_REASON = Buffer.alloc(0);

export class WebSocket extends PrivateSurface {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  /** What `require('framewright')` offers beside the class itself; set by the main entry. */
  declare static readonly WebSocket: typeof WebSocket;
  declare static readonly WebSocketServer: typeof WebSocketServer;
  declare static readonly Server: typeof WebSocketServer;
  declare static readonly NetServer: typeof NetServer;
  declare static readonly listen: typeof listen;
  declare static readonly createWebSocketStream: typeof createWebSocketStream;
  declare static readonly extension: typeof extension;
  declare static readonly PerMessageDeflate: typeof PerMessageDeflate;
  declare static readonly Receiver: typeof Receiver;
  declare static readonly Sender: typeof Sender;
  declare static readonly subprotocol: typeof subprotocol;
  declare static readonly WebSocketStream: typeof WebSocketStream;
  declare static readonly broadcast: typeof broadcast;
  declare static readonly prepareMessage: typeof prepareMessage;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  #transport: SocketTransport | undefined;
  #protocol = '';
  #extensions = '';
  #binaryType: BinaryType = 'nodebuffer';
  #isPaused = false;
  /** Whether each message, ping and pong gets a turn of the event loop of its own. */
  #spreadsEvents = false;
  /** Bytes given to `send` once it was too late, which `bufferedAmount` goes on counting. */
  #unsentBytes = 0;

  /** Whether this is the accepting side (§5.1); may be changed before `setSocket`. */
  _isServer: boolean;
  readonly #handshake: ClientHandshake | undefined;
  readonly #options: WsConnectionOptions;
  #hasClosed = false;

  /**
   * Connects to a server; or, with null for the address, makes a socket that opens with `accept` or `setSocket`.
   * @param address ws:, wss:, http:, https: or `ws+unix:/socket[:/path]`
   * @param protocols subprotocols, most preferred first; or the options
   * @throws {SyntaxError} when the address, a subprotocol or the proxy's address is not valid
   * @throws {RangeError | TypeError} for options out of their range, and header fields with illegal characters
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions,
    options?: ClientOptions,
  ) {
    // A rejected promise of an async listener comes to Symbol(nodejs.rejection) below.
    super({ captureRejections: true });
    const [subprotocols, given] = sortArguments(protocols, options);
    this.#options = given;
    this._isServer = address === null;
    if (address === null) return;
    const emit: EmitSafely = (name, ...args) => this.#emitSafely(name, ...args);
    this.#handshake = new ClientHandshake(this, emit, address, subprotocols, given);
    this.#handshake.start();
  }

  /** As `accept`, with ws's options; those missing are the constructor's. `_isServer` decides on the role. */
  setSocket(socket: Duplex, head: Uint8Array, options: WsConnectionOptions): void {
    const settings = settingsFromWsOptions({ maxPayload: 0, ...this.#options, ...options });
    this.accept(socket, head, this._isServer ? 'server' : 'client', '', settings);
  }

  /**
   * Opens the connection on a transport whose opening handshake is done.
   * @param head bytes that arrived behind the handshake
   * @param deflate what was agreed on for compression, if anything
   */
  accept(
    socket: Duplex,
    head: Uint8Array,
    role: Role,
    protocol: string,
    settings: ConnectionSettings,
    deflate?: AgreedDeflate,
  ): void {
    this.#protocol = protocol;
    this.#spreadsEvents = settings.spreadsEvents ?? false;
    if (deflate !== undefined) this.#extensions = PERMESSAGE_DEFLATE;
    const options = { ...settings, role, deflate, isTransient: settings.transientMessages };
    this.#transport = new SocketTransport(socket, head, new WebSocket.#Delivery(this), options);
    try {
      this.emit('open');
    } catch (error) {
      this.failForHandler(error);
    }
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#hasClosed) return 3;
    const transport = this.#transport;
    if (transport === undefined) return this.#handshake?.readyState ?? 0;
    const readyState = READY_STATES[transport.connection.state];
    return readyState === 1 && !transport.isOpen ? 2 : readyState;
  }

  /** The address in its ws:, wss: or ws+unix: form, redirects included. On the accepting side it is undefined in truth. */
  get url(): string {
    return this.#handshake?.url as string;
  }

  /** The subprotocol agreed on, or ''. */
  get protocol(): string {
    return this.#protocol;
  }

  /** Names of the extensions in use, joined by ', '; '' without any. */
  get extensions(): string {
    return this.#extensions;
  }

  /** Bytes sent and not yet taken by the network, frame headers included. */
  get bufferedAmount(): number {
    // What waits for the end of the tick is offered to the network now: only what it does not take is buffered.
    this.#transport?.flush();
    return this.#unsentBytes + (this.#transport?.bufferedBytes ?? 0);
  }

  /** Whether what 'message' listeners get is theirs until they return only: the option of that name. */
  get transientMessages(): boolean {
    return this.#transport?.isTransient ?? false;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** How binary messages are delivered; unknown values are ignored. May change at any time. */
  set binaryType(value: BinaryType) {
    if (BINARY_TYPES.includes(value)) this.#binaryType = value;
  }

  protected get _transport(): SocketTransport | undefined {
    return this.#transport;
  }

  /**
   * Sends a message. Large payloads are not copied: leave them alone until `callback` has run.
   * @param callback runs once the data has been written out, or with the reason why it was not
   * @throws {Error} while CONNECTING
   * @throws {TypeError} for data that has no bytes
   */
  send(data: SendData, callback?: SendCallback): void;
  send(data: SendData, options: SendOptions | undefined, callback?: SendCallback): void;
  send(data: SendData, options?: SendOptions | SendCallback, callback?: SendCallback): void {
    const {
      binary,
      fin = true,
      compress = true,
      mask,
    }: SendOptions = typeof options === 'function' ? {} : (options ?? {});
    const done = typeof options === 'function' ? options : callback;
    const transport = this.#transportAfterHandshake();
    const payload = toPayload(data);
    const isBinary = binary ?? typeof payload !== 'string';
    const isSent = isMaskedOtherwise(this._isServer, mask, payload)
      ? transport?.sendEncoded([encodeMessage(payload, isBinary, fin, mask)], this.#safeCallback(done))
      : transport?.sendMessage(payload, isBinary, fin, compress, this.#safeCallback(done));
    if (!isSent) this.#refuseToSend(payload, done);
  }

  /**
   * Sends a message that was encoded once for many sockets, see `prepareMessage`; otherwise as `send`. Compressed
   * connections compress it, clients mask it, each for itself.
   * @throws {Error} while CONNECTING
   */
  sendPrepared(message: PreparedMessage, callback?: SendCallback): void {
    const isSent = this.#transportAfterHandshake()?.sendShared(message, this.#safeCallback(callback));
    if (!isSent) this.#refuseToSend(message.payload, callback);
  }

  /**
   * Sends a ping (§5.5.2).
   * @param data at most 125 bytes
   * @throws {RangeError} when the data is longer
   * @throws {Error} while CONNECTING
   */
  ping(data?: SendData | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#sendControl(Opcode.Ping, data, mask, callback);
  }

  /** Sends an unsolicited pong (§5.5.3); otherwise as `ping`. */
  pong(data?: SendData | SendCallback, mask?: boolean | SendCallback, callback?: SendCallback): void {
    this.#sendControl(Opcode.Pong, data, mask, callback);
  }

  /**
   * Starts the closing handshake (§7.1.2); does nothing when it is under way.
   * @param code 1000–1014 but 1004–1006, or 3000–4999; without one an empty Close frame is sent
   * @param reason at most 123 bytes of UTF-8
   * @throws {TypeError} when code or reason are of the wrong kind
   * @throws {RangeError} when the reason is too long
   */
  close(code?: number, reason?: string | Uint8Array): void {
    if (this.readyState === 3) return;
    if (this.#transport === undefined) this.#handshake?.close();
    else this.#transport.close(code, reason);
  }

  /** Destroys the transport at once: no Close frame, no further message; 'close' follows with 1006. */
  terminate(): void {
    if (this.readyState === 3) return;
    if (this.#transport === undefined) this.#handshake?.close();
    else this.#transport.destroy();
  }

  /** Counts the socket as closed at once and emits 'close', unless that has been done. You want `terminate`. */
  emitClose(): void {
    if (this.#hasClosed) return;
    this.#hasClosed = true;
    const connection = this.#transport?.connection;
    const reason =
      connection === undefined || connection.closeReason.length === 0 ? NO_REASON : Buffer.from(connection.closeReason);
    this.#emitSafely('close', connection?.closeCode ?? 1006, reason);
  }

  /** Stops reading, and holds what was read and not delivered. */
  pause(): void {
    if (this.readyState === 0 || this.readyState === 3) return;
    this.#isPaused = true;
    this.#transport?.pause();
  }

  /** Goes on, in order, where `pause` stopped. */
  resume(): void {
    if (this.readyState === 0 || this.readyState === 3) return;
    this.#isPaused = false;
    this.#transport?.resume();
  }

  /**
   * Application code has thrown, in a listener or while it was given this socket: ends with 1011, reports `error`. When
   * the connection has ended before, there is only a warning left to give.
   */
  failForHandler(error: unknown): void {
    if (this.isIterationError(error)) return;
    if (this.#transport?.failForHandler(error) !== true) warnOfError(error, 'a WebSocket listener');
  }

  /** A listener's promise was rejected: as if the listener had thrown. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.failForHandler(error);
  }

  /** What the core calls. Kept off the class, whose own `close`, `ping` and `pong` mean the opposite direction. */
  static readonly #Delivery = class implements ConnectionHandler {
    readonly #socket: WebSocket;

    constructor(socket: WebSocket) {
      this.#socket = socket;
    }

    message(bytes: Uint8Array, start: number, end: number, isBinary: boolean, isShared: boolean): void {
      const socket = this.#socket;
      if (socket.#spreadsEvents) socket.#holdUntilNextTurn();
      if (socket.offerMessage(bytes, start, end, isBinary, isShared) && socket.listenerCount('message') === 0) return;
      const isKept = isShared && !socket.transientMessages;
      const data = isKept ? copyOf(bytes, start, end) : viewOfChunk(bytes, start, end);
      socket.emitMessage(isBinary ? fromPayload(data, socket.#binaryType) : data, isBinary);
    }

    ping(payload: Uint8Array): void {
      this.#socket.#emitControl('ping', payload);
    }

    pong(payload: Uint8Array): void {
      this.#socket.#emitControl('pong', payload);
    }

    closeReceived(): void {
      this.#socket.#isPaused = false;
    }

    failed(id: ViolationId, detail: number, cause: unknown): void {
      this.#socket.#failed(id, detail, cause);
    }

    closed(): void {
      this.#socket.emitClose();
    }
  };

  #emitControl(name: 'ping' | 'pong', payload: Uint8Array): void {
    if (this.#spreadsEvents) this.#holdUntilNextTurn();
    this.emit(name, Buffer.from(payload));
  }

  #holdUntilNextTurn(): void {
    const transport = this.#transport!;
    transport.pause();
    setImmediate(() => {
      if (!this.#isPaused) transport.resume();
    });
  }

  #failed(id: ViolationId, detail: number, cause: unknown): void {
    this.#isPaused = false;
    if (this.listenerCount('error') > 0) this.#emitSafely('error', violationError(id, detail, cause));
    else if (id === 'handlerFailed') warnOfError(cause, 'a WebSocket listener');
  }

  /** Emits where the core is not listening for what a listener throws. */
  #emitSafely<Name extends keyof WebSocketEvents>(name: Name, ...args: WebSocketEvents[Name]): void {
    try {
      (this.emit as (name: string, ...args: unknown[]) => boolean)(name, ...args);
    } catch (error) {
      warnOfError(error, `a WebSocket '${name}' listener`);
    }
  }

  #sendControl(
    opcode: typeof Opcode.Ping | typeof Opcode.Pong,
    data: SendData | SendCallback,
    mask: boolean | SendCallback | undefined,
    callback: SendCallback | undefined,
  ): void {
    // `mask` is there for ws's signature: the role decides (§5.1).
    const done = [data, mask, callback].find((argument) => typeof argument === 'function') as SendCallback | undefined;
    const transport = this.#transportAfterHandshake();
    const payload = toControlPayload(typeof data === 'function' ? undefined : data);
    if (transport?.sendControl(opcode, payload, this.#safeCallback(done)) !== true) this.#refuseToSend(payload, done);
  }

  /** Undefined when the opening handshake has failed. */
  #transportAfterHandshake(): SocketTransport | undefined {
    if (this.#transport === undefined && this.readyState === 0) {
      throw new Error('WebSocket is not open: readyState 0 (CONNECTING)');
    }
    return this.#transport;
  }

  /** Too late to send: counted as the browser's `bufferedAmount` has it, and told to the callback. */
  #refuseToSend(payload: Payload, callback: SendCallback | undefined): void {
    this.#unsentBytes += payloadLength(payload);
    const { readyState } = this;
    const error = new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
    if (callback !== undefined) process.nextTick(this.#safeCallback(callback)!, error);
  }

  #safeCallback(callback: SendCallback | undefined): ((error?: Error | null) => void) | undefined {
    if (callback === undefined) return undefined;
    return (error) => {
      try {
        callback(error ?? undefined);
      } catch (thrown) {
        this.failForHandler(thrown);
      }
    };
  }
}

defineStates(WebSocket);
defineEventProperties(WebSocket.prototype);
