/**
 * One Connection on one Duplex stream: bytes from the socket to the Connection, its frames to the socket in batches,
 * and the one timer a connection may need, the closing handshake's. Knows nothing of the opening handshake.
 */

import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { outsideAnyContext } from '../deflate/async-context.ts';
import type { DeflateDone } from '../deflate/codec.ts';
import type { AgreedDeflate } from '../deflate/negotiate.ts';
import { unmask } from '../memory/mask-kernel.ts';
import {
  allocateOwn,
  allocateReusable,
  forbidTransfer,
  forgetInput,
  keepInput,
  type PoolOwner,
  prepareHeap,
  recycle,
} from '../memory/message-memory.ts';
import { viewOfChunk } from '../memory/view.ts';
import { noteAllocation } from '../memory/young-collection.ts';
import type { BacklogPolicy, BacklogSettings } from '../options/backlog-settings.ts';
import type { HeartbeatSettings } from '../options/connection-settings.ts';
import { OPTIONS } from '../options/option-table.ts';
import {
  buildClosePayload,
  Chunk,
  Connection,
  type ConnectionHandler,
  type ConnectionOptions,
  canHappen,
  checkControlPayload,
  Hold,
  type Opcode,
} from '../protocol/index.ts';
import { type BacklogOwner, backlogError, fits, noteGrowth, noteShrinkage, UNBOUNDED } from './backlog.ts';
import { Compression } from './compression.ts';
import { backPressureEnd, heartbeatLost, messageOut, noteEnding, noteFailure, publishEncoded } from './diagnostics.ts';
import { type BeatingTransport, type Pulse, startPulse } from './heartbeat.ts';
import { closedWhile, isBlob, type Payload, payloadLength, SendOrder, type SendOrderOwner } from './send-order.ts';
import type { SharedMessage } from './shared-frames.ts';
import { forgetReader, readShared, type SharedReader } from './shared-read.ts';
import { LARGE_WRITE_BYTES, WriteBatch, type WriteBatchOwner, type WriteCallback } from './write-batch.ts';

export interface TransportOptions
  extends Omit<ConnectionOptions, 'allocate' | 'recycle' | 'keep' | 'isUtf8' | 'now' | 'inflater'> {
  /** Read into memory shared by all sockets, where Node lets us (see `readShared`). Default true. */
  readonly sharesReadBuffer?: boolean | undefined;
  /** The handler needs messages during its call only, so that their memory can be used again. Default false. */
  readonly isTransient?: boolean | undefined;
  /**
   * How long the closing handshake may take before the socket is destroyed, in milliseconds; from the moment the
   * connection stops being open. Default 30 000.
   */
  readonly closeTimeoutMs?: number | undefined;
  /** When silent peers are pinged, and given up. Default: never. */
  readonly heartbeat?: HeartbeatSettings | undefined;
  /** What was agreed on for compressing messages. Default: nothing, messages are sent and taken as they are. */
  readonly deflate?: AgreedDeflate | undefined;
  /** What to do about a peer that does not take what it is sent. Default: nothing but tell when it does again. */
  readonly backPressure?: BacklogSettings | undefined;
  /** Where a client's masking keys come from, in network order. Default: the system's random source (§10.3). */
  readonly nextMaskingKey?: (() => number) | undefined;
}

/** Who hears what a connection finds, and of its backlog. */
export interface TransportHandler extends ConnectionHandler {
  /** Whose connection it is, for those who watch. */
  readonly socket?: object;
  /** The backlog has been over the high-water mark and has fallen to the low one. */
  drained?(): void;
  /** Where the application decides: what is to follow when so many bytes would wait; nothing lets the message pass. */
  decideBacklog?(bytes: number): BacklogPolicy | undefined;
}

/** Whether a message was taken; false when the connection is not open, 'refused' when too much waits for the peer. */
export type SendOutcome = boolean | 'refused';

/** Where a stream keeps the transport that it belongs to, so that all streams can have the same listeners. */
const TRANSPORT = Symbol('framewright transport');
type OwnedStream = Duplex & { [TRANSPORT]: SocketTransport | undefined };

function onData(this: OwnedStream, chunk: Buffer): void {
  this[TRANSPORT]?.receiveData(chunk);
}

