/**
 * One WebSocket connection without a socket (§5.4–§7): frames in, messages out; messages in, frames out; pings
 * answered, and the closing handshake. It is told what arrived and what became of the transport, and tells a
 * `FrameOutput` what to write. Knows nothing of sockets, timers or the opening handshake: it begins open.
 */

import { CloseCode } from './close-code.ts';
import { buildClosePayload, parseClosePayload, readStatusCode } from './close-payload.ts';
import { type ConnectionEvent, type ConnectionState, canHappen, nextState } from './closing-handshake.ts';
import { FIN, type FrameHeader, MAX_CONTROL_PAYLOAD_BYTES, type Role, RSV1 } from './frame-header.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';
import { checkControlPayload, firstByteOf } from './frame-writer.ts';
import type { Limits } from './limits.ts';
import type { Unmask } from './mask.ts';
import { type Allocate, Chunk } from './memory.ts';
import { MessageAssembler } from './message-assembler.ts';
import { CONTROL_BIT, OPCODE_BITS, Opcode } from './opcode.ts';
import { type IsUtf8, isValidUtf8 } from './utf8.ts';
import { VIOLATIONS, type ViolationId } from './violation.ts';

/** Why what has arrived is held back. Several reasons may stand together; all have to go before anything is handed out. */
export const Hold = {
  /** The application has asked for it. */
  Application: 1,
  /** A message is being inflated, and those behind it wait (RFC 7692 §7.2.2). */
  Inflation: 2,
  /** The connection has had its share of this turn of the event loop. */
  Turn: 4,
  /** Nobody can be listening yet. */
  Start: 8,
  /** A message has been put off: it comes sooner than it may. */
  Rate: 16,
} as const;

/** Where a Connection's frames go. */
export interface FrameOutput {
  /** Takes one frame, in order. The payload is read during the call only. */
  writeFrame(firstByte: number, payload: Uint8Array | string): void;
  /** Hands what was taken to the network now, and calls `Connection.flushed` when the network has taken all pongs. */
  flush(): void;
  /** The connection fails (§7.1.7): drops the frames that would have to wait for the network, but for a Close frame. */
  dropBacklog?(): void;
  /**
   * Runs something in the next turn of the event loop. With it, a connection is handed out only so much in one turn, and
   * the rest in the next ones, so that others get theirs. Without it, everything is handed out at once.
   */
  nextTurn?(action: () => void): void;
  /** No frame follows: closes this side of the transport behind what was written (§7.1.1). May be called again. */
  end(): void;
}

/** Why a message could not be inflated: it would be over the limit, or its data is corrupt. */
export type InflateFault = { readonly id: 'tooLong' } | { readonly id: 'corrupt'; readonly error: Error };

export type InflateDone = (fault: InflateFault | undefined, output: Uint8Array, isLent?: boolean) => void;

/** Inflates what an extension has compressed: the Connection knows when such a message is whole (RFC 7692 §6.2). */
export interface Inflater {
  /**
   * Inflates one message, bytes[start … end), up to `maxBytes` of output.
   * @param done called once, at once or later; until then no other message is given. The output is the receiver's from there
   *   on, or lent during that call
   * @param isLent whether the bytes may be read during this call only
   */
  inflate(bytes: Uint8Array, start: number, end: number, maxBytes: number, done: InflateDone, isLent: boolean): void;
}

/**
 * Who hears what a Connection finds. Called synchronously, in wire order. What `message`, `ping` and `pong` throw fails
 * the connection (1011); what the others throw reaches whoever called the Connection.
 */
