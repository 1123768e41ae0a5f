/**
 * The WebSocket class: ws's interface and the browser's, on one connection of the core. Whatever reaches the application
 * passes here. Whatever the application throws ends here.
 */

import type { ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  ClientHandshake,
  type EmitSafely,
  type HandshakeEvents,
  type HandshakeOptions,
} from '../client/client-handshake.ts';
import { inCallersContext } from '../deflate/async-context.ts';
import { PERMESSAGE_DEFLATE } from '../deflate/negotiate.ts';
import { keepMessage } from '../memory/message-memory.ts';
import { ownCopyOf, viewOf, viewOfChunk } from '../memory/view.ts';
import { noteAllocation } from '../memory/young-collection.ts';
import { type BacklogPolicy, type DecideBacklog, POLICIES } from '../options/backlog-settings.ts';
import {
  type SetSocketOptions,
  settingsForOwnSocket,
  settingsForSocket,
  socketOptionsOf,
  type WsConnectionOptions,
} from '../options/connection-options.ts';
import type { Admission, Agreement, Identity, ListenerErrors, MessageMeter } from '../options/connection-settings.ts';
import { describe } from '../options/option-check.ts';
import { type Chunk, CloseCode, Hold, Opcode, type Role, type ViolationId } from '../protocol/index.ts';
import '../transport/debug-log.ts';
import {
  closed,
  messageIn,
  noteEnding,
  noteFailure,
  noteOpening,
  opened,
  publishClosed,
  rateBegin,
  rateEnd,
} from '../transport/diagnostics.ts';
import { ignoreError, throwLater, violationError, warnOfError } from '../transport/errors.ts';
import { type Payload, payloadLength } from '../transport/send-order.ts';
import type { SharedMessage } from '../transport/shared-frames.ts';
import type { SocketTransport, TransportHandler } from '../transport/socket-transport.ts';
import { openTransport } from '../transport/transport-in-context.ts';
import { emitForPromises, hasOwnEmit, isThenable, soleListener, TypedEmitter, watchListeners } from './emitter.ts';
import {
  addHandler,
  type CloseEvent,
  defineEventProperties,
  type ErrorEvent,
  type Event,
  type EventHandler,
  type MessageEvent,
  removeHandler,
} from './event-target.ts';
import { MessageHold } from './message-hold.ts';
import { abnormalClosure, type Message, type MessageIterator, type MessagesOptions } from './message-iterator.ts';
import {
  BINARY_TYPES,
  type BinaryType,
  decodeText,
  fromPayload,
  type RawData,
  type SendData,
  toControlPayload,
  toPayload,
} from './payload.ts';

/** A method, since a callback that declares its error to be always there fits a method only. */
export type SendCallback = { callback(error?: Error): void }['callback'];

export interface SendOptions {
  /** Send as a binary message. Default: whether the data is anything but a string or a number. */
  readonly binary?: boolean | undefined;
  /** Compress the message, where permessage-deflate has been agreed on. Default true. */
  readonly compress?: boolean | undefined;
  /**
   * Mask the frame (§5.1). Default: as the role asks. A peer fails the connection at anything else (1002): this is for
   * tests of peers.
   */
  readonly mask?: boolean | undefined;
  /** Whether this ends the message; false sends a fragment (§5.4). Default true. */
  readonly fin?: boolean | undefined;
  /**
   * Drop the message when too much waits for the peer, where `onBacklog` is 'drop': its callback then gets an error with
   * code `WS_ERR_DROPPED`. Fragments are never dropped. Default false.
   */
  readonly droppable?: boolean | undefined;
}

/** Options of a client: those of its handshake, of the HTTP request and the socket below it, and of the connection. */
export interface ClientOptions extends HandshakeOptions<WebSocket> {}

export interface WebSocketEvents extends HandshakeEvents {
  open: [];
  message: [data: RawData, isBinary: boolean];
  /** A text message as a string, decoded where it arrived. Who listens for 'text' need not listen for 'message'. */
  text: [text: string];
  close: [code: number, reason: Buffer];
  ping: [data: Buffer];
  pong: [data: Buffer];
  /** `isWritable` was false, and is true again. Not emitted behind 'close'. */
  drain: [];
}

const NO_REASON = Buffer.alloc(0);

const STATE_NAMES = ['CONNECTING', 'OPEN', 'CLOSING', 'CLOSED'] as const;

/**
 * What parts of the library hear of a socket. Applications cannot remove it, as they can listeners.
 * @internal
 */
export interface SocketObserver {
  opened?(): void;
  /** A message as 'message' listeners get it. */
  message?(data: RawData, isBinary: boolean): void;
  /** @returns whether somebody hears of it in this way */
  failed?(error: Error): boolean;
  /** Called before the 'close' event. */
  closed?(socket: WebSocket, code: number, reason: Buffer): void;
}