function onEnd(this: OwnedStream): void {
  this[TRANSPORT]?.receiveEnd();
}

function onFinish(this: OwnedStream): void {
  this[TRANSPORT]?.directionEnded();
}

function onError(this: OwnedStream): void {
  const transport = this[TRANSPORT];
  if (transport === undefined) return;
  noteEnding(transport, 'transport');
  transport.destroy();
}

/** What is left of a socket may last for long, and would hold on to its connection. */
function onClose(this: OwnedStream): void {
  this[TRANSPORT]?.socketClosed();
  this[TRANSPORT] = undefined;
  forgetReader(this);
}

function destroy(transport: SocketTransport): void {
  transport.destroy();
}

function begin(transport: SocketTransport, rest: Buffer | undefined): void {
  transport.begin(rest);
}

function isUtf8Range(chunk: Chunk, start: number, end: number): boolean {
  return isUtf8(viewOfChunk(chunk, start, end));
}

/** Takes all that a stream has read and not handed on. One that flows gives a chunk at a time. */
function* readBuffered(socket: Duplex): Generator<Buffer> {
  while (socket.readableLength > 0) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    yield chunk;
  }
}

/** Whose application is deciding what becomes of the backlog. */
let deciding: SocketTransport | undefined;

const CLOSED_BEFORE = 'The connection was closed before the frame could be sent';

export class SocketTransport implements SharedReader, SendOrderOwner, WriteBatchOwner, BacklogOwner, BeatingTransport {
  readonly socket: Duplex;
  readonly connection: Connection;
  /** Whether messages last as long as their handlers. */
  readonly isTransient: boolean;
  /** Where this connection's short messages lie. */
  pool: PoolOwner['pool'];
  private readonly batch: WriteBatch;
  /** Made for the first message that is compressed or may have to wait. */
  private order: SendOrder | undefined;
  private readonly compression: Compression | undefined;
  readonly backPressure: BacklogSettings;
  isBehind = false;
  private readonly closeTimeoutMs: number;
  private closeTimer: NodeJS.Timeout | undefined;
  /** Until the connection is over, where the option says so. */
  private readonly pulse: Pulse | undefined;
  private isHandling = false;
  /** Nothing can be sent any more once it is destroyed; closed is what the socket says itself. */
  private socketState: 'usable' | 'destroyed' | 'closed' = 'usable';
  /** How many of the socket's two directions have ended. */
  private endedDirections = 0;
  /** Whether `close` has been called, though messages sent before may still stand before the Close frame. */
  isClosing = false;
  /** Whether the socket is paused because the Connection holds input back. */
  isReadingPaused = false;

  /**
   * Takes the socket over; from the next tick on, `handler` hears of it.
   * @param rest bytes that arrived behind the opening handshake
   */
  constructor(socket: Duplex, rest: Uint8Array, handler: TransportHandler, options: TransportOptions) {
    prepareHeap();
    this.socket = socket;
    this.closeTimeoutMs = options.closeTimeoutMs ?? OPTIONS.closeTimeoutMs.default;
    this.backPressure = options.backPressure ?? UNBOUNDED;
    const { deflate, role } = options;
    this.isTransient = options.isTransient ?? false;
    this.compression = deflate && new Compression(deflate, role, (action) => this.handle(action));
    this.batch = new WriteBatch(socket, role, options.nextMaskingKey);
    this.connection = new Connection(this.batch, handler, {
      role,
      limits: options.limits,
      autoPong: options.autoPong,
      skipsUtf8Validation: options.skipsUtf8Validation,
      strictLengths: options.strictLengths,
      inflater: this.compression,
      allocate: this.isTransient ? allocateReusable : allocateOwn,
      recycle: this.isTransient ? recycle : undefined,
      keep: keepInput,
      isUtf8: isUtf8Range,
      unmask,
      spreadsEvents: options.spreadsEvents,
    });
    this.batch.owner = this;
    this.batch.attentionBytes = this.noticeBytes;
    this.pulse = options.heartbeat && startPulse(options.heartbeat, this);
    const { setTimeout: clearsTimeout, setNoDelay } = socket as Partial<Socket>;
    clearsTimeout?.call(socket, 0);
    setNoDelay?.call(socket, true);
    this.takeOver(rest, options.sharesReadBuffer ?? true);
  }