export interface ConnectionHandler {
  /**
   * A whole message at chunk[start … end). Text has been checked. The memory is lent to the handler, or its own from here
   * on, as the chunk says. The handler may put it off, see `Connection.putOff`.
   */
  message(chunk: Chunk, start: number, end: number, isBinary: boolean): void;
  /**
   * A ping is to be answered, by the handler in its own way if it wants to: what it throws fails the connection too.
   * Without this method the Connection answers.
   * @param payload valid during the call only
   * @returns false when the Connection shall answer
   */
  answerPing?(payload: Uint8Array): boolean;
  /** The payload is valid during the call only. The ping has been answered already. */
  ping(payload: Uint8Array): void;
  pong(payload: Uint8Array): void;
  /** The peer's Close frame came in, and ours has been sent. */
  closeReceived(): void;
  /** The connection has failed (§7.1.7): because of the peer, or because a handler threw `cause`. */
  failed(id: ViolationId, detail: number, cause?: unknown): void;
  /** Whoever watches the transport has given it up, for this reason; `closed` follows. */
  lost?(error: Error): void;
  /** The transport is gone and everything that arrived has been handed out: `closeCode` and `closeReason` are final. */
  closed(): void;
}

export interface ConnectionOptions {
  readonly role: Role;
  readonly limits: Limits;
  /** Answer pings (§5.5.2). Default true. */
  readonly autoPong?: boolean | undefined;
  /** Do not check text and close reasons for UTF-8. Default false. */
  readonly skipsUtf8Validation?: boolean | undefined;
  /** Refuse lengths not in their shortest form. Default false. */
  readonly strictLengths?: boolean | undefined;
  /** Inflates compressed messages; without one, RSV1 is a violation (RFC 7692 §6). */
  readonly inflater?: Inflater | undefined;
  /** Memory for messages of several pieces. Default `new Uint8Array`. */
  readonly allocate?: Allocate;
  /** Takes that memory back once the message has been handled, which is then lent. Default: it is the handler's. */
  readonly recycle?: ((bytes: Uint8Array) => void) | undefined;
  /** Copies input that is kept for later out of memory that was lent. Default `new Uint8Array`. */
  readonly keep?: ((bytes: Uint8Array) => Uint8Array) | undefined;
  /** Whether chunk[start … end) is UTF-8. Default: the portable validator. */
  readonly isUtf8?: IsUtf8;
  /** Unmasks payloads where they lie (§5.3). Default `maskChunk`. */
  readonly unmask?: Unmask | undefined;
  /** A clock in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
  /** Give each message, ping and pong a turn of its own. Default false. */
  readonly spreadsEvents?: boolean | undefined;
}

const TEXT_MESSAGE = FIN | Opcode.Text;
const BINARY_MESSAGE = FIN | Opcode.Binary;
const EMPTY = new Uint8Array(0);
const NO_LENGTHS: number[] = [];
const MEMORY_TAKEN =
  'The memory that a message lay in was transferred away, and with it messages that had not been handed out yet: copy a message before you transfer it';

/** What a connection may cost in a turn of the event loop. A short message costs 1, with all that its handler does. */
const TURN_SHARE = 1024;
/** From here on the next turn is waited for; what has been spent until then may be of earlier turns. */
const TURN_CHECK = TURN_SHARE / 2;
/** Inflating a message costs so much, however short it is, and one more for so many bytes that come out. */
const INFLATION_COST = 16;
const INFLATED_BYTES_PER_COST = 256;

/** Bytes that have arrived and have not been read: chunk[start … end), which the Connection owns. */
interface Unread {
  readonly chunk: Chunk;
  readonly start: number;
  readonly end: number;
}

/** A message that has been read: one that was inflated while something was held back, or one that was put off. */
interface Message extends Unread {
  readonly isBinary: boolean;
  readonly fragmentLengths: number[];
  /** How long it was before it was inflated. */
  readonly compressedBytes: number | undefined;
  /** Why it could not be inflated. */
  readonly fault?: InflateFault | undefined;
}

/** What the transport reports, in its order; in front of that, a message that has been read of it. */
type Input = Unread | Message | 'end' | 'closed';

export class Connection implements FrameSink {
  readonly role: Role;
  private readonly options: ConnectionOptions;
  private readonly output: FrameOutput;
  readonly handler: ConnectionHandler;
  private readonly parser: FrameParser;
  /** Made for the first message of several pieces. */
  private assembler: MessageAssembler | undefined;
  private readonly isUtf8: IsUtf8;

