/**
 * One WebSocket connection without a socket (§5.4–§7): frames in, messages out; messages in, frames out; pings
 * answered, and the closing handshake. It is told what arrived and what became of the transport, and tells a
 * `FrameOutput` what to write. Knows nothing of sockets, timers or the opening handshake: it begins open.
 */

import { AutoPong } from './auto-pong.ts';
import { CloseCode } from './close-code.ts';
import { buildClosePayload, parseClosePayload, readStatusCode } from './close-payload.ts';
import { type ConnectionEvent, type ConnectionState, canHappen, nextState } from './closing-handshake.ts';
import { type ConnectionHandler, type ConnectionOptions, type FrameOutput, Hold } from './connection-contract.ts';
import { ControlRate } from './control-rate.ts';
import { FIN, type FrameHeader, MAX_CONTROL_PAYLOAD_BYTES, type Role } from './frame-header.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';
import { checkControlPayload, firstByteOf } from './frame-writer.ts';
import { type Inflated, Inflation } from './inflation.ts';
import type { Limits } from './limits.ts';
import { type Allocate, allocateZeroed, copyOf } from './memory.ts';
import { MessageAssembler } from './message-assembler.ts';
import { isControlOpcode, Opcode } from './opcode.ts';
import { type IsUtf8, isValidUtf8 } from './utf8.ts';
import { VIOLATIONS, type ViolationId } from './violation.ts';

const TEXT_MESSAGE = FIN | Opcode.Text;
const BINARY_MESSAGE = FIN | Opcode.Binary;
const EMPTY = new Uint8Array(0);
const MEMORY_TAKEN =
  'The memory that a message lay in was transferred away, and with it messages that had not been handed out yet: copy a message before you transfer it';

/**
 * What one connection may cost in a turn of the event loop, in the work of handing out a short message (some tenths of a
 * microsecond, and whatever the application does with it).
 */
const TURN_SHARE = 1024;
/** From here on the next turn is waited for; what has been spent until then may be of earlier turns. */
const TURN_CHECK = TURN_SHARE / 2;
/** Inflating a message costs so much, however short it is, and one more for so many bytes that come out. */
const INFLATION_COST = 16;
const INFLATED_BYTES_PER_COST = 256;

export class Connection implements FrameSink {
  readonly role: Role;
  private readonly output: FrameOutput;
  private readonly handler: ConnectionHandler;
  private readonly parser: FrameParser;
  private readonly allocate: Allocate;
  private readonly keep: (bytes: Uint8Array) => Uint8Array;
  private readonly recycle: ((bytes: Uint8Array) => void) | undefined;
  /** Made for the first message of several pieces. */
  private assembler: MessageAssembler | undefined;
  private readonly limits: Limits;
  private readonly answersPings: boolean;
  private readonly skipsUtf8Validation: boolean;
  private readonly isUtf8: IsUtf8;
  private readonly now: () => number;
  /** Made for the first control frame. */
  private controlRate: ControlRate | undefined;
  private readonly inflation: Inflation | undefined;

  private currentState: ConnectionState = 'open';
  /** §7.1.5, §7.1.6: what the peer's Close frame said; 1006 until there is one. */
  closeCode: number = CloseCode.AbnormalClosure;
  closeReason: Uint8Array = EMPTY;

  /** Chunks, or the rest of one, that arrived while something stood against handing them out. */
  private held: Uint8Array[] | undefined;
  private isFeeding = false;
  /** Whether the chunk at hand is the Connection's during this call only. */
  private isChunkShared = false;
  /** What stands against handing anything out, as bits of `Hold`. The parser is halted while there is any. */
  private holds = 0;
  private readonly nextTurn: ((action: () => void) => void) | undefined;
  /** What a message, ping or pong costs of `TURN_SHARE`. */
  private readonly eventCost: number;
  private spentOfTurn = 0;
  private isTurnAwaited = false;
  private hasPeerEnded = false;
  private isTransportClosed = false;