  /**
   * Whatever arrives, and by whichever way, stands in the Connection's one queue from here on: the rest first, behind it
   * what the socket had read already, and then what it reads. Nothing of it is handed out before `begin`.
   */
  private takeOver(rest: Uint8Array, sharesReadBuffer: boolean): void {
    const { connection } = this;
    const socket = this.socket as OwnedStream;
    socket[TRANSPORT] = this;
    connection.halt(Hold.Start);
    // A rest is often a few bytes of a long chunk.
    if (rest.length > 0) connection.receive(new Chunk(rest, true));
    if (sharesReadBuffer) readShared(socket, this);
    if (socket.readableLength > 0) for (const chunk of readBuffered(socket)) this.receiveData(chunk);
    socket.on('data', onData).on('end', onEnd).on('finish', onFinish).on('error', onError).on('close', onClose);
    // Whoever did the handshake may have paused it. What it reads before `begin` waits like the rest.
    socket.resume();
    process.nextTick(begin, this, rest.length > 0 ? Buffer.from(rest) : undefined);
  }

  /**
   * By now whoever was given the connection has had the time to listen.
   * @param rest for those who listen to the socket itself
   */
  begin(rest: Buffer | undefined): void {
    const { socket } = this;
    this.handle(() => this.connection.resume(Hold.Start));
    if (rest === undefined || socket.listenerCount('data') < 2) return;
    for (const listener of socket.rawListeners('data')) if (listener !== onData) listener.call(socket, rest);
  }

  /**
   * Takes what a stream has emitted. Memory that it does not have to itself, such as a pool of Node's, is left to those
   * whose it is.
   */
  receiveData(bytes: Uint8Array): void {
    const isOwned = bytes.length === bytes.buffer.byteLength;
    if (isOwned) forbidTransfer(bytes.buffer);
    this.receive(new Chunk(bytes, !isOwned), 0, bytes.length);
  }

  /** Takes what has arrived; see `Connection.receive`. */
  receive(chunk: Chunk, start = 0, end = chunk.bytes.length): void {
    const isOutermost = !this.isHandling;
    this.isHandling = true;
    this.batch.isHeld ||= isOutermost;
    if (this.pulse !== undefined) this.pulse.heard();
    try {
      this.connection.receive(chunk, start, end);
    } finally {
      if (isOutermost) this.stopHandling();
    }
  }

  /** The peer has closed its side. */
  receiveEnd(): void {
    noteEnding(this, 'transport');
    this.handle(() => this.connection.receiveEnd());
    this.directionEnded();
  }

  /** Payload bytes that were sent in this turn of the event loop, or have not been taken by the network. */
  get bufferedBytes(): number {
    return (this.order?.bufferedBytes ?? 0) + this.batch.bufferedBytes;
  }

  /** Bytes that have not been handed to the socket: payloads that wait, and frames with their headers. */
  get unwrittenBytes(): number {
    return (this.order?.bufferedBytes ?? 0) + this.batch.pendingBytes;
  }

  /** Runs what the application listens with, apart from what the Connection calls. */
  inContext(action: () => void): void {
    action();
  }

  /** What was agreed on for compressing messages, if anything. */
  get deflate(): AgreedDeflate | undefined {
    return this.compression?.agreement;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.socketState === 'usable' && !this.isClosing && this.connection.isOpen;
  }