  /** Changed by `advance` alone. */
  state: ConnectionState = 'open';
  /** §7.1.5, §7.1.6: what the peer's Close frame said; 1006 until there is one. */
  closeCode: number = CloseCode.AbnormalClosure;
  closeReason: Uint8Array = EMPTY;

  /** What has been reported and waits. */
  private inbox: Input[] = [];
  private isReading = false;
  /** What stands against handing anything out, as bits of `Hold`. The parser is halted while there is any. */
  private holds = 0;
  /** What a message, ping or pong costs of `TURN_SHARE`. */
  private readonly eventCost: number;
  private spentOfTurn = 0;
  private isTurnAwaited = false;

  /** A control frame whose payload arrives in pieces. */
  private controlPayload = EMPTY;
  /** Control frames since the last data frame, or since the window began, and when that was, in milliseconds. */
  private controlFrames = 0;
  private controlWindowStart: number | undefined;
  /** Automatic pongs that the network has not taken, and the newest ping that came when they were too many. */
  private pendingPongs = 0;
  /** Whether automatic pongs wait to be written, so that `flushed` matters. */
  isAwaitingFlush = false;
  private unansweredPing: Uint8Array | undefined;
  private pongsSent = 0;
  /** Whether to record how long the fragments of a message are, for those who want them apart. */
  recordsFragments = false;
  /** The recorded ones of the message that is being handed out; none of a message that was one whole frame, or compressed. */
  fragmentLengths = NO_LENGTHS;
  /** Of the message that is being handed out: how long it was compressed, if it was. */
  compressedBytes: number | undefined;
  /** Whether the message being sent has begun and not ended. */
  isSendingFragments = false;

  constructor(output: FrameOutput, handler: ConnectionHandler, options: ConnectionOptions) {
    this.output = output;
    this.handler = handler;
    this.options = options;
    this.role = options.role;
    this.isUtf8 = options.skipsUtf8Validation === true ? () => true : (options.isUtf8 ?? isUtf8);
    this.eventCost = options.spreadsEvents === true ? TURN_SHARE : 1;
    this.parser = new FrameParser(this, { ...options, allowsRsv1: options.inflater !== undefined });
  }

  /** Whether frames can be sent: the transport may be gone though what it brought has not been read yet. */
  get isOpen(): boolean {
    return this.state === 'open' && (this.inbox.length === 0 || !this.inbox.includes('closed'));
  }

  /** Whether no more should be read, since input is held back; not before the start, which is only a tick away. */
  get isHolding(): boolean {
    return (this.holds & ~Hold.Start) !== 0;
  }

  // ---- What the transport reports -------------------------------------------------------------------------------

  /**
   * Takes bytes from the peer, chunk[start … end). Payload is unmasked where it lies.
   * @param given a Chunk, or bytes that the Connection owns from here on
   */
  receive(
    given: Chunk | Uint8Array,
    start = 0,
    end = given instanceof Chunk ? given.bytes.length : given.length,
  ): void {
    const chunk = given instanceof Chunk ? given : new Chunk(given);
    if (this.isReading || this.inbox.length > 0) {
      this.inbox.push(this.keep(chunk, start, end));
    } else {
      const next = this.read(chunk, start, end);
      if (next < end) this.putBack(this.keep(chunk, next, end));
    }
    if (this.inbox.length > 0) this.readInbox();
  }

  /** The peer has closed its side: no byte follows. */
  receiveEnd(): void {
    this.inbox.push('end');
    this.readInbox();
  }

  /** The transport is closed, in whatever way. When it was lost (§7.2.1) nobody is left to be told, and 1006 remains. */
  transportClosed(): void {
    this.inbox.push('closed');
    this.readInbox();
  }

  /** Every pong given to `FrameOutput.writeFrame` so far has been taken by the network. */
  flushed(): void {
    this.pendingPongs = 0;
    this.isAwaitingFlush = false;
    const payload = this.unansweredPing;
    this.unansweredPing = undefined;
    if (payload !== undefined && this.state === 'open') this.answerPing(payload);
  }