/**
 * What parts of the library do with a socket. No members of it: a subclass may have members of any name.
 * @internal
 */
interface SocketInternals {
  /** Undefined before the connection is open. */
  transportOf(socket: WebSocket): SocketTransport | undefined;
  /** Opens the connection on a transport whose opening handshake is done, through `setSocket`. */
  open(socket: WebSocket, transport: Duplex, rest: Uint8Array, agreement: Agreement): void;
  /**
   * Application code has thrown, in a listener or while it was given this socket. What follows is for `listenerErrors` to
   * say; behind the end of the connection, a warning is all that can follow.
   */
  failForHandler(socket: WebSocket, error: unknown): void;
  /** Application code that was given the socket has returned a promise: messages are kept until it is settled. */
  holdWhile(socket: WebSocket, promise: PromiseLike<unknown>): void;
  /** A listener has been added. */
  listenerAdded(socket: WebSocket): void;
  /** @returns what ends the observation */
  observe(socket: WebSocket, observer: SocketObserver): () => void;
  /** Who has been let in, where the server has asked. */
  identityOf(socket: WebSocket): Identity | undefined;
  /** What counts its messages, where the server limits them. */
  meterOf(socket: WebSocket): MessageMeter | undefined;
  /** For a socket that has been open and is CLOSED. @returns how it ended; `error` only when the connection failed */
  endOf(socket: WebSocket): { code: number; reason: Buffer; error: Error | undefined };
  /** Whether this side has begun to close. */
  isClosing(socket: WebSocket): boolean;
  /** Pauses for a reader that is behind, also while this side is closing. */
  holdBack(socket: WebSocket): void;
  /** @returns what has arrived and nobody has come for; the caller's from here on */
  takeKept(socket: WebSocket): Message[];
}

/**
 * Set by the class, which alone can reach them.
 * @internal
 */
export let internals: SocketInternals;

/** Who holds back what arrives. It flows again when nobody does. */
const Pause = {
  /** The application, by `pause`. */
  Application: 1,
  /** A reader that lags, or too much that is kept for one. */
  Reader: 2,
} as const;

const NO_OBSERVERS: readonly SocketObserver[] = [];

export class WebSocket extends TypedEmitter<WebSocketEvents> {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  /**
   * What the server's `authenticate` has returned. A new one may be put in its place, such as after a token was renewed: its
   * `expires` holds from then on. Elsewhere it is the program's own.
   */
  declare user?: unknown;

  declare onopen: ((event: Event<WebSocket>) => void) | null;
  declare onmessage: ((event: MessageEvent<WebSocket>) => void) | null;
  declare onclose: ((event: CloseEvent<WebSocket>) => void) | null;
  declare onerror: ((event: ErrorEvent<WebSocket>) => void) | null;