  /** A control frame whose payload arrives in pieces. */
  private controlPayload = EMPTY;
  /** Made for the first ping. */
  private autoPong: AutoPong | undefined;
  private pongsSent = 0;
  /** Whether to record how long the fragments of a message are, for those who want them apart. */
  recordsFragments = false;
  /** The recorded ones of the message that is being handed out; none of a message that was one whole frame, or compressed. */
  fragmentLengths: number[] = [];
  /** Whether the message being sent has begun and not ended. */
  isSendingFragments = false;

  constructor(output: FrameOutput, handler: ConnectionHandler, options: ConnectionOptions) {
    this.output = output;
    this.handler = handler;
    this.role = options.role;
    this.limits = options.limits;
    this.answersPings = options.autoPong ?? true;
    this.skipsUtf8Validation = options.skipsUtf8Validation ?? false;
    this.isUtf8 = this.skipsUtf8Validation ? () => true : (options.isUtf8 ?? isValidUtf8);
    this.now = options.now ?? Date.now;
    this.inflation = options.inflater && new Inflation(options.inflater, options.limits.maxMessageBytes);
    this.allocate = options.allocate ?? allocateZeroed;
    this.recycle = options.recycle;
    this.keep = options.keep ?? copyOf;
    this.nextTurn = options.nextTurn;
    this.eventCost = options.spreadsEvents === true ? TURN_SHARE : 1;
    this.parser = new FrameParser(this, {
      role: options.role,
      limits: options.limits,
      allowsRsv1: options.inflater !== undefined,
      strictLengths: options.strictLengths ?? false,
      unmask: options.unmask,
    });
  }

  /** A transport that is gone counts as ended even while `halt` holds back what arrived before. */
  get state(): ConnectionState {
    return this.isTransportClosed && this.currentState !== 'closed' ? 'peerEnded' : this.currentState;
  }

  /** Whether the application's `halt` is in force. */
  get isHalted(): boolean {
    return (this.holds & Hold.Application) !== 0;
  }

  /**
   * Whether input is held back for a reason that lasts, so that no more of it should be read. What comes before the start
   * waits for a tick only.
   */
  get isHolding(): boolean {
    return (this.holds & ~Hold.Start) !== 0;
  }

  // ---- What the transport reports -------------------------------------------------------------------------------

  /**
   * Takes bytes from the peer. Payload is unmasked where it lies.
   * @param isShared whether the chunk's memory is used again after this call; otherwise it is the Connection's
   * @param words `wordsOf(chunk)`, when the caller keeps it
   */
  receive(chunk: Uint8Array, isShared = false, words?: Int32Array): void {
    const consumed = this.held?.length || this.isFeeding ? 0 : this.parse(chunk, isShared, words);
    if (consumed < chunk.length) {
      this.held ??= [];
      const rest = chunk.subarray(consumed);
      this.held.push(isShared ? this.keep(rest) : rest);
    }
    this.feed();
  }

  /** The peer has closed its side: no byte follows. */
  receiveEnd(): void {
    this.hasPeerEnded = true;
    this.feed();
  }

  /** The transport is closed, in whatever way. When it was lost (§7.2.1) nobody is left to be told, and 1006 remains. */
  transportClosed(): void {
    this.isTransportClosed = true;
    this.feed();
  }

  /** Whether automatic pongs wait to be written, so that `flushed` matters. */
  get isAwaitingFlush(): boolean {
    return this.autoPong?.isAwaitingFlush === true;
  }

  /** Everything given to `FrameOutput.writeFrame` so far has been taken by the network. */
  flushed(): void {
    this.autoPong?.flushed(this.currentState === 'open');
  }

  // ---- What the application asks for ----------------------------------------------------------------------------

  /**
   * Sends a message, or with `fin` false a fragment of one (§5.4): every further call then continues it, whatever
   * `isBinary` says, until one with `fin` true ends it.
   * @param isCompressed whether the payload is compressed; the first fragment says it for all (RFC 7692 §6.1)
   * @returns false when the connection is not open: nothing was sent (§5.5.1, §6.1)
   */
  sendMessage(payload: Uint8Array | string, isBinary: boolean, fin = true, isCompressed = false): boolean {
    if (this.state !== 'open') return false;
    const firstOpcode = isBinary ? Opcode.Binary : Opcode.Text;
    const opcode = this.isSendingFragments ? Opcode.Continuation : firstOpcode;
    const rsv1 = isCompressed && !this.isSendingFragments;
    this.isSendingFragments = !fin;
    this.output.writeFrame(firstByteOf(opcode, fin, rsv1), payload);
    return true;
  }