  // ---- What the application asks for ----------------------------------------------------------------------------

  /**
   * Sends a message, or with `fin` false a fragment of one (§5.4): every further call then continues it, whatever
   * `isBinary` says, until one with `fin` true ends it.
   * @param isCompressed whether the payload is compressed; the first fragment says it for all (RFC 7692 §6.1)
   * @returns false when the connection is not open: nothing was sent (§5.5.1, §6.1)
   */
  sendMessage(payload: Uint8Array | string, isBinary: boolean, fin = true, isCompressed = false): boolean {
    if (this.state !== 'open' || (this.inbox.length > 0 && !this.isOpen)) return false;
    const isContinued = this.isSendingFragments;
    this.isSendingFragments = !fin;
    let firstByte = isBinary ? BINARY_MESSAGE : TEXT_MESSAGE;
    if (isContinued || !fin || isCompressed) {
      const opcode = isContinued ? Opcode.Continuation : firstByte & OPCODE_BITS;
      firstByte = firstByteOf(opcode, fin, isCompressed && !isContinued);
    }
    this.output.writeFrame(firstByte, payload);
    return true;
  }

  /**
   * Sends a ping or a pong (§5.5.2, §5.5.3). Allowed between the fragments of a message.
   * @returns false when the connection is not open
   * @throws {RangeError} when the payload is over 125 bytes
   */
  sendControl(opcode: typeof Opcode.Ping | typeof Opcode.Pong, payload: Uint8Array): boolean {
    checkControlPayload(payload.length);
    if (!this.isOpen) return false;
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
    if (this.state === 'open') this.sendClose(payload);
  }

  /** Fails the connection (§7.1.7): a Close frame with the violation's code, then no more reading, and the end. */
  fail(id: ViolationId, detail = 0, cause?: unknown): void {
    if (!canHappen(this.state, 'fail')) return;
    const mayStillSendClose = this.state === 'open';
    this.advance('fail');
    this.discardInput();
    this.output.dropBacklog?.();
    const { closeCode, closeReason } = VIOLATIONS[id];
    if (mayStillSendClose) this.output.writeFrame(FIN | Opcode.Close, buildClosePayload(closeCode, closeReason));
    this.output.end();
    this.handler.failed(id, detail, cause);
    // The transport may be gone already, behind input that is discarded now.
    this.readInbox();
  }

  /** Drops whatever has arrived and not been handed out, and all that will: before the transport is destroyed. */
  discardInput(): void {
    this.parser.isStopped = true;
    this.parser.isHalted = false;
    this.holds = 0;
    if (this.inbox.length > 0) this.inbox = this.inbox.filter((input) => typeof input === 'string');
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
    this.parser.isHalted = true;
  }

  /** Goes on where `halt` stopped, unless there is another reason to hold back. */
  resume(reason: number = Hold.Application): void {
    this.holds &= ~reason;
    if (this.holds === 0) this.parser.isHalted = false;
    this.readInbox();
  }

  /** Called by the handler with the message at hand: it is given again, first of all, after `resume(Hold.Rate)`. */
  putOff(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
    this.halt(Hold.Rate);
    const { fragmentLengths, compressedBytes } = this;
    this.inbox.unshift({ ...this.keep(chunk, start, end), isBinary, fragmentLengths, compressedBytes });
  }

  /** Whether the transport has ended, and what came before that is still to be handed out. */
  get isEndWaiting(): boolean {
    return typeof this.inbox.at(-1) === 'string';
  }

  /** Counts what has been done in this turn of the event loop. */
  private spend(cost: number): void {
    this.spentOfTurn += cost;
    if (this.spentOfTurn >= TURN_CHECK) this.watchTurn();
  }