  static {
    internals = {
      transportOf: (socket) => socket.#transport,
      open(socket, transport, rest, agreement) {
        socket.#agreement = agreement;
        socket.setSocket(transport, rest, socketOptionsOf(agreement.settings));
      },
      failForHandler(socket, error) {
        socket.#failForHandler(error);
      },
      holdWhile(socket, promise) {
        if (socket.#keeps && !socket.#hasListener()) socket.#holding.whilePending(promise);
      },
      listenerAdded(socket) {
        socket.#listenerAdded();
      },
      observe: (socket, observer) => socket.#observe(observer),
      identityOf: (socket) => socket.#agreement?.identity,
      meterOf: (socket) => socket.#agreement?.meter,
      endOf: (socket) => ({ ...socket.#closeEvent(), error: socket.#iterationEnd() }),
      isClosing: (socket) => socket.#isClosing,
      holdBack: (socket) => socket.#haltFor(Pause.Application),
      takeKept: (socket) => socket.#hold?.takeAll() ?? [],
    };
  }

  #agreement: Agreement | undefined;
  #transport: SocketTransport | undefined;
  #observers = NO_OBSERVERS;
  /** Those of them that want messages. */
  #messageObservers = NO_OBSERVERS;
  /** What iterating ends with, or has ended with. */
  #iterationError: Error | undefined;
  /** Whether messages go to `#keep` first: until somebody is known to listen, and while there is a reader. */
  #keeps = true;
  /** What waits for listeners or a reader; made when something does. */
  #hold: MessageHold | undefined;
  #binaryType: BinaryType = 'nodebuffer';
  /** Why the connection is paused: bits of `Pause`. */
  #pauses = 0;
  /** Whether each message, ping and pong gets a turn of the event loop of its own. */
  #spreadsEvents = false;
  #listenerErrors: ListenerErrors;
  /** Bytes given to `send` once it was too late, which `bufferedAmount` goes on counting. */
  #unsentBytes = 0;

  /** Whether this is the accepting side (§5.1); may be changed before `setSocket`. */
  _isServer: boolean;
  readonly #handshake: ClientHandshake<WebSocket> | undefined;
  readonly #options: WsConnectionOptions;
  /** The code of its 'close', once that has been emitted. */
  #closedWith: number | undefined;

  /**
   * Connects to a server; or, with null for the address, makes a socket that opens with `setSocket`.
   * @param address ws:, wss:, http:, https: or `ws+unix:/socket[:/path]`
   * @param protocols subprotocols, most preferred first; or the options
   * @throws {SyntaxError} when the address, a subprotocol or the proxy's address is not valid
   * @throws {RangeError | TypeError} for options out of their range, and header fields with illegal characters
   */
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions | ClientRequestArgs,
    options?: ClientOptions | ClientRequestArgs,
  ) {
    // A rejected promise of an async listener comes to Symbol(nodejs.rejection) below.
    super({ captureRejections: true });
    const [subprotocols, given] = sortArguments(protocols, options);
    this.#options = given;
    this._isServer = address === null;
    this.#listenerErrors = given.listenerErrors ?? (this._isServer ? 'close' : 'throw');
    if (address === null) return;
    const emit: EmitSafely = (name, ...args) => this.#emitSafely(name, ...(args as WebSocketEvents[typeof name]));
    const open = (stream: Duplex, rest: Uint8Array, agreement: Agreement) =>
      internals.open(this, stream, rest, agreement);
    const tellObservers = (error: Error) => {
      // The loop throws it.
      const hasReader = this.#hold?.isBeingRead === true;
      return this.#tellObservers(error) || hasReader;
    };
    this.#handshake = new ClientHandshake(this, { emit, open, tellObservers }, address, subprotocols, given);
    this.#handshake.start();
  }

  /**
   * Opens the connection on a transport whose opening handshake is done. Servers and clients of this library call it for
   * each connection: a subclass may change what it is given.
   * @param head ws's name for the bytes that came behind the handshake
   * @param options where they differ from those of the server or the client; where the application has made the socket
   *   itself (`new WebSocket(null)`), from the constructor's
   * @throws {TypeError | RangeError} for options that are misnamed, of the wrong kind or out of their range
   * @throws {Error} when there has been a transport before
   */
  setSocket(socket: Duplex, head: Uint8Array, options: SetSocketOptions & WsConnectionOptions = {}): void {
    if (typeof (socket as Partial<Duplex> | undefined)?.write !== 'function') {
      throw new TypeError(`setSocket() takes a stream as its first argument, not ${describe(socket)}`);
    }
    if (this.#transport !== undefined) throw new Error('This WebSocket has a socket already');
    const agreement = this.#agreement;
    const settings = agreement
      ? settingsForSocket(agreement.settings, options)
      : settingsForOwnSocket(this.#options, options);
    this.#spreadsEvents = settings.spreadsEvents ?? false;
    const role: Role = this._isServer ? 'server' : 'client';
    this.#listenerErrors = settings.listenerErrors ?? (this._isServer ? 'close' : 'throw');
    const meter = agreement?.meter;
    const delivery = meter ? new WebSocket.#MeteredDelivery(this, meter) : new WebSocket.#Delivery(this);
    const transportOptions = {
      ...settings,
      role,
      deflate: agreement?.deflate,
      isTransient: settings.transientMessages,
    };
    const transport = openTransport(socket, head, delivery, transportOptions, agreement?.isSocketForeign);
    this.#transport = transport;
    meter?.opened(() => transport.resume(Hold.Rate));
    transport.connection.recordsFragments = this.#binaryType === 'fragments';
    noteOpening(transport);
    if (opened.hasSubscribers) opened.publish({ socket: this, role });
    for (const observer of this.#observers) observer.opened?.();
    try {
      if (hasOwnEmit(this)) this.emit('open');
      else for (const promise of emitForPromises(this, 'open')) internals.holdWhile(this, promise);
    } catch (error) {
      this.#failForHandler(error);
    }
  }

  get readyState(): 0 | 1 | 2 | 3 {
    if (this.#closedWith !== undefined) return 3;
    const transport = this.#transport;
    if (transport === undefined) return this.#handshake?.readyState ?? 0;
    if (transport.isOpen) return 1;
    return transport.connection.state === 'closed' ? 3 : 2;
  }

  /** The address in its ws:, wss: or ws+unix: form, redirects included. On the accepting side it is undefined in truth. */
  get url(): string {
    return this.#handshake?.url as string;
  }

  /** The subprotocol agreed on, or ''. */
  get protocol(): string {
    return this.#agreement?.protocol ?? '';
  }

  /** Names of the extensions in use, joined by ', '; '' without any. */
  get extensions(): string {
    return this.#agreement?.deflate === undefined ? '' : PERMESSAGE_DEFLATE;
  }

  /**
   * Payload bytes that were sent in this turn of the event loop, or that the network has not taken. What `send`, `ping` or
   * `pong` were given too late counts for ever.
   */
  get bufferedAmount(): number {
    return this.#unsentBytes + (this.#transport?.bufferedBytes ?? 0);
  }

  /**
   * Whether to send more: false once `highWaterMarkBytes` wait for the network, until 'drain', and when the connection is not
   * open. Who goes on sending is held by `maxBacklogBytes`.
   */
  get isWritable(): boolean {
    return this.#transport?.isWritable ?? false;
  }

  /**
   * How long the peer took to answer the last ping of the heartbeat, in milliseconds; undefined until there has been an
   * answer. Pings of the program's own do not count.
   */
  get latencyMs(): number | undefined {
    return this.#transport?.latencyMs;
  }

  /** Whether 'message' listeners have what they get only until they return: the option of that name. */
  get transientMessages(): boolean {
    return this.#transport?.isTransient ?? false;
  }

  get isPaused(): boolean {
    return this.#isHeldBy(Pause.Application) || (this.#hold?.isBeingRead === true && this.#isHeldBy(Pause.Reader));
  }

  get binaryType(): BinaryType {
    return this.#binaryType;
  }

  /** How binary messages are delivered; unknown values are ignored. May change at any time. */
  set binaryType(value: BinaryType) {
    if (!BINARY_TYPES.includes(value)) return;
    this.#binaryType = value;
    if (this.#transport !== undefined) this.#transport.connection.recordsFragments = value === 'fragments';
  }

  /** The transport below, for its addresses and TLS state; null before the connection is open. */
  get _socket(): Duplex | null {
    return this.#transport?.socket ?? null;
  }

  /** The browser's way to listen; types other than open, message, close and error are ignored. */
  addEventListener(type: 'open', handler: (event: Event<WebSocket>) => void, options?: { once?: boolean }): void;
  addEventListener(
    type: 'message',
    handler: (event: MessageEvent<WebSocket>) => void,
    options?: { once?: boolean },
  ): void;
  addEventListener(type: 'close', handler: (event: CloseEvent<WebSocket>) => void, options?: { once?: boolean }): void;
  addEventListener(type: 'error', handler: (event: ErrorEvent<WebSocket>) => void, options?: { once?: boolean }): void;
  addEventListener(type: string, handler: EventHandler, options?: { once?: boolean }): void;
  addEventListener(type: string, handler: EventHandler, options?: { once?: boolean }): void {
    addHandler(this, type, handler, options);
  }

  /** Removes what `addEventListener` added. */
  removeEventListener(type: string, handler: EventHandler): void {
    removeHandler(this, type, handler);
  }

  /**
   * The messages, one after another: text as strings, binary as Buffers. They begin with what has arrived and nobody has
   * heard. What comes while the promise of the 'connection' listener (a client's 'open' listener) is pending is kept, for
   * 10 s at most; so is what comes after a loop was left. Other messages that nobody listens for are dropped; who reads
   * behind that is warned.
   *
   * A reader that lags pauses the connection, and with it the peer: its Close frame then waits as well. The iteration ends
   * when the connection is closed; when that fails or is lost (1006), it throws, behind the messages that came before.
   * Leaving a `for await` loop ends the iteration; what waits is there for the next.
   * @throws {RangeError} when `maxQueue` or `maxQueueBytes` is not a whole number from 1 on
   * @throws {Error} when the messages are being iterated over already
   */
  messages(options?: MessagesOptions): MessageIterator {
    const hold = this.#holding;
    const iterator = hold.read(options);
    this.#keeps = true;
    if (this.readyState === 3) hold.endReading(this.#iterationEnd());
    return iterator;
  }

  [Symbol.asyncIterator](): MessageIterator {
    return this.messages();
  }

  /**
   * Sends a message, see `send`.
   * @returns settled when the data has been written out; who awaits it keeps memory small while a peer reads slowly
   */
  sendMessage(data: SendData, options?: SendOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.send(data, options, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  /**
   * Sends a message: what is in `data` during this call.
   * @param callback called in the async context of this call: once the network has taken the data, or with the reason why
   *   that is not known
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
      droppable,
    }: SendOptions = typeof options === 'function' ? {} : (options ?? {});
    const done = typeof options === 'function' ? options : callback;
    const transport = this.#transport ?? this.#checkHandshake();
    const payload = toPayload(data);
    const isBinary = binary ?? typeof payload !== 'string';
    const isMaskedOtherwise = mask === this._isServer;
    const callbackInContext = done && this.#safeCallback(done);
    const isSent = transport?.sendMessage(
      payload,
      isBinary,
      fin,
      compress,
      callbackInContext,
      isMaskedOtherwise,
      droppable,
    );
    if (!isSent) this.#refuseToSend(payload, done);
  }

  /**
   * Sends a message that was encoded once for many sockets, see `prepareMessage`; otherwise as `send`. Each connection
   * compresses it, and each client masks it, for itself.
   * @returns whether it was taken: not when the connection is not open, nor when too much waits for the peer
   * @throws {Error} while CONNECTING
   */
  sendPrepared(message: SharedMessage, callback?: SendCallback): boolean {
    const transport = this.#transport ?? this.#checkHandshake();
    const isSent = transport?.sendShared(message, callback && this.#safeCallback(callback));
    if (!isSent) this.#refuseToSend(message.payload, callback);
    return isSent === true;
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
   * Starts the closing handshake (§7.1.2), unless it is under way. It ends a pause, and from here on `pause` does nothing:
   * what comes before the peer's answer is delivered. For a reader that lags, 1024 messages and 1 MiB more are kept; past
   * that, the answer waits for the reader, until the close timeout.
   * @param code 1000–1014 but 1004–1006, or 3000–4999; without one an empty Close frame is sent
   * @param reason at most 123 bytes of UTF-8
   * @throws {TypeError} when code or reason are of the wrong kind
   * @throws {RangeError} when the reason is too long
   */
  close(code?: number, reason?: string | Uint8Array): void {
    if (this.readyState === 3) return;
    if (this.#transport === undefined) {
      this.#handshake?.close();
      return;
    }
    this.#transport.close(code, reason);
    // Nobody has come for what is kept, and the peer's Close frame stands behind it.
    if (this.#isHeldBy(Pause.Reader)) this.#hold?.drop();
    if (this.#pauses !== 0 || this.#hold?.isBeingRead === true) this.#endPauses();
  }

  /** The peer's Close frame stands behind what is held back. Not during the call that closes. */
  #endPauses(): void {
    this.#pauses &= ~Pause.Application;
    process.nextTick(() => {
      this.#hold?.closing();
      this.#goOn();
    });
  }

  /** Whether this side has begun to close. */
  get #isClosing(): boolean {
    return this.#transport?.isClosing === true;
  }

  /** Destroys the transport at once: no Close frame, no further message; 'close' follows with 1006. */
  terminate(): void {
    if (this.readyState === 3) return;
    if (this.#transport === undefined) {
      this.#handshake?.close();
      return;
    }
    this.#hold?.forget();
    this.#transport.destroy();
  }

  /** Takes the socket for closed at once and emits 'close', once. You want `terminate`. */
  emitClose(): void {
    if (this.#closedWith !== undefined) return;
    const { code, reason } = this.#closeEvent();
    this.#closedWith = code;
    this.#hold?.closed();
    // Errors are dear: for whoever reads.
    if (this.#hold !== undefined) this.#hold.endReading(this.#iterationEnd());
    if (closed.hasSubscribers && this.#transport !== undefined) {
      const { connection } = this.#transport;
      publishClosed(this.#transport, { socket: this, role: connection.role, code, reason: reason.toString() });
    }
    for (const observer of this.#observers) observer.closed?.(this, code, reason);
    this.#emitSafely('close', code, reason);
  }

  /** What the peer's Close frame said, if it came. */
  #closeEvent(): { code: number; reason: Buffer } {
    const connection = this.#transport?.connection;
    const closeReason = connection?.closeReason;
    // It has memory of its own: who keeps it keeps nothing else alive.
    const reason = closeReason?.length ? viewOf(closeReason, 0, closeReason.length) : NO_REASON;
    return { code: connection?.closeCode ?? CloseCode.AbnormalClosure, reason };
  }

  /** Stops reading, and holds what was read and not delivered. Does nothing once this side has begun to close. */
  pause(): void {
    if (this.readyState === 0 || this.readyState === 3 || this.#isClosing) return;
    this.#haltFor(Pause.Application);
  }

  /** Goes on, in order, where `pause` stopped. */
  resume(): void {
    if (this.readyState === 0 || this.readyState === 3) return;
    this.#pauses &= ~Pause.Application;
    this.#goOn();
  }

  #goOn(): void {
    if (this.#hold?.isDraining === true) this.#hold.drain();
    else if (this.#pauses === 0) this.#transport?.resume();
  }

  /** A listener's promise was rejected: as if the listener had thrown. */
  [Symbol.for('nodejs.rejection')](error: unknown): void {
    this.#failForHandler(error);
  }

  #failForHandler(error: unknown): void {
    // A loop has thrown what it ended with: that is the connection's failure, not its reader's.
    if (error !== undefined && error === this.#iterationError) return;
    if (this.#listenerErrors === 'throw') throwLater(error);
    else if (this.#transport?.failForHandler(error) !== true) warnOfError(error, 'a WebSocket listener');
  }

  /**
   * Each change makes a new list: observers may come and go while they are told. A list that grows would have room for
   * seventeen, and every connection of a server has one.
   */
  #observe(observer: SocketObserver): () => void {
    this.#observers = this.#observers.length === 0 ? [observer] : this.#observers.concat(observer);
    if (observer.message !== undefined) {
      this.#messageObservers = this.#messageObservers.concat(observer);
      this.#listenerAdded();
    }
    return () => {
      this.#observers = this.#observers.filter((other) => other !== observer);
      this.#messageObservers = this.#observers.filter(({ message }) => message !== undefined);
    };
  }

  /** @returns whether somebody has heard */
  #tellObservers(error: Error): boolean {
    this.#iterationError ??= error;
    const heard = this.#observers.map((observer) => observer.failed?.(error) === true);
    this.#hold?.endReading(error);
    return heard.includes(true);
  }

  /** What the core calls. No members of the class: its own `ping` and `pong` mean the opposite direction. */
  static readonly #Delivery = class implements TransportHandler {
    readonly socket: WebSocket;

    constructor(socket: WebSocket) {
      this.socket = socket;
    }

    message(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
      const { socket } = this;
      if (messageIn.hasSubscribers) {
        const { compressedBytes } = socket.#transport!.connection;
        messageIn.publish({ socket, bytes: end - start, isBinary, compressedBytes });
      }
      if (socket.#keeps && socket.#keep(chunk, start, end, isBinary)) return;
      try {
        if (!isBinary && socket.listenerCount('text') > 0 && socket.#emitText(decodeText(chunk, start, end))) return;
        const transport = socket.#transport!;
        const data = transport.isTransient ? viewOfChunk(chunk, start, end) : keepMessage(transport, chunk, start, end);
        socket.#emitMessage(data, isBinary, transport.connection.fragmentLengths);
      } catch (error) {
        socket.#failForHandler(error);
      }
    }

    /** Programs put a `pong` of their own over ours, to count pongs or to stay silent: it is called, as ws calls it. */
    answerPing(payload: Uint8Array): boolean {
      const { socket } = this;
      if (socket.pong === WebSocket.prototype.pong) return false;
      socket.pong(ownCopyOf(payload), !socket._isServer, ignoreError);
      return true;
    }

    ping(payload: Uint8Array): void {
      this.socket.#emitControl('ping', payload);
    }

    pong(payload: Uint8Array): void {
      if (!this.socket.#transport!.takePong(payload)) this.socket.#emitControl('pong', payload);
    }

    closeReceived(): void {
      noteEnding(this.socket.#transport!, 'peer');
      this.socket.#pauses = 0;
    }

    failed(id: ViolationId, detail: number, cause: unknown): void {
      this.socket.#failed(id, detail, cause);
    }

    lost(error: Error): void {
      this.socket.#tellObservers(error);
      if (this.socket.listenerCount('error') > 0) this.socket.#emitSafely('error', error);
    }

    closed(): void {
      this.socket.emitClose();
    }

    drained(): void {
      this.socket.#emitSafely('drain');
    }

    decideBacklog(bytes: number): BacklogPolicy | undefined {
      return this.socket.#decideBacklog(bytes);
    }
  };

  /** What the application's `onBacklog` says. Where it fails to decide, the bound stands. */
  #decideBacklog(bytes: number): BacklogPolicy | undefined {
    try {
      const policy = (this.#transport!.backPressure.onBacklog as DecideBacklog)(this, bytes) ?? undefined;
      if (policy === undefined || POLICIES.includes(policy)) return policy;
      throw new TypeError(`onBacklog must return 'close', 'terminate', 'drop' or nothing; got ${describe(policy)}`);
    } catch (error) {
      this.#failForHandler(error);
      return 'close';
    }
  }

  /** Hands out messages as fast as they may come. */
  static readonly #MeteredDelivery = class extends WebSocket.#Delivery {
    readonly #meter: MessageMeter;
    /** For those who watch: whether messages have come too soon, and whether one waits that is handed out again. */
    #excess: 'none' | 'waiting' | 'past' = 'none';

    constructor(socket: WebSocket, meter: MessageMeter) {
      super(socket);
      this.#meter = meter;
    }

    override message(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
      const admission = this.#meter.admit(end - start);
      this.#noteExcess(admission, end - start);
      if (admission === 'now') super.message(chunk, start, end, isBinary);
      else if (admission === 'later') this.socket.#transport!.putOff(chunk, start, end, isBinary);
      else this.socket.#transport!.connection.fail('rateExceeded');
    }

    #noteExcess(admission: Admission, bytes: number): void {
      const { socket } = this;
      if (admission !== 'now') {
        if (this.#excess === 'none' && rateBegin.hasSubscribers) rateBegin.publish({ socket, bytes });
        this.#excess = 'waiting';
      } else if (this.#excess === 'waiting') {
        this.#excess = 'past';
      } else if (this.#excess === 'past') {
        this.#excess = 'none';
        if (rateEnd.hasSubscribers) rateEnd.publish({ socket, bytes });
      }
    }

    override closed(): void {
      this.#meter.closed();
      super.closed();
    }
  };

  get #holding(): MessageHold {
    this.#hold ??= new MessageHold({
      hasListener: () => this.#hasListener(),
      handOver: (message) => this.#transport!.inContext(() => this.#handOver(message)),
      passOn: () => {
        this.#keeps = false;
        this.#releaseFrom(Pause.Reader);
      },
      pause: () => this.#haltFor(Pause.Reader),
      resume: () => this.#releaseFrom(Pause.Reader),
      isPaused: () => this.#isHeldBy(Pause.Application),
      isClosing: () => this.#isClosing,
      spreadsEvents: () => this.#spreadsEvents,
    });
    return this.#hold;
  }

  /** Whether somebody hears of messages, as whoever has put another `emit` in Node's place does. */
  #hasListener(): boolean {
    return (
      this.listenerCount('message') > 0 ||
      this.listenerCount('text') > 0 ||
      this.#messageObservers.length > 0 ||
      hasOwnEmit(this)
    );
  }

  /**
   * Hands a message to whoever iterates, or keeps it for whoever comes.
   * @returns false when it is for listeners, too
   */
  #keep(chunk: Chunk, start: number, end: number, isBinary: boolean): boolean {
    const hasListener = this.#hasListener();
    const hold = this.#hold;
    if (hasListener && hold?.isForListenersOnly !== false) {
      if (hold === undefined) this.#keeps = false;
      else hold.passOn();
      return false;
    }
    const message = isBinary ? keepMessage(this.#transport!, chunk, start, end) : decodeText(chunk, start, end);
    const isHeard = hasListener && hold?.isDraining !== true;
    this.#holding.keep({ message, lengthBytes: end - start, isHeard });
    return !isHeard;
  }

  /** Nobody expects a message behind 'close': a loop still gets it. */
  #listenerAdded(): void {
    if (this.#keeps && this.#closedWith === undefined) this.#hold?.listenerAdded();
  }

  #handOver(message: Message): void {
    const isText = typeof message === 'string';
    try {
      if (isText && this.listenerCount('text') > 0 && this.#emitText(message)) return;
      this.#emitMessage(isText ? Buffer.from(message) : message, !isText);
    } catch (error) {
      this.#failForHandler(error);
    }
  }

  /** What a loop that begins or goes on behind the end of the connection ends with. */
  #iterationEnd(): Error | undefined {
    // The peer's Close frame may have come behind 'close', and changes nothing then.
    const code = this.#closedWith ?? this.#transport?.connection.closeCode ?? CloseCode.AbnormalClosure;
    if (code === CloseCode.AbnormalClosure) this.#iterationError ??= abnormalClosure();
    return this.#iterationError;
  }

  #isHeldBy(reason: number): boolean {
    return (this.#pauses & reason) !== 0;
  }

  #haltFor(reason: number): void {
    this.#pauses |= reason;
    this.#transport?.pause();
  }

  #releaseFrom(reason: number): void {
    if (!this.#isHeldBy(reason)) return;
    this.#pauses &= ~reason;
    if (this.#pauses === 0) this.#transport?.resume();
  }

  #emitMessage(bytes: Buffer, isBinary: boolean, fragmentLengths?: readonly number[]): void {
    const data =
      isBinary && this.#binaryType !== 'nodebuffer' ? fromPayload(bytes, this.#binaryType, fragmentLengths) : bytes;
    if (this.#messageObservers.length > 0) {
      for (const observer of this.#messageObservers) observer.message!(data, isBinary);
    }
    const listener = soleListener(this, 'message');
    if (listener !== undefined) {
      const result = listener.call(this, data, isBinary);
      if (result !== undefined) this.#watchResult(result);
    } else if (!this.emit('message', data, isBinary) && this.#messageObservers.length === 0) {
      this.#holding.missed += 1;
    }
  }

  /** @returns whether that was all: nobody listens for it as a 'message' */
  #emitText(text: string): boolean {
    const listener = soleListener(this, 'text');
    if (listener !== undefined) this.#watchResult(listener.call(this, text));
    else if (!this.emit('text', text)) return false;
    return this.listenerCount('message') === 0 && this.#messageObservers.length === 0;
  }

  /** An async listener gives a promise. */
  #watchResult(result: unknown): void {
    if (isThenable(result)) result.then(undefined, (error) => this.#failForHandler(error));
  }

  #emitControl(name: 'ping' | 'pong', payload: Uint8Array): void {
    try {
      this.emit(name, ownCopyOf(payload));
    } catch (error) {
      this.#failForHandler(error);
    }
  }

  #failed(id: ViolationId, detail: number, cause: unknown): void {
    this.#pauses = 0;
    if (id === 'handlerFailed') this.#hold?.forget();
    const error = violationError(id, detail, cause);
    noteFailure(this.#transport!, error, id);
    const isHeard = this.#tellObservers(error);
    if (this.listenerCount('error') > 0) this.#emitSafely('error', error);
    else if (id === 'handlerFailed' && !isHeard) warnOfError(cause, 'a WebSocket listener');
  }

  /** Emits where the core does not catch what a listener throws. */
  #emitSafely<Name extends keyof WebSocketEvents>(name: Name, ...args: WebSocketEvents[Name]): void {
    try {
      (this.emit as (name: string, ...args: unknown[]) => boolean)(name, ...args);
    } catch (error) {
      if (this.#listenerErrors === 'throw') throwLater(error);
      else warnOfError(error, `a WebSocket '${name}' listener`);
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
    const transport = this.#transport ?? this.#checkHandshake();
    const payload = toControlPayload(typeof data === 'function' ? undefined : data);
    const isSent = transport?.sendControl(opcode, payload, done && this.#safeCallback(done));
    if (!isSent) this.#refuseToSend(payload, done);
  }

  /** Without a transport, the opening handshake is under way, or it has failed. */
  #checkHandshake(): undefined {
    if (this.readyState === 0) throw new Error('WebSocket is not open: readyState 0 (CONNECTING)');
  }

  /** Too late to send: `bufferedAmount` counts it, as the browser's does, and the callback is told. */
  #refuseToSend(payload: Payload, callback: SendCallback | undefined): void {
    const lengthBytes = payloadLength(payload);
    this.#unsentBytes += lengthBytes;
    // It has been made all the same.
    noteAllocation(lengthBytes);
    const { readyState } = this;
    const error = new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
    if (callback !== undefined) process.nextTick(this.#safeCallback(callback), error);
  }

  /** A callback that keeps its async context, whoever's work it is called from, and whose errors end here. */
  #safeCallback(callback: SendCallback): (error?: Error | null) => void {
    return inCallersContext((error?: Error | null) => {
      try {
        callback(error ?? undefined);
      } catch (thrown) {
        this.#failForHandler(thrown);
      }
    });
  }
}

/** The constructor's second argument may be the options. */
function sortArguments(
  protocols: string | readonly string[] | ClientOptions | ClientRequestArgs | undefined,
  options: ClientOptions | ClientRequestArgs | undefined,
): [protocols: string | readonly string[] | undefined, options: ClientOptions] {
  const isOptions = typeof protocols === 'object' && protocols !== null && !Array.isArray(protocols);
  if (isOptions) return [undefined, protocols as ClientOptions];
  return [protocols as string | readonly string[] | undefined, (options ?? {}) as ClientOptions];
}

/** The browser's attributes of a socket. */
const ATTRIBUTES = ['binaryType', 'bufferedAmount', 'extensions', 'isPaused', 'protocol', 'readyState', 'url'];

/** As in browsers: the class and its sockets have the names of the states, and the attributes are enumerable. */
function defineStates(SocketClass: { readonly prototype: object }): void {
  for (const [value, name] of STATE_NAMES.entries()) {
    for (const owner of [SocketClass, SocketClass.prototype]) {
      Object.defineProperty(owner, name, { value, enumerable: true, writable: false, configurable: false });
    }
  }
  for (const name of ATTRIBUTES) Object.defineProperty(SocketClass.prototype, name, { enumerable: true });
}

defineStates(WebSocket);
Object.defineProperty(WebSocket.prototype, 'user', {
  configurable: true,
  get(this: WebSocket) {
    return internals.identityOf(this)?.user;
  },
  // Programs have always put one there themselves.
  set(this: WebSocket, value: unknown) {
    const identity = internals.identityOf(this);
    if (identity !== undefined) identity.user = value;
    else Object.defineProperty(this, 'user', { value, writable: true, enumerable: true, configurable: true });
  },
});
watchListeners(WebSocket.prototype, ['message', 'text'], (socket) => internals.listenerAdded(socket as WebSocket));
defineEventProperties(WebSocket.prototype);