  /**
   * Sends a message or a fragment, see `Connection.sendMessage`.
   * @param mayCompress compress it, where that has been agreed on and pays
   * @param isMaskedOtherwise mask it against what the role asks for (§5.1)
   * @param isDroppable whether it may be dropped when too much waits; a fragment never is
   * @returns false when the connection is not open: nothing was sent, and `callback` is not called
   */
  sendMessage(
    payload: Payload,
    isBinary: boolean,
    fin: boolean,
    mayCompress: boolean,
    callback?: WriteCallback,
    isMaskedOtherwise = false,
    isDroppable = false,
  ): SendOutcome {
    const { batch, compression } = this;
    const mayBeMuch = batch.unwrittenBytes >= batch.attentionBytes || isDroppable || this.order !== undefined;
    if (mayBeMuch && this.isBounded && !this.admits(payloadLength(payload), isDroppable && fin, callback))
      return 'refused';
    let lengthBytes = 0;
    let isCompressed = false;
    if (compression !== undefined) {
      if (!this.isOpen) return false;
      lengthBytes = payloadLength(payload);
      const isWorthCompressing = mayCompress && lengthBytes >= compression.thresholdBytes;
      isCompressed = this.openOrder().nextFragment(fin, isWorthCompressing);
    }
    if (!isCompressed && !isMaskedOtherwise && this.order?.isBusy !== true && !isBlob(payload)) {
      if (this.socketState !== 'usable' || this.isClosing || !this.connection.sendMessage(payload, isBinary, fin))
        return false;
      if (messageOut.hasSubscribers) this.publishMessage(payloadLength(payload), isBinary, fin);
      if (callback !== undefined || batch.unwrittenBytes >= LARGE_WRITE_BYTES) this.sent(callback);
      return true;
    }
    if (!this.isOpen) return false;
    const send = (bytes: string | Uint8Array) => {
      if (isCompressed) this.batch.mayDrop();
      if (!this.connection.sendMessage(bytes, isBinary, fin, isCompressed)) {
        callback?.(closedWhile('data was being compressed'));
        return;
      }
      if (isCompressed) this.batch.unwrittenDataBytes += lengthBytes - bytes.length;
      if (messageOut.hasSubscribers) {
        if (isCompressed) this.publishMessage(lengthBytes, isBinary, fin, bytes.length);
        else this.publishMessage(payloadLength(bytes), isBinary, fin);
      }
      this.sent(callback);
    };
    const transmit = isMaskedOtherwise
      ? (bytes: string | Uint8Array) => this.batch.maskOtherwise(() => send(bytes))
      : send;
    if (isCompressed && !this.isOrderBusy && !isBlob(payload) && compression!.deflateNow(payload, fin, transmit))
      return true;
    this.openOrder().send(payload, isCompressed, fin, transmit, callback);
    this.backlogGrew();
    return true;
  }

  /** The frame just given is complete: a long one need not wait. */
  private sent(callback: WriteCallback | undefined): void {
    const { batch } = this;
    if (callback !== undefined) batch.whenWritten(callback);
    if (batch.unwrittenBytes >= LARGE_WRITE_BYTES) batch.flushEarly();
  }

  /** As `sendMessage`, with a frame that many connections can have in common; where they cannot, as any message. */
  sendShared(message: SharedMessage, callback?: WriteCallback): SendOutcome {
    const { connection } = this;
    const hasOwnForm = connection.role === 'client' || this.compression !== undefined || connection.isSendingFragments;
    const { payload, payloadBytes, isDroppable } = message;
    if (hasOwnForm) return this.sendMessage(payload, message.isBinary, true, true, callback, false, isDroppable);
    const { batch } = this;
    const mayBeMuch = batch.unwrittenBytes >= batch.attentionBytes || isDroppable || this.order !== undefined;
    if (mayBeMuch && this.isBounded && !this.admits(payloadBytes, isDroppable, callback)) return 'refused';
    if (this.isOrderBusy) return this.sendFrames(() => this.writeShared(message), callback);
    if (!this.isOpen) return false;
    this.writeShared(message);
    if (callback !== undefined) batch.whenWritten(callback);
    if (batch.unwrittenBytes >= LARGE_WRITE_BYTES) batch.flushShared();
    return true;
  }

  private writeShared({ frame, payloadBytes, isBinary }: SharedMessage): void {
    this.batch.writeShared(frame, payloadBytes);
    if (messageOut.hasSubscribers) this.publishMessage(payloadBytes, isBinary, true);
  }

  private publishMessage(bytes: number, isBinary: boolean, fin: boolean, compressedBytes?: number): void {
    messageOut.publish({ socket: this.owner, bytes, isBinary, fin, compressedBytes });
  }

  /** Whose connection it is, for those who watch. */
  get owner(): object {
    return (this.connection.handler as TransportHandler).socket ?? this;
  }