  /** Past its share of the turn, the connection waits for the next. */
  private watchTurn(): void {
    if (this.output.nextTurn === undefined) return;
    if (this.spentOfTurn >= TURN_SHARE) this.halt(Hold.Turn);
    if (this.isTurnAwaited) return;
    this.isTurnAwaited = true;
    this.output.nextTurn(() => {
      this.isTurnAwaited = false;
      this.spentOfTurn = 0;
      this.resume(Hold.Turn);
    });
  }

  /** Reads what waits, as far as nothing stands against it. */
  private readInbox(): void {
    while (this.inbox.length > 0 && !this.isReading) {
      const input = this.inbox[0]!;
      const isHeldBack = typeof input === 'string' ? this.holds & Hold.Inflation : this.holds;
      if (isHeldBack !== 0) return;
      this.inbox.shift();
      if (input === 'end') this.readEnd();
      else if (input === 'closed') this.readClosed();
      else if ('isBinary' in input) this.handOut(input);
      else {
        const next = this.read(input.chunk, input.start, input.end);
        if (next < input.end) this.putBack({ ...input, start: next });
      }
    }
  }

  /** The rest of what is being read stands first, but for a message of it. */
  private putBack(rest: Unread): void {
    const first = this.inbox[0];
    const isBehindMessage = typeof first === 'object' && 'isBinary' in first;
    this.inbox.splice(isBehindMessage ? 1 : 0, 0, rest);
  }

  private handOut({ chunk, start, end, isBinary, fragmentLengths, compressedBytes, fault }: Message): void {
    // What its handler may resume comes behind it.
    const { isReading } = this;
    this.isReading = true;
    this.fragmentLengths = fragmentLengths;
    this.compressedBytes = compressedBytes;
    const isInflated = compressedBytes !== undefined;
    if (isInflated) this.spend(INFLATION_COST + Math.floor((end - start) / INFLATED_BYTES_PER_COST));
    try {
      if (fault?.id === 'tooLong') this.fail('messageTooLong');
      else if (fault !== undefined) this.fail('invalidCompression', 0, fault.error);
      else if (end > chunk.bytes.length) this.fail('handlerFailed', 0, new TypeError(MEMORY_TAKEN));
      else if (isInflated && !isBinary && !this.isUtf8(chunk, start, end)) this.fail('invalidText');
      else this.deliver(chunk, start, end, isBinary);
    } finally {
      this.fragmentLengths = NO_LENGTHS;
      this.compressedBytes = undefined;
      this.isReading = isReading;
    }
  }

  /** §7.1.5: without the peer's Close frame the code stays 1006. Nothing more can come, so this side ends as well. */
  private readEnd(): void {
    if (!canHappen(this.state, 'peerEnd')) return;
    this.advance('peerEnd');
    this.output.end();
  }

  private readClosed(): void {
    if (!canHappen(this.state, 'transportClosed')) return;
    this.advance('transportClosed');
    this.discardInput();
    this.handler.closed();
  }

  /** @returns the place behind the bytes consumed; before `end` only when halted */
  private read(chunk: Chunk, start: number, end: number): number {
    this.isReading = true;
    try {
      const next = this.parser.push(chunk, start, end);
      if (end > chunk.bytes.length) this.fail('handlerFailed', 0, new TypeError(MEMORY_TAKEN));
      return next;
    } finally {
      // A handler may throw out of `closeReceived` or `failed`: the end of the transport is still taken note of.
      this.isReading = false;
    }
  }

  /** What has to wait, in memory that is the Connection's. */
  private keep(chunk: Chunk, start: number, end: number): Unread {
    if (!chunk.isLent) return { chunk, start, end };
    const bytes = chunk.bytes.subarray(start, end);
    const kept = this.options.keep?.(bytes) ?? new Uint8Array(bytes);
    return { chunk: new Chunk(kept), start: 0, end: end - start };
  }

  private advance(event: ConnectionEvent): void {
    this.state = nextState(this.state, event);
  }

  private sendClose(payload: Uint8Array): void {
    this.advance('sendClose');
    this.output.writeFrame(FIN | Opcode.Close, payload);
  }

  // ---- FrameSink: what the parser finds -------------------------------------------------------------------------