  /**
   * Sends a ping or a pong (§5.5.2, §5.5.3). Allowed between the fragments of a message.
   * @returns false when the connection is not open
   * @throws {RangeError} when the payload is over 125 bytes
   */
  sendControl(opcode: typeof Opcode.Ping | typeof Opcode.Pong, payload: Uint8Array): boolean {
    checkControlPayload(payload);
    if (this.state !== 'open') return false;
    if (opcode === Opcode.Pong) this.pongsSent++;
    this.output.writeFrame(FIN | opcode, payload);
    return true;
  }

  /**
   * Starts the closing handshake (§7.1.2). Does nothing when it is under way already.
   * @throws {TypeError} when the code may not be sent
   * @throws {RangeError} when the reason is over 123 bytes
   */
  close(statusCode?: number, closeReason?: string | Uint8Array): void {
    const payload = buildClosePayload(statusCode, closeReason);
    if (this.currentState === 'open') this.sendClose(payload);
  }

  /** Fails the connection (§7.1.7): a Close frame with the violation's code, then no more reading, and the end. */
  fail(id: ViolationId, detail = 0, cause?: unknown): void {
    if (!canHappen(this.currentState, 'fail')) return;
    const mayStillSendClose = this.currentState === 'open';
    this.advance('fail');
    this.discardInput();
    if (mayStillSendClose) this.output.writeFrame(FIN | Opcode.Close, buildClosePayload(VIOLATIONS[id].closeCode));
    this.output.end();
    this.handler.failed(id, detail, cause);
  }

  /** Drops whatever has arrived and not been handed out, and all that will: before the transport is destroyed. */
  discardInput(): void {
    this.parser.stop();
    this.parser.resume();
    this.holds = 0;
    this.inflation?.abandon();
    this.held = undefined;
    this.assembler?.release();
  }

  /**
   * Hands out nothing more until `resume`. Safe inside a handler: the rest of the chunk waits. Does nothing once all that
   * may still come is discarded: the end of the transport has to be seen.
   * @param reason one of `Hold`
   */
  halt(reason: number = Hold.Application): void {
    if (this.parser.isStopped) return;
    this.holds |= reason;
    this.parser.halt();
  }

  /** Goes on where `halt` stopped, unless there is another reason to hold back. */
  resume(reason: number = Hold.Application): void {
    this.holds &= ~reason;
    // What has been inflated stands before what has not been parsed.
    const inflated = this.holds === 0 ? this.inflation?.take() : undefined;
    if (inflated !== undefined) this.handOutInflated(inflated);
    if (this.holds === 0) this.parser.resume();
    this.feed();
  }

  /** Counts what has been done in this turn of the event loop. Past its share, the connection waits for the next. */
  private spend(cost: number): void {
    this.spentOfTurn += cost;
    if (this.spentOfTurn >= TURN_CHECK && this.nextTurn !== undefined) this.watchTurn(this.nextTurn);
  }

  private watchTurn(nextTurn: (action: () => void) => void): void {
    if (this.spentOfTurn >= TURN_SHARE) this.halt(Hold.Turn);
    if (this.isTurnAwaited) return;
    this.isTurnAwaited = true;
    nextTurn(() => {
      this.isTurnAwaited = false;
      this.spentOfTurn = 0;
      this.resume(Hold.Turn);
    });
  }