  /**
   * @returns false when the connection is not open: nothing was sent, and `callback` is not called
   * @throws {RangeError} when the payload is over 125 bytes
   */
  sendControl(
    opcode: typeof Opcode.Ping | typeof Opcode.Pong,
    payload: Uint8Array | Blob,
    callback?: WriteCallback,
  ): SendOutcome {
    if (!this.isOpen) return false;
    checkControlPayload(payloadLength(payload));
    if (this.isBounded && !this.admits(payloadLength(payload), false, callback)) return 'refused';
    const transmit = (bytes: string | Uint8Array) => {
      const isSent = this.connection.sendControl(opcode, bytes as Uint8Array);
      if (isSent && callback !== undefined) this.batch.whenControlWritten(callback);
      // What stood before it took its time: the connection may have failed meanwhile.
      else callback?.(new Error(CLOSED_BEFORE));
    };
    if (isBlob(payload)) {
      this.openOrder().send(payload, false, true, transmit, callback);
      return true;
    }
    const kept = this.isOrderBusy ? Buffer.from(payload) : payload;
    this.inOrder(() => transmit(kept), callback);
    return true;
  }

  /**
   * Writes a frame that somebody has encoded already, behind everything sent so far: so can one encoding serve many
   * connections. What it holds is not looked at.
   * @returns false when the connection is not open: nothing was sent, and `callback` is not called
   */
  sendEncoded(parts: readonly Uint8Array[], callback?: WriteCallback): SendOutcome {
    const lengthOf = () => parts.reduce((sum, { length }) => sum + length, 0);
    if (this.isBounded && !this.admits(lengthOf(), false, callback)) return 'refused';
    const kept = this.isOrderBusy ? [Buffer.concat(parts)] : parts;
    return this.sendFrames(() => {
      this.batch.writeEncoded(kept);
      if (messageOut.hasSubscribers) publishEncoded(this.owner, kept);
    }, callback);
  }

  private sendFrames(write: () => void, callback: WriteCallback | undefined): boolean {
    if (!this.isOpen) return false;
    this.inOrder(() => {
      // What stands before it may have taken its time: the connection may have failed meanwhile.
      if (!this.connection.isOpen) {
        callback?.(new Error(CLOSED_BEFORE));
        return;
      }
      write();
      this.sent(callback);
    }, callback);
    return true;
  }

  /** Whether something that was sent waits, so that what comes now has to wait as well. */
  private get isOrderBusy(): boolean {
    return this.order?.isBusy === true;
  }

  private openOrder(): SendOrder {
    this.order ??= new SendOrder(this);
    return this.order;
  }

  private inOrder(action: () => void, callback?: WriteCallback): void {
    if (this.order === undefined) action();
    else this.order.inOrder(action, callback);
  }

  // ---- The backlog ----------------------------------------------------------------------------------------------

  get backlogBytes(): number {
    return (this.order?.bufferedBytes ?? 0) + this.batch.cost;
  }

  /** Whether more may be sent without waiting for 'drain'. */
  get isWritable(): boolean {
    if (!this.isBehind && this.backlogBytes >= this.backPressure.highWaterMarkBytes) {
      this.flushBacklog();
      this.backlogGrew();
    }
    return this.isOpen && !this.isBehind;
  }

  private get isBounded(): boolean {
    return this.backPressure.maxBacklogBytes !== Number.POSITIVE_INFINITY;
  }

  /** @returns false when a message may not be sent, since too much waits: what follows has been done */
  private admits(lengthBytes: number, isDroppable: boolean, callback: WriteCallback | undefined): boolean {
    this.batch.measure();
    if (deciding === this || !this.isOpen) return true;
    const mayBeDropped = isDroppable && !this.isAmongFragments;
    const { onBacklog } = this.backPressure;
    if (fits(this, lengthBytes, mayBeDropped)) return true;
    const decided = typeof onBacklog === 'string' ? onBacklog : this.decide(this.backlogBytes + lengthBytes);
    if (decided === undefined) return true;
    const policy = decided === 'drop' && !mayBeDropped ? 'close' : decided;
    // It has been made all the same.
    noteAllocation(lengthBytes);
    if (callback !== undefined) process.nextTick(callback, backlogError(policy));
    if (policy === 'terminate') this.destroy();
    else if (policy === 'close') this.failForBacklog();
    return false;
  }