  framePart(header: FrameHeader, chunk: Chunk, start: number, end: number, isAscii: boolean): void {
    const { firstByte, payloadLength } = header;
    const isWhole = end - start === payloadLength;
    if (isWhole && firstByte === BINARY_MESSAGE) {
      this.controlFrames = 0;
      this.deliver(chunk, start, end, true);
    } else if (isWhole && firstByte === TEXT_MESSAGE) {
      this.controlFrames = 0;
      // §5.6: text is UTF-8 as a whole message; binary is whatever the peer likes.
      if (isAscii || this.isUtf8(chunk, start, end)) this.deliver(chunk, start, end, false);
      else this.fail('invalidText');
    } else if ((firstByte & CONTROL_BIT) !== 0) {
      this.controlPart(header, chunk.bytes, start, end);
    } else if (isWhole || end > start) {
      this.dataPart(header, chunk, start, end, isAscii);
    }
  }

  private controlPart(header: FrameHeader, bytes: Uint8Array, start: number, end: number): void {
    const { opcode, payloadLength, position } = header;
    let payload = bytes.subarray(start, end);
    if (payload.length < payloadLength) {
      if (this.controlPayload.length === 0) this.controlPayload = new Uint8Array(MAX_CONTROL_PAYLOAD_BYTES);
      this.controlPayload.set(payload, position);
      if (position + payload.length < payloadLength) return;
      payload = this.controlPayload.subarray(0, payloadLength);
    }
    if (opcode === Opcode.Close) this.receiveClose(payload);
    else if (this.isControlFlood()) this.fail('tooManyControlFrames');
    else this.receivePingOrPong(opcode, payload);
  }

  /** A piece of a message that is not one whole frame as it is: fragments, frames cut by chunks, compressed messages. */
  private dataPart(header: FrameHeader, chunk: Chunk, start: number, end: number, isAscii: boolean): void {
    const { firstByte, payloadLength, position } = header;
    const opcode = firstByte & OPCODE_BITS;
    const fin = (firstByte & FIN) !== 0;
    const rsv1 = (firstByte & RSV1) !== 0;
    const isWhole = end - start === payloadLength;
    if (position === 0) {
      this.controlFrames = 0;
      if (rsv1 && fin && isWhole) {
        this.inflate(chunk, start, end, opcode === Opcode.Binary);
        return;
      }
      this.spend(1);
      if (this.recordsFragments) {
        if (this.fragmentLengths === NO_LENGTHS) this.fragmentLengths = [];
        this.fragmentLengths.push(payloadLength);
      }
      // §6.2: the first frame has the type of the whole message.
      if (opcode !== Opcode.Continuation) {
        this.assembler ??= this.newAssembler();
        this.assembler.start(opcode === Opcode.Text, rsv1);
      }
    }
    const bytesToCome = payloadLength - position - (end - start);
    if (!this.assembler!.append(chunk, start, end, bytesToCome, isAscii)) this.fail('invalidText');
    else if (fin && bytesToCome === 0) this.finishMessage(this.assembler!);
  }

  private newAssembler(): MessageAssembler {
    const { allocate = (lengthBytes) => new Uint8Array(lengthBytes), skipsUtf8Validation = false } = this.options;
    return new MessageAssembler(allocate, skipsUtf8Validation, this.isUtf8);
  }

  private finishMessage(assembler: MessageAssembler): void {
    if (!assembler.finish()) {
      this.fail('invalidText');
      return;
    }
    const { bytes, length, isBinary, isCompressed } = assembler;
    assembler.release();
    if (isCompressed) {
      this.fragmentLengths = NO_LENGTHS;
      this.inflate(new Chunk(bytes), 0, length, isBinary);
      return;
    }
    this.deliver(new Chunk(bytes, this.options.recycle !== undefined), 0, length, isBinary);
    if (this.recordsFragments) this.fragmentLengths = NO_LENGTHS;
    this.options.recycle?.(bytes);
  }

  violation(id: ViolationId, detail: number): void {
    this.fail(id, detail);
  }