  /** Parses what is held, then takes note of an end that stood behind it. */
  private feed(): void {
    if (this.isFeeding) return;
    while (this.held?.length && !this.parser.isHalted) {
      const chunk = this.held[0]!;
      const consumed = this.parse(chunk, false);
      if (consumed < chunk.length) this.held![0] = chunk.subarray(consumed);
      else this.held?.shift();
    }
    if (this.held?.length || this.inflation?.isPending) return;
    // §7.1.5: without the peer's Close frame the code stays 1006. Nothing more can come, so this side ends as well.
    if (this.hasPeerEnded && canHappen(this.currentState, 'peerEnd')) {
      this.advance('peerEnd');
      this.output.end();
    }
    if (this.isTransportClosed && this.currentState !== 'closed') {
      this.advance('transportClosed');
      this.discardInput();
      this.handler.closed();
    }
  }

  /** @returns the number of bytes consumed; less than given only when halted */
  private parse(chunk: Uint8Array, isShared: boolean, words?: Int32Array): number {
    this.isFeeding = true;
    this.isChunkShared = isShared;
    const lengthBytes = chunk.length;
    try {
      const consumed = this.parser.push(chunk, words);
      if (chunk.length < lengthBytes) this.fail('handlerFailed', 0, new TypeError(MEMORY_TAKEN));
      return consumed;
    } finally {
      // A handler may throw out of `closeReceived` or `failed`: the end of the transport is still taken note of.
      this.isFeeding = false;
    }
  }

  private get hasFailed(): boolean {
    return this.currentState === 'failed';
  }

  private advance(event: ConnectionEvent): void {
    this.currentState = nextState(this.currentState, event);
  }

  private sendClose(payload: Uint8Array): void {
    this.advance('sendClose');
    this.output.writeFrame(FIN | Opcode.Close, payload);
  }

  // ---- FrameSink: what the parser finds -------------------------------------------------------------------------

  framePart(header: FrameHeader, chunk: Uint8Array, start: number, end: number, isAscii: boolean): void {
    const { firstByte, payloadLength } = header;
    const isWhole = end - start === payloadLength;
    if (isWhole && firstByte === BINARY_MESSAGE) {
      this.controlRate?.reset();
      this.deliver(chunk, start, end, true, this.isChunkShared);
    } else if (isWhole && firstByte === TEXT_MESSAGE) {
      this.controlRate?.reset();
      // §5.6: text is UTF-8 as a whole message; binary is whatever the peer likes.
      if (isAscii || this.isUtf8(chunk, start, end)) this.deliver(chunk, start, end, false, this.isChunkShared);
      else this.fail('invalidText');
    } else if (isControlOpcode(firstByte & 0xf)) {
      this.controlPart(header, chunk, start, end);
    } else if (isWhole || end > start) {
      this.dataPart(header, chunk, start, end);
    }
  }

  private controlPart(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    const { opcode, payloadLength, position } = header;
    if (end - start === payloadLength) {
      this.controlFrame(opcode, chunk, start, end);
      return;
    }
    if (this.controlPayload.length === 0) this.controlPayload = new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
    this.controlPayload.set(chunk.subarray(start, end), position);
    if (position + end - start === payloadLength) this.controlFrame(opcode, this.controlPayload, 0, payloadLength);
  }

  /** A piece of a message that is not one whole frame as it is: fragments, frames cut by chunks, compressed messages. */
  private dataPart(header: FrameHeader, chunk: Uint8Array, start: number, end: number): void {
    const { fin, opcode, rsv1, payloadLength, position } = header;
    const isWhole = end - start === payloadLength;
    if (position === 0) {
      this.controlRate?.reset();
      if (rsv1 && fin && isWhole) {
        // Inflating may take longer than this call.
        const bytes = chunk.subarray(start, end);
        this.inflate(this.isChunkShared ? this.keep(bytes) : bytes, opcode === Opcode.Binary);
        return;
      }
      this.spend(1);
      if (this.recordsFragments) this.fragmentLengths.push(payloadLength);
      // §6.2: the first frame has the type of the whole message.
      if (opcode !== Opcode.Continuation) {
        this.assembler ??= new MessageAssembler(this.allocate, this.skipsUtf8Validation, this.isUtf8);
        this.assembler.start(opcode === Opcode.Text, rsv1);
      }
    }
    const bytesToCome = payloadLength - position - (end - start);
    if (!this.assembler!.append(chunk, start, end, bytesToCome)) this.fail('invalidText');
    else if (fin && bytesToCome === 0) this.finishMessage(this.assembler!);
  }