  /** Whether a message has begun that what comes now would belong to. */
  private get isAmongFragments(): boolean {
    // Without compression, nobody counts what waits for a Blob.
    return this.compression === undefined
      ? this.connection.isSendingFragments || this.isOrderBusy
      : this.order?.isMessageStart === false;
  }

  /** What the application decides. What it sends meanwhile is let pass. */
  private decide(bytes: number): BacklogPolicy | undefined {
    deciding = this;
    try {
      return (this.connection.handler as TransportHandler).decideBacklog?.(bytes);
    } finally {
      deciding = undefined;
    }
  }

  /** Drops what waits, so that the Close frame can leave. */
  private failForBacklog(): void {
    const error = backlogError('close');
    this.batch.dropBacklog(error);
    this.order?.abandon(error);
    this.inContext(() => this.connection.fail('backlogTooLong'));
    this.watchClosing();
  }

  flushBacklog(): void {
    // To hear when the network has taken it.
    this.batch.attentionBytes = 0;
    this.batch.flush();
  }

  drained(): void {
    if (!this.isOpen) return;
    this.inContext(() => {
      const { owner: socket, backlogBytes } = this;
      if (backPressureEnd.hasSubscribers) backPressureEnd.publish({ socket, backlogBytes });
      (this.connection.handler as TransportHandler).drained?.();
    });
  }

  // ---- WriteBatchOwner ------------------------------------------------------------------------------------------

  get noticeBytes(): number {
    return this.isBehind ? 0 : this.backPressure.noticeBytes;
  }

  backlogGrew(): void {
    noteGrowth(this);
    this.batch.measure();
  }

  backlogShrank(): void {
    noteShrinkage(this);
  }

  /** Nothing more can be sent: whatever has not been written is told so. @param error why, if it is not the end */
  private abandon(error?: Error): void {
    // Whether compressing took its time is not to be seen.
    for (const callback of this.batch.drop()) callback(error ?? closedWhile('data was being compressed'));
    this.order?.abandon(error);
  }

  // ---- SendOrderOwner -------------------------------------------------------------------------------------------

  get isGone(): boolean {
    return this.socketState !== 'usable';
  }

  compress(bytes: Uint8Array, fin: boolean, done: DeflateDone): void {
    this.compression!.deflate(bytes, fin, done);
  }

  blobFailed(error: Error): void {
    this.abandon(error);
    this.failForHandler(error);
  }

  /**
   * Starts the closing handshake behind everything sent so far, see `Connection.close`; when the socket is gone already,
   * there is only the end.
   */
  close(statusCode?: number, closeReason?: string | Uint8Array): void {
    // What is wrong with the arguments is said at once, though the frame may have to wait.
    buildClosePayload(statusCode, closeReason);
    if (this.isGone) {
      this.destroy();
      return;
    }
    if (this.isClosing) return;
    this.isClosing = true;
    noteEnding(this, 'us', statusCode);
    const reason = ArrayBuffer.isView(closeReason) ? Buffer.from(closeReason) : closeReason;
    this.inOrder(() => {
      this.connection.close(statusCode, reason);
      outsideAnyContext(() => {
        // No message follows that it could leave with.
        this.batch.flush();
        this.watchClosing();
      });
    });
  }

  /**
   * Fails the connection because the application could not go on.
   * @returns false when it has failed or ended before: nobody was told of `cause`
   */
  failForHandler(cause: unknown): boolean {
    if (this.socketState === 'closed' || !canHappen(this.connection.state, 'fail')) return false;
    this.connection.fail('handlerFailed', 0, cause);
    this.watchClosing();
    return true;
  }

  /** Ends the connection at once: what was sent leaves if the network takes it now, what arrived is dropped. */
  destroy(): void {
    noteEnding(this, 'us');
    if (this.socketState === 'usable') this.socketState = 'destroyed';
    this.connection.discardInput();
    this.abandon();
    outsideAnyContext(() => {
      this.batch.flush();
      this.socket.destroy();
    });
    // The socket had closed on its own before, and only input held back by `pause` kept the connection.
    if (this.socketState === 'closed') this.handle(() => this.connection.transportClosed());
  }

  // ---- BeatingTransport -----------------------------------------------------------------------------------------