  /** Inflates a message, at once or in its time; what comes behind it waits until then (RFC 7692 §7.2.2). */
  private inflate({ bytes, isLent }: Chunk, start: number, end: number, isBinary: boolean): void {
    this.halt(Hold.Inflation);
    const done: InflateDone = (fault, output, isOutputLent) => {
      // The connection has failed or ended meanwhile: the message is nobody's.
      if (this.parser.isStopped) return;
      const about = { isBinary, fragmentLengths: NO_LENGTHS, compressedBytes: end - start, fault };
      const chunk = new Chunk(output, isOutputLent);
      this.holds &= ~Hold.Inflation;
      if (this.holds === 0) this.handOut({ chunk, start: 0, end: output.length, ...about });
      else this.inbox.unshift({ ...this.keep(chunk, 0, output.length), ...about });
      this.resume(Hold.Inflation);
    };
    this.options.inflater!.inflate(bytes, start, end, this.options.limits.maxMessageBytes, done, isLent);
  }

  private deliver(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
    this.spentOfTurn += this.eventCost;
    if (this.spentOfTurn >= TURN_CHECK) this.watchTurn();
    try {
      this.handler.message(chunk, start, end, isBinary);
    } catch (error) {
      this.fail('handlerFailed', 0, error);
    }
  }

  private receivePingOrPong(opcode: number, payload: Uint8Array): void {
    this.spend(this.eventCost);
    if (opcode === Opcode.Ping && this.options.autoPong !== false && this.isOpen) {
      this.answerPing(payload);
      if (this.state === 'failed') return;
    }
    try {
      if (opcode === Opcode.Ping) this.handler.ping(payload);
      else this.handler.pong(payload);
    } catch (error) {
      this.fail('handlerFailed', 0, error);
    }
  }

  /**
   * §10.4: counts a control frame. Too many are a flood when they came too fast: only then is the clock read again.
   * @returns whether it is one too many
   */
  private isControlFlood(): boolean {
    const { limits, now = Date.now } = this.options;
    this.controlWindowStart ??= now();
    if (++this.controlFrames <= limits.maxControlFramesBetweenData) return false;
    const elapsedMs = now() - this.controlWindowStart;
    this.controlWindowStart += elapsedMs;
    this.controlFrames = 1;
    return elapsedMs < limits.controlWindowMs;
  }

  /**
   * §5.5.2, §5.5.3: of pings whose pongs the network does not take, only so many are answered one by one; past that the
   * newest is remembered, and answered once the peer reads again.
   * @param payload valid during the call only
   */
  private answerPing(payload: Uint8Array): void {
    const { maxPendingPongs } = this.options.limits;
    if (this.pendingPongs >= maxPendingPongs) this.output.flush();
    if (this.pendingPongs >= maxPendingPongs) {
      this.unansweredPing = new Uint8Array(payload);
      return;
    }
    const { pongsSent } = this;
    try {
      if (this.handler.answerPing?.(payload) !== true) this.sendControl(Opcode.Pong, payload);
    } catch (error) {
      this.fail('handlerFailed', 0, error);
    }
    if (this.pongsSent === pongsSent) return;
    this.pendingPongs++;
    this.isAwaitingFlush = true;
  }

  private receiveClose(payload: Uint8Array): void {
    const close = parseClosePayload(payload, this.options.skipsUtf8Validation);
    if (typeof close === 'string') {
      this.fail(close, readStatusCode(payload));
      return;
    }
    this.closeCode = close.statusCode;
    this.closeReason = close.closeReason;
    this.advance('receiveClose');
    this.discardInput();
    // §5.5.1: answered with the code it came with; an empty Close frame with an empty one.
    if (this.state === 'closeReceived') this.sendClose(payload);
    // §7.1.1: the server closes the TCP connection first; the client waits for it.
    if (this.role === 'server') this.output.end();
    this.handler.closeReceived();
  }
}

function isUtf8({ bytes }: Chunk, start: number, end: number): boolean {
  return isValidUtf8(bytes, start, end);
}