  private finishMessage(assembler: MessageAssembler): void {
    if (!assembler.finish()) {
      this.fail('invalidText');
      return;
    }
    const { bytes, length, isBinary, isCompressed } = assembler;
    assembler.release();
    if (isCompressed) {
      this.fragmentLengths = [];
      this.inflate(bytes.subarray(0, length), isBinary);
      return;
    }
    this.deliver(bytes, 0, length, isBinary, this.recycle !== undefined);
    if (this.recordsFragments) this.fragmentLengths = [];
    this.recycle?.(bytes);
  }

  violation(id: ViolationId, _offset: number, detail: number): void {
    this.fail(id, detail);
  }

  /** Inflates a message; what comes behind it waits until it has been handed out (RFC 7692 §7.2.2). */
  private inflate(bytes: Uint8Array, isBinary: boolean): void {
    const inflation = this.inflation!;
    inflation.start(bytes, isBinary, () => this.resume(Hold.Inflation));
    if (inflation.isUnderWay) this.halt(Hold.Inflation);
  }

  private handOutInflated({ fault, output, isBinary }: Inflated): void {
    // What its handler may resume comes behind it.
    this.holds |= Hold.Inflation;
    this.spend(INFLATION_COST + Math.floor(output.length / INFLATED_BYTES_PER_COST));
    if (fault?.id === 'tooLong') this.fail('messageTooLong');
    else if (fault !== undefined) this.fail('invalidCompression', 0, fault.error);
    else if (!isBinary && !this.isUtf8(output, 0, output.length)) this.fail('invalidText');
    else this.deliver(output, 0, output.length, isBinary, false);
    this.holds &= ~Hold.Inflation;
  }

  private deliver(bytes: Uint8Array, start: number, end: number, isBinary: boolean, isShared: boolean): void {
    this.spend(this.eventCost);
    try {
      this.handler.message(bytes, start, end, isBinary, isShared);
    } catch (error) {
      this.fail('handlerFailed', 0, error);
    }
  }

  private controlFrame(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === Opcode.Close) {
      this.receiveClose(bytes, start, end);
      return;
    }
    this.controlRate ??= new ControlRate(this.limits, this.now);
    if (this.controlRate.isFlood()) {
      this.fail('tooManyControlFrames');
      return;
    }
    this.spend(this.eventCost);
    const payload = bytes.subarray(start, end);
    if (opcode === Opcode.Ping && this.answersPings && this.currentState === 'open') {
      this.autoPong ??= new AutoPong(this.output, this.limits.maxPendingPongs, (bytes) => this.sendPong(bytes));
      this.autoPong.answer(payload);
      if (this.hasFailed) return;
    }
    try {
      if (opcode === Opcode.Ping) this.handler.ping(payload);
      else this.handler.pong(payload);
    } catch (error) {
      this.fail('handlerFailed', 0, error);
    }
  }

  /** @returns whether a pong was written */
  private sendPong(payload: Uint8Array): boolean {
    const before = this.pongsSent;
    try {
      if (this.handler.answerPing?.(payload) === true) return this.pongsSent !== before;
    } catch (error) {
      this.fail('handlerFailed', 0, error);
      return false;
    }
    return this.sendControl(Opcode.Pong, payload);
  }

  private receiveClose(bytes: Uint8Array, start: number, end: number): void {
    const close = parseClosePayload(bytes, start, end, this.skipsUtf8Validation);
    if (typeof close === 'string') {
      this.fail(close, readStatusCode(bytes, start));
      return;
    }
    this.closeCode = close.statusCode;
    this.closeReason = close.closeReason;
    this.advance('receiveClose');
    this.discardInput();
    // §5.5.1: answered with the code it came with; an empty Close frame with an empty one.
    if (this.currentState === 'closeReceived') this.sendClose(bytes.subarray(start, end));
    // §7.1.1: the server closes the TCP connection first; the client waits for it.
    if (this.role === 'server') this.output.end();
    this.handler.closeReceived();
  }
}