  get isDeaf(): boolean {
    return this.socket.isPaused();
  }

  get takenBytes(): number {
    return this.batch.takenBytes;
  }

  sendPing(frame: Uint8Array): boolean {
    if (this.connection.role === 'server') return this.batch.writeNow(frame);
    if (this.socket.writableLength > 0) return false;
    this.batch.writeFrame(frame[0]!, frame.subarray(2));
    return true;
  }

  /** Ends the connection at once, and says why. */
  lose(error: Error): void {
    noteFailure(this, error);
    if (heartbeatLost.hasSubscribers) heartbeatLost.publish({ socket: this.owner, error });
    this.destroy();
    this.inContext(() => this.connection.handler.lost?.(error));
  }

  /** Whether the pong answers a ping of the heartbeat, so that nobody else waits for it. */
  takePong(payload: Uint8Array): boolean {
    return this.pulse?.takePong(payload) === true;
  }

  /** From the last ping of the heartbeat that was answered until its pong came. */
  get latencyMs(): number | undefined {
    return this.pulse?.latencyMs;
  }

  pause(): void {
    this.connection.halt();
    this.followHolding();
  }

  /** @param reason why it had been held back, one of `Hold` */
  resume(reason: number = Hold.Application): void {
    this.handle(() => this.connection.resume(reason));
  }

  /**
   * Called by the handler with a message that it is being given: it comes again after `resume(Hold.Rate)`. When the peer has
   * gone already, the connection does not wait for that longer than for a closing handshake.
   */
  putOff(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
    this.connection.putOff(chunk, start, end, isBinary);
    if (this.connection.isEndWaiting) this.startCloseTimer();
  }

  /** Runs something that may make the Connection hand out messages: what they are answered with leaves in one write. */
  handle(action: () => void): void {
    const isOutermost = !this.isHandling;
    this.isHandling = true;
    this.batch.isHeld ||= isOutermost;
    try {
      action();
    } finally {
      if (isOutermost) this.stopHandling();
    }
  }

  private stopHandling(): void {
    forgetInput();
    this.batch.isHeld = false;
    this.batch.flush();
    this.isHandling = false;
    const { isHolding, state } = this.connection;
    if (isHolding !== this.isReadingPaused) this.followHolding();
    if (state !== 'open') this.watchClosing();
  }

  /** Reads no more than the Connection takes: not while it is halted, nor while it inflates a message. */
  private followHolding(): void {
    const { isHolding } = this.connection;
    if (isHolding === this.isReadingPaused) return;
    this.isReadingPaused = isHolding;
    if (isHolding) this.socket.pause();
    else this.socket.resume();
  }

  /**
   * Once the connection is closing: lets input flow, so that the Close frame and the end of the peer are seen, and sets
   * the deadline for them. §7.1.1 has a client wait for the server to close TCP, and §5.5.1 not for ever.
   */
  private watchClosing(): void {
    const { state } = this.connection;
    if (state === 'closed') {
      this.compression?.close();
      this.stopCloseTimer();
    }
    if (state === 'open' || state === 'closed' || this.socketState === 'closed') return;
    this.followHolding();
    this.startCloseTimer();
  }

  private startCloseTimer(): void {
    this.closeTimer ??= setTimeout(destroy, this.closeTimeoutMs, this).unref();
  }

  private stopCloseTimer(): void {
    clearTimeout(this.closeTimer);
    this.closeTimer = undefined;
  }

  /** Streams without autoDestroy stay as they are when both directions have ended: nothing is left to wait for. */
  directionEnded(): void {
    this.endedDirections += 1;
    if (this.endedDirections === 2) this.socket.destroy();
  }

  /** The socket is gone. */
  socketClosed(): void {
    noteEnding(this, 'transport');
    this.socketState = 'closed';
    this.pulse?.stop();
    this.stopCloseTimer();
    this.batch.socketClosed();
    // A paused socket may still hold bytes that arrived before it closed.
    const rest = this.socket.readableLength > 0 ? [...readBuffered(this.socket)] : undefined;
    this.handle(() => {
      if (rest !== undefined) for (const chunk of rest) this.receiveData(chunk);
      // Before 'close'.
      this.abandon();
      this.connection.transportClosed();
    });
  }
}
