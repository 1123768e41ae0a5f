/**
 * The last steps of sending (§6.1). A client's frames are masked here, and a string becomes UTF-8 (§5.6); bytes are not
 * looked at. Frames of a connection leave together: those sent while a chunk is handled leave at its end, the others at the
 * end of the tick.
 *
 * What leaves is what was there at the call, so bytes that the caller can change are copied. The copy goes into a slab that
 * all connections share, and that is written when it is full. What is longer than a slab goes through memory that is used
 * again once the network has taken it. When the network does not take it at once, the rest gets memory of its own. Past
 * what a socket needs to keep the network busy, it waits here and not in the socket, where nothing could overtake it.
 */

// Imported since the global one is looked up anew at every use.
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
// Fake timers replace the global one.
import { setImmediate } from 'node:timers';
import { outsideAnyContext } from '../deflate/async-context.ts';
import { copyMasked, unmask } from '../memory/mask-kernel.ts';
import { allocateOwn, allocateReusable, recycle } from '../memory/message-memory.ts';
import { hasRoom, SLAB_BYTES, type Slab, slabWithRoom } from '../memory/slab.ts';
import { viewOf } from '../memory/view.ts';
import { noteAllocation } from '../memory/young-collection.ts';
import {
  Chunk,
  CONTROL_BIT,
  encodeFrame,
  type FrameOutput,
  frameHeaderLength,
  MAX_HEADER_BYTES,
  OPCODE_BITS,
  Opcode,
  type Role,
  writeFrameHeader,
} from '../protocol/index.ts';
import { nextMaskingKey } from './masking-key.ts';
import { noFrames, type SharedFrames } from './shared-frames.ts';
import { isPlainSocket } from './shared-read.ts';
import { WaitingFrames, type WriteCallback } from './waiting-frames.ts';

export type { WriteCallback } from './waiting-frames.ts';

/** Up to here a payload lies in one piece behind its header. */
export const LONG_PAYLOAD_BYTES = 16_384;

/** What is longer than a slab is written in pieces of this length: a multiple of four, so that each begins a masking key. */
const LARGE_PIECE_BYTES = 1_048_576;

/** The longest text whose memory is used again. */
const MAX_LENT_TEXT_BYTES = 4 * 1_048_576;
/** In UTF-8, a unit of a string has three bytes at most, and two units that are one character four. */
const MAX_BYTES_OF_UNIT = 3;
const ROOM_FOR_MORE_BYTES = 4;

/** From here on a write need not wait for the end of the tick: more would only take slab after slab. */
export const LARGE_WRITE_BYTES = 65_536;

/** A socket that holds so much which the network has not taken gets no more. */
const HAND_OVER_BYTES = 131_072;

/** Up to here frames that others get as well are copied where they have to wait. */
const MAX_COPIED_BYTES = 1024;

/** Up to here frames that many connections get are put together for all of them. */
const MAX_SHARED_BYTES = 131_072;

/** What Node calls it when a stream is written to that has been destroyed. */
const DESTROYED = 'ERR_STREAM_DESTROYED';

/** Why a message that was being written is not known to have been taken. */
export function cutOffError(): Error {
  return Object.assign(new Error('The connection was closed while the message was written'), { code: DESTROYED });
}

/** What a batch tells its connection. */
export interface WriteBatchOwner {
  readonly connection: {
    /** Whether `flushed` is waited for. */
    readonly isAwaitingFlush: boolean;
    /** The network has taken all pings and pongs. */
    flushed(): void;
  };
  /** From how many bytes that wait on `backlogGrew` and `backlogShrank` are wanted. */
  readonly noticeBytes: number;
  backlogGrew(): void;
  backlogShrank(): void;
  /** Runs what may hand something out. */
  handle(action: () => void): void;
}

/** What left in one write, for as long as somebody waits for it or the network has not taken it. */
interface Writing {
  readonly callbacks: readonly WriteCallback[] | undefined;
  /** Memory that can be used again when the network has taken it. */
  lent: readonly Uint8Array[] | undefined;
  /** The application's bytes in it. */
  readonly dataBytes: number;
  /** Where it ends in all that the batch has written. */
  readonly end: number;
  readonly turn: number;
  /** Whether the stream tells what becomes of it. */
  readonly isHeardOf: boolean;
  /** Whether it is pings and pongs that have gone ahead. */
  readonly isAhead: boolean;
  /** Whether the stream was not destroyed before. */
  readonly wasOpen: boolean;
  /** Whether the stream has said so; a net.Socket says it of what the kernel has taken. */
  isTaken: boolean;
  isSettled: boolean;
  next: Writing | undefined;
}

/** Of a socket, and of a stream of HTTP/2. */
interface ProgressingStream {
  readonly _handle?: {
    readonly writeQueueSize?: number;
    readonly _parent?: { readonly writeQueueSize?: number };
  } | null;
  readonly session?: { readonly destroyed: boolean; readonly socket: { readonly bytesWritten: number } } | undefined;
}

/** What there was before the first frame that may be dropped. */
interface Kept {
  readonly pieces: number;
  readonly callbacks: number;
  readonly unwrittenBytes: number;
  readonly unwrittenDataBytes: number;
}

const NO_CALLBACKS: readonly WriteCallback[] = [];

/** Batches with something to write at the end of the tick. */
let scheduled: WriteBatch[] = [];

function flushScheduled(): void {
  const batches = scheduled;
  scheduled = [];
  for (const batch of batches) batch.flushAsScheduled();
}

function handleFor(owner: WriteBatchOwner, action: () => void): void {
  owner.handle(action);
}

function flushNow(batch: WriteBatch): void {
  batch.flush();
}

/** Counts turns of the event loop in which the application's data was sent. */
let turn = 0;
let isTurnNoted = false;

function endTurn(): void {
  turn++;
  isTurnNoted = false;
}

function noteTurn(): void {
  isTurnNoted = true;
  setImmediate(endTurn);
}

export class WriteBatch implements FrameOutput {
  private readonly socket: Duplex;
  /** §5.1: a client masks every frame, Close frames (§5.5.1) included; a server none. */
  private masks: boolean;
  /** Set before anything is written. */
  owner!: WriteBatchOwner;
  private readonly nextKey: () => number;
  /** A plain TCP socket with nothing buffered has given everything to the kernel; other streams may keep what they got. */
  private readonly tellsWhenTaken: boolean;

  /** Finished pieces, in order, and the slabs that some of them lie in. */
  private pieces: Uint8Array[] | undefined;
  private slabs: Slab[] | undefined;
  /** The range being filled, the last piece to be. */
  private slab: Slab | undefined;
  private rangeStart = 0;
  private rangeEnd = 0;
  /** Frames that others get as well, the last piece to be while no range is being filled. */
  private shared: SharedFrames | undefined;
  /** Memory of long pieces, to be used again when the network has taken them. */
  private lent: Uint8Array[] | undefined;
  private callbacks: WriteCallback[] | undefined;
  /** Bytes that have not been written, frame headers included. */
  unwrittenBytes = 0;
  /** The application's bytes among them. Whoever sends a compressed frame adds what compressing took off. */
  unwrittenDataBytes = 0;
  /** Set when some of it may be dropped. */
  private kept: Kept | undefined;
  /** While a chunk is being handled, frames wait for the `flush` at its end. */
  isHeld = false;
  private isScheduled = false;
  private hasEnded = false;
  /** Whether the beginning of the frame at hand has been written. */
  private isFrameBegun = false;

  /** Frames that the socket gets once the network has taken what it has, behind which all others have to wait. */
  private waiting: WaitingFrames | undefined;
  /** With so many unwritten bytes or more, what waits may be as much as the owner wants to know of. */
  attentionBytes = 0;
  private writtenBytes = 0;
  /** What the network had not taken at once, oldest first. */
  private firstUntaken: Writing | undefined;
  private lastUntaken: Writing | undefined;
  private untakenDataBytes = 0;
  /** The application's bytes that the network has taken in the turn of that number. */
  private takenDataBytes = 0;
  private takenTurn = 0;

  constructor(socket: Duplex, role: Role, nextKey = nextMaskingKey) {
    this.socket = socket;
    this.masks = role === 'client';
    this.nextKey = nextKey;
    this.tellsWhenTaken = isPlainSocket(socket);
  }

  /**
   * Payload bytes of data frames that the network has not taken. Those written in this turn of the event loop count as
   * well: what was sent is seen until the turn ends.
   */
  get bufferedBytes(): number {
    this.forgetTaken();
    const untakenBytes = this.socket.destroyed ? 0 : (this.waiting?.dataBytes ?? 0) + this.untakenDataBytes;
    const takenBytes = this.takenTurn === turn ? this.takenDataBytes : 0;
    return this.unwrittenDataBytes + untakenBytes + takenBytes;
  }

  /** Bytes that have not been handed to the socket, frame headers included. */
  get pendingBytes(): number {
    return this.unwrittenBytes + (this.waiting?.lengthBytes ?? 0);
  }

  writeFrame(firstByte: number, payload: Uint8Array | string): void {
    if (this.hasEnded) return;
    if ((firstByte & CONTROL_BIT) !== 0 && this.mustWait) {
      this.writeWaiting(firstByte, payload as Uint8Array);
      return;
    }
    let payloadLength: number;
    if (typeof payload === 'string') {
      payloadLength = this.writeText(firstByte, payload);
    } else {
      payloadLength = payload.length;
      if (payloadLength > LONG_PAYLOAD_BYTES) {
        this.writeLong(firstByte, payload);
      } else {
        const slab = this.rangeWithRoom(MAX_HEADER_BYTES + payloadLength);
        const { bytes, chunk } = slab;
        const maskingKey = this.masks ? this.nextKey() : undefined;
        const start = writeFrameHeader(bytes, this.rangeEnd, firstByte, payloadLength, maskingKey);
        const end = start + payloadLength;
        if (maskingKey === undefined) bytes.set(payload, start);
        else copyMasked(payload, chunk, start, maskingKey);
        this.unwrittenBytes += end - this.rangeEnd;
        this.rangeEnd = end;
        slab.used = end;
      }
    }
    if ((firstByte & OPCODE_BITS) < Opcode.Close) {
      this.unwrittenDataBytes += payloadLength;
      if (!isTurnNoted) noteTurn();
    }
    if (!this.isHeld) this.schedule();
  }

  /** Masks what `write` writes when the role would not, and the other way round: for programs that test peers. */
  maskOtherwise(write: () => void): void {
    this.masks = !this.masks;
    try {
      write();
    } finally {
      this.masks = !this.masks;
    }
  }

  /** Takes a frame that somebody has encoded already, masking included, in any number of parts. */
  writeEncoded(parts: readonly Uint8Array[]): void {
    if (this.hasEnded) return;
    for (const part of parts) {
      this.copyLong(part, undefined);
      this.unwrittenDataBytes += part.length;
    }
    if (!isTurnNoted) noteTurn();
    if (!this.isHeld) this.schedule();
  }

  /** Takes a frame that other connections get as well, and that nobody changes any more. */
  writeShared(frame: Uint8Array, dataBytes: number): void {
    if (this.hasEnded) return;
    const { shared } = this;
    if (this.slab !== undefined || (shared !== undefined && shared.lengthBytes + frame.length > MAX_SHARED_BYTES)) {
      this.seal();
    }
    this.shared = (this.shared ?? noFrames()).with(frame);
    this.unwrittenBytes += frame.length;
    this.unwrittenDataBytes += dataBytes;
    if (!isTurnNoted) noteTurn();
    if (!this.isHeld) this.schedule();
  }

  /** Changes whenever the network takes some bytes. */
  get takenBytes(): number {
    return (this.writtenBytes - this.socket.writableLength + progressOf(this.socket)) | 0;
  }

  /**
   * Takes a frame that nobody changes any more and writes it at once, unless something stands before it that the network
   * does not take.
   * @returns whether it has left
   */
  writeNow(frame: Uint8Array): boolean {
    if (this.unwrittenBytes > 0) this.flush();
    if (this.hasEnded || this.isHeld || this.mustWait || this.socket.writableLength > 0) return false;
    this.writtenBytes += frame.length;
    try {
      this.socket.write(frame);
    } catch (error) {
      this.socket.destroy(error as Error);
    }
    return true;
  }

  /**
   * Calls back when the network has taken the frame just given, or the stream says so. Otherwise it is called with the
   * reason why that is not known.
   */
  whenWritten(callback: WriteCallback): void {
    this.callbacks ??= [];
    this.callbacks.push(callback);
  }

  /** As `whenWritten`, for a ping or a pong. */
  whenControlWritten(callback: WriteCallback): void {
    const run = this.waiting?.lastControls;
    if (run === undefined) {
      this.whenWritten(callback);
      return;
    }
    this.waiting!.addCallbacks(run, [callback]);
  }

  /** What follows may be dropped until it is written. */
  mayDrop(): void {
    if (this.kept !== undefined) return;
    this.seal();
    const { pieces = [], callbacks = [], unwrittenBytes, unwrittenDataBytes } = this;
    this.kept = { pieces: pieces.length, callbacks: callbacks.length, unwrittenBytes, unwrittenDataBytes };
  }

  /** Drops what may be. @returns the callbacks of that */
  drop(): readonly WriteCallback[] {
    const { kept, callbacks, slabs } = this;
    if (kept === undefined) return NO_CALLBACKS;
    this.seal();
    this.kept = undefined;
    this.pieces?.splice(kept.pieces);
    this.unwrittenBytes = kept.unwrittenBytes;
    this.unwrittenDataBytes = kept.unwrittenDataBytes;
    if (this.unwrittenBytes === 0 && slabs !== undefined) {
      this.slabs = undefined;
      for (const slab of slabs) slab.giveBack(true);
    }
    return callbacks?.splice(kept.callbacks) ?? [];
  }

  /** The frame just given is complete, its callback with it: from `LARGE_WRITE_BYTES` on, it need not wait. */
  flushEarly(): void {
    if (!this.isHeld || !this.isTaking) outsideAnyContext(flushNow, this);
  }

  /** As `flushEarly`, for frames that others get as well: while the network takes them they stay together. */
  flushShared(): void {
    if (!this.isTaking) this.flushEarly();
  }

  /**
   * Writes what is there, unless it has to wait.
   * @param isMidFrame a frame is being put together. The owner is not told then, as it may send another.
   */
  flush(isMidFrame = false): void {
    if (this.unwrittenBytes === 0) return;
    if (!this.isFrameBegun && (this.waiting !== undefined || this.lastUntaken !== undefined) && this.mustWait) {
      this.wait();
      this.owner.backlogGrew();
      return;
    }
    this.isFrameBegun = isMidFrame;
    const isAwaited = !isMidFrame && this.owner.connection.isAwaitingFlush;
    const isNoticed = this.unwrittenBytes >= this.attentionBytes;
    this.seal();
    if (this.pieces!.length > 1 && this.unwrittenBytes <= LONG_PAYLOAD_BYTES) {
      this.join();
      this.seal();
    }
    const isTaken = this.write(isAwaited || isNoticed, false, turn);
    if (isNoticed && !isMidFrame) this.owner.backlogGrew();
    if (isTaken && isAwaited && this.tellsWhenTaken) this.owner.connection.flushed();
  }

  /**
   * Gives the pieces to the socket.
   * @param isAwaited whether to hear of it when nobody else does
   * @param isAhead whether they are pings and pongs that go ahead
   * @param sentIn the turn in which the last of it was sent
   * @returns whether the stream has taken it at once
   */
  private write(isAwaited: boolean, isAhead: boolean, sentIn: number): boolean {
    const { socket, slabs, unwrittenDataBytes: dataBytes } = this;
    const pieces = this.pieces!;
    this.pieces = undefined;
    this.slabs = undefined;
    this.writtenBytes += this.unwrittenBytes;
    // What the application has made them from is new as well.
    noteAllocation(this.unwrittenBytes);
    this.unwrittenBytes = 0;
    this.unwrittenDataBytes = 0;
    this.kept = undefined;
    // One callback of the socket stands for all of them. There is none when nobody waits.
    const isHeardOf = isAwaited || this.callbacks !== undefined || this.lent !== undefined;
    let writing = isHeardOf ? this.takeWriting(dataBytes, true, isAhead, sentIn) : undefined;
    const onWritten = writing && this.settler(writing);
    const canTake = !socket.destroyed;
    let fault: Error | undefined;
    try {
      if (pieces.length === 1) socket.write(pieces[0]!, onWritten);
      else writeAll(socket, pieces, onWritten);
    } catch (error) {
      // A stream that the application made may throw. The other batches of this tick must not suffer for it.
      fault = error as Error;
    }
    const isEmpty = socket.writableLength === 0;
    // A socket with an error has not taken what it does not hold.
    const isTaken = canTake && isEmpty && fault === undefined && !socket.errored;
    if (slabs !== undefined) for (const slab of slabs) slab.giveBack(this.tellsWhenTaken && isEmpty);
    if (isTaken) {
      this.countTaken(dataBytes, sentIn);
      if (writing !== undefined) {
        writing.isTaken = true;
        if (this.tellsWhenTaken) giveBackLent(writing);
      }
    } else if (canTake) {
      writing ??= this.takeWriting(dataBytes, false, isAhead, sentIn);
      this.addUntaken(writing);
    }
    if (!isEmpty) this.measure();
    if (fault !== undefined) {
      // Such a stream may never call back.
      if (onWritten !== undefined) process.nextTick(onWritten, fault);
      socket.destroy(fault);
    }
    return isTaken;
  }

  flushAsScheduled(): void {
    this.isScheduled = false;
    this.flush();
  }

  nextTurn(action: () => void): void {
    setImmediate(handleFor, this.owner, action);
  }

  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.flush();
    // Otherwise when what waits has been handed over.
    if (this.waiting === undefined) this.socket.end();
  }

  /** The stream is closed: whoever still waits for it is told. */
  socketClosed(): void {
    for (let writing = this.firstUntaken; writing !== undefined; writing = writing.next) this.settle(writing);
    const callbacks = this.waiting?.drop(false) ?? [];
    this.waiting = undefined;
    for (const callback of callbacks) callback(cutOffError());
  }

  // ---- What waits for the network -------------------------------------------------------------------------------

  /** Whether the socket is to get nothing more before the network has taken some. The stream will tell when it has. */
  private get isSocketFull(): boolean {
    const { lastUntaken, socket } = this;
    if (lastUntaken === undefined || !lastUntaken.isHeardOf || lastUntaken.isSettled) return false;
    return socket.writableLength >= HAND_OVER_BYTES && !socket.destroyed;
  }

  /** Whether a frame that begins now has to wait. */
  private get mustWait(): boolean {
    return this.waiting !== undefined || this.isSocketFull;
  }

  /** Puts what is there behind what waits. */
  private wait(): void {
    this.waiting ??= new WaitingFrames();
    if (this.pieces !== undefined && this.unwrittenBytes <= LONG_PAYLOAD_BYTES) {
      this.seal();
      this.join();
    }
    const { waiting, pieces = [], slabs, slab, shared, callbacks, lent } = this;
    const run = waiting.runFor('data', turn);
    for (const piece of pieces) {
      if (slabs === undefined) waiting.add(run, piece);
      else waiting.copy(run, piece);
    }
    // Short frames would keep more alive than they are long.
    if (shared !== undefined) {
      if (shared.lengthBytes > MAX_COPIED_BYTES) waiting.add(run, shared.bytes);
      else waiting.copy(run, shared.bytes);
    }
    if (slab !== undefined) waiting.copy(run, slab.bytes.subarray(this.rangeStart, this.rangeEnd));
    for (const used of [...(slabs ?? []), slab]) used?.giveBack(true);
    waiting.addData(run, this.unwrittenDataBytes);
    if (callbacks !== undefined) waiting.addCallbacks(run, callbacks);
    if (lent !== undefined) run.lent = run.lent === undefined ? lent : [...run.lent, ...lent];
    this.pieces = undefined;
    this.slabs = undefined;
    this.slab = undefined;
    this.shared = undefined;
    this.callbacks = undefined;
    this.lent = undefined;
    this.kept = undefined;
    this.unwrittenBytes = 0;
    this.unwrittenDataBytes = 0;
    this.measure();
  }

  /** Encodes a control frame while others wait: a Close frame behind all of them, a ping or a pong behind its like. */
  private writeWaiting(firstByte: number, payload: Uint8Array): void {
    // What was sent before a Close frame leaves before it.
    this.flush();
    this.waiting ??= new WaitingFrames();
    const run = this.waiting.runFor((firstByte & OPCODE_BITS) === Opcode.Close ? 'close' : 'control', turn);
    this.waiting.copy(run, encodeFrame(firstByte, payload, this.masks ? this.nextKey() : undefined));
  }

  /** Gives the socket what waits, as far as it is to have it. */
  private handOver(): void {
    if (this.waiting === undefined || this.socket.destroyed) return;
    while (this.waiting !== undefined && !this.isSocketFull) {
      if (this.unwrittenBytes > 0) this.wait();
      const run = this.waiting.take()!;
      if (this.waiting.isEmpty) this.waiting = undefined;
      this.pieces = run.pieces;
      this.callbacks = run.callbacks;
      this.lent = run.lent;
      this.unwrittenBytes = run.lengthBytes;
      this.unwrittenDataBytes = run.dataBytes;
      this.write(true, run.kind === 'control', run.turn);
    }
    if (this.hasEnded && this.waiting === undefined) this.socket.end();
  }

  /** Drops the frames that have to wait, but for a Close frame. @param error why, for their callbacks */
  dropBacklog(error: Error = cutOffError()): void {
    if (!this.mustWait) return;
    this.flush();
    const { waiting } = this;
    if (waiting === undefined) return;
    for (const callback of waiting.drop(true)) process.nextTick(callback, error);
    if (waiting.isEmpty) this.waiting = undefined;
    this.measure();
  }

  /** What all costs that the network has not taken, in bytes as it lies in memory. */
  get cost(): number {
    return this.unwrittenBytes + (this.waiting?.cost ?? 0) + this.socket.writableLength;
  }

  /** Looks again at how much waits. */
  measure(): void {
    this.attentionBytes = this.owner.noticeBytes - (this.cost - this.unwrittenBytes);
  }

  /** Whether what is written now goes to the network at once. */
  private get isTaking(): boolean {
    return this.tellsWhenTaken && this.waiting === undefined && this.socket.writableLength === 0;
  }

  /**
   * Takes a frame of text. Most text has a byte for each of its units: the header is written as if this had, and again if it
   * has not.
   * @returns the length of the payload, in bytes
   */
  private writeText(firstByte: number, text: string): number {
    const maskingKey = this.masks ? this.nextKey() : undefined;
    const units = text.length;
    if (units > LONG_PAYLOAD_BYTES) return this.writeLongText(firstByte, text, maskingKey);
    const slab = this.rangeWithRoom(MAX_HEADER_BYTES + MAX_BYTES_OF_UNIT * units);
    const { bytes, chunk } = slab;
    const at = this.rangeEnd;
    let start = writeFrameHeader(bytes, at, firstByte, units, maskingKey);
    const payloadLength = bytes.write(text, start, MAX_BYTES_OF_UNIT * units);
    if (payloadLength !== units) {
      const from = start;
      start = at + frameHeaderLength(payloadLength, this.masks);
      if (start !== from) bytes.copyWithin(start, from, from + payloadLength);
      writeFrameHeader(bytes, at, firstByte, payloadLength, maskingKey);
    }
    const end = start + payloadLength;
    if (maskingKey !== undefined) unmask(chunk, start, end, maskingKey, 0);
    this.unwrittenBytes += end - at;
    this.rangeEnd = end;
    slab.used = end;
    return payloadLength;
  }

  /** The same, in memory of its own. */
  private writeLongText(firstByte: number, text: string, maskingKey: number | undefined): number {
    let payloadLength = text.length;
    let memory = this.encode(text, payloadLength);
    if (memory === undefined) {
      payloadLength = Buffer.byteLength(text);
      memory = this.encode(text, payloadLength)!;
    }
    const start = MAX_HEADER_BYTES - frameHeaderLength(payloadLength, this.masks);
    const end = MAX_HEADER_BYTES + payloadLength;
    writeFrameHeader(memory, start, firstByte, payloadLength, maskingKey);
    if (maskingKey !== undefined) unmask(new Chunk(memory), MAX_HEADER_BYTES, end, maskingKey, 0);
    this.add(viewOf(memory, start, end), undefined);
    return payloadLength;
  }

  /** Text behind room for a header. @returns undefined when it has more bytes than said, which fills the room behind it */
  private encode(text: string, payloadLength: number): Buffer | undefined {
    const roomBytes = payloadLength + ROOM_FOR_MORE_BYTES;
    const memory = this.allocate(MAX_HEADER_BYTES + roomBytes, MAX_LENT_TEXT_BYTES);
    return memory.write(text, MAX_HEADER_BYTES, roomBytes) === payloadLength ? memory : undefined;
  }

  /** Takes a frame whose payload is too long to lie behind its header. */
  private writeLong(firstByte: number, payload: Uint8Array): void {
    const maskingKey = this.masks ? this.nextKey() : undefined;
    // Room for a good piece of the payload as well, so that the header does not leave alone.
    const { bytes } = this.rangeWithRoom(MAX_HEADER_BYTES + LONG_PAYLOAD_BYTES);
    this.growRange(writeFrameHeader(bytes, this.rangeEnd, firstByte, payload.length, maskingKey) - this.rangeEnd);
    this.copyLong(payload, maskingKey);
  }

  /** Memory of a long piece, which is used again if it is not longer than `maxLentBytes`. */
  private allocate(lengthBytes: number, maxLentBytes: number): Buffer {
    // Other streams may hand it on to somebody who keeps it.
    if (!this.tellsWhenTaken || lengthBytes > maxLentBytes) return allocateOwn(lengthBytes);
    const memory = allocateReusable(lengthBytes);
    this.lent ??= [];
    this.lent.push(memory);
    return memory;
  }

  /** Bytes that nobody else changes any more, as they lie. */
  private add(bytes: Uint8Array, maskingKey: number | undefined): void {
    if (maskingKey !== undefined) copyMasked(bytes, new Chunk(bytes), 0, maskingKey);
    this.seal();
    this.pieces ??= [];
    this.pieces.push(bytes);
    this.unwrittenBytes += bytes.length;
  }

  /** Copies bytes, masked where there is a key, piece by piece. The caller cannot change the copy (§10.3). */
  private copyLong(source: Uint8Array, maskingKey: number | undefined): void {
    if (source.length > SLAB_BYTES) {
      this.copyLarge(source, maskingKey);
      return;
    }
    for (let at = 0; at < source.length; ) {
      const { bytes, chunk } = this.rangeWithRoom(Math.min(source.length - at, LONG_PAYLOAD_BYTES));
      if (!this.isTaking && source.length - at > LONG_PAYLOAD_BYTES) {
        const rest = Buffer.from(viewOf(source, at, source.length));
        // The whole key fits every piece, whose lengths are multiples of four.
        this.add(rest, maskingKey);
        return;
      }
      const roomBytes = SLAB_BYTES - this.rangeEnd;
      const length = source.length - at <= roomBytes ? source.length - at : roomBytes & ~3;
      const piece = length === source.length ? source : viewOf(source, at, at + length);
      if (maskingKey === undefined) bytes.set(piece, this.rangeEnd);
      else copyMasked(piece, chunk, this.rangeEnd, maskingKey);
      this.growRange(length);
      at += length;
    }
  }

  /** Does the same with few writes, each of as much as the network takes at once. */
  private copyLarge(source: Uint8Array, maskingKey: number | undefined): void {
    for (let at = 0; at < source.length; ) {
      const length = this.isTaking ? Math.min(source.length - at, LARGE_PIECE_BYTES) : source.length - at;
      const memory = this.allocate(length, LARGE_PIECE_BYTES);
      const piece = viewOf(source, at, at + length);
      if (maskingKey === undefined) memory.set(piece);
      else copyMasked(piece, new Chunk(memory), 0, maskingKey);
      this.add(memory.length === length ? memory : viewOf(memory, 0, length), undefined);
      at += length;
      if (at < source.length && this.isTaking) this.flush(true);
    }
  }

  /** Makes sure that the range being filled can grow by so many bytes. @returns where it lies */
  private rangeWithRoom(lengthBytes: number): Slab {
    const { slab, rangeEnd } = this;
    // Another connection may have written behind this range meanwhile.
    if (slab !== undefined && slab.used === rangeEnd && rangeEnd + lengthBytes <= SLAB_BYTES) return slab;
    if (slab !== undefined || this.unwrittenBytes > 0) {
      // A full slab is written now, and can be filled again at once unless others have something in it.
      if (this.unwrittenBytes > 0 && !hasRoom(lengthBytes) && this.isTaking) this.flush(true);
      this.seal();
    }
    const next = slabWithRoom(lengthBytes);
    next.lentRanges++;
    this.slab = next;
    this.rangeStart = next.used;
    this.rangeEnd = next.used;
    return next;
  }

  private growRange(lengthBytes: number): void {
    this.rangeEnd += lengthBytes;
    this.slab!.used = this.rangeEnd;
    this.unwrittenBytes += lengthBytes;
  }

  /**
   * Makes a piece of the range being filled, or of the shared frames. A socket that may keep the bytes of a range gets a
   * copy, so that it never keeps a whole slab.
   */
  private seal(): void {
    const { slab, shared } = this;
    if (slab === undefined && shared === undefined) return;
    this.pieces ??= [];
    if (shared !== undefined) {
      this.shared = undefined;
      this.pieces.push(shared.bytes);
    }
    if (slab === undefined) return;
    this.slab = undefined;
    const isEmpty = this.rangeStart === this.rangeEnd;
    const range = slab.bytes.subarray(this.rangeStart, this.rangeEnd);
    if (!isEmpty && this.isTaking) {
      this.pieces.push(range);
      this.slabs ??= [];
      this.slabs.push(slab);
      return;
    }
    if (!isEmpty) this.pieces.push(Buffer.from(range));
    slab.giveBack(true);
  }

  /** Joins small pieces. They lie apart when other connections have sent in between, as in a broadcast. */
  private join(): void {
    const { pieces, slabs = [], unwrittenBytes } = this;
    this.pieces = undefined;
    this.slabs = undefined;
    this.unwrittenBytes = 0;
    const { bytes } = this.rangeWithRoom(unwrittenBytes);
    for (const piece of pieces!) {
      bytes.set(piece, this.rangeEnd);
      this.growRange(piece.length);
    }
    for (const slab of slabs) slab.giveBack(true);
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    if (scheduled.push(this) === 1) process.nextTick(outsideAnyContext, flushScheduled);
  }

  private takeWriting(dataBytes: number, isHeardOf: boolean, isAhead: boolean, sentIn: number): Writing {
    const { callbacks, lent, writtenBytes: end } = this;
    this.callbacks = undefined;
    this.lent = undefined;
    return {
      callbacks,
      lent,
      dataBytes,
      end,
      turn: sentIn,
      isHeardOf,
      isAhead,
      wasOpen: !this.socket.destroyed,
      isTaken: false,
      isSettled: false,
      next: undefined,
    };
  }

  private settler(writing: Writing): WriteCallback {
    return (error) => this.settle(writing, error);
  }

  /** Tells everybody who waits for it, once. */
  private settle(writing: Writing, error?: Error | null): void {
    if (writing.isSettled) return;
    writing.isSettled = true;
    const outcome = writing.isTaken ? undefined : this.outcomeOf(writing, error);
    if (outcome === undefined) giveBackLent(writing);
    if (writing.callbacks !== undefined) {
      // What somebody has been told to be taken is not buffered any more, though the turn has not ended.
      if (outcome === undefined) this.takenDataBytes = 0;
      for (const callback of writing.callbacks) callback(outcome);
    }
    this.handOver();
    const isEmpty = this.pendingBytes === 0 && this.socket.writableLength === 0;
    const areAllAhead = writing.isAhead && outcome === undefined && this.waiting?.lastControls === undefined;
    if (isEmpty || areAllAhead) this.owner.connection.flushed();
    this.owner.backlogShrank();
    this.measure();
  }

  /** A net.Socket that is destroyed in the middle of a write says that it went well (Node 20). */
  private outcomeOf({ wasOpen }: Writing, error: (Error & { readonly code?: string }) | null | undefined) {
    const isOvertaken = error ? error.code === DESTROYED && wasOpen : this.socket.destroyed;
    if (!isOvertaken) return error ?? undefined;
    return cutOffError();
  }

  private addUntaken(writing: Writing): void {
    if (this.lastUntaken === undefined) this.firstUntaken = writing;
    else this.lastUntaken.next = writing;
    this.lastUntaken = writing;
    this.untakenDataBytes += writing.dataBytes;
    this.forgetTaken();
  }

  /** A stream that is destroyed counts what it drops as well. */
  private forgetTaken(): void {
    if (this.firstUntaken === undefined || this.socket.destroyed) return;
    const takenBytes = this.writtenBytes - this.socket.writableLength;
    let writing: Writing | undefined = this.firstUntaken;
    for (; writing !== undefined && writing.end <= takenBytes; writing = writing.next) {
      this.untakenDataBytes -= writing.dataBytes;
      this.countTaken(writing.dataBytes, writing.turn);
    }
    this.firstUntaken = writing;
    if (writing === undefined) this.lastUntaken = undefined;
  }

  private countTaken(dataBytes: number, writtenIn: number): void {
    if (writtenIn !== turn) return;
    if (this.takenTurn !== turn) {
      this.takenTurn = turn;
      this.takenDataBytes = 0;
    }
    this.takenDataBytes += dataBytes;
  }
}

/** How far a write is that is under way: a long one takes its time, and all of it is `writableLength` until it ends. */
function progressOf(socket: Duplex): number {
  const { _handle: handle, session } = socket as ProgressingStream;
  if (session?.destroyed === false) return session.socket.bytesWritten;
  // That of TLS holds all until all has left.
  return -((handle?._parent ?? handle)?.writeQueueSize ?? 0);
}

function giveBackLent(writing: Writing): void {
  if (writing.lent === undefined) return;
  for (const memory of writing.lent) recycle(memory);
  writing.lent = undefined;
}

function writeAll(socket: Duplex, pieces: readonly Uint8Array[], onWritten: WriteCallback | undefined): void {
  socket.cork();
  for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i]!);
  socket.write(pieces.at(-1)!, onWritten);
  socket.uncork();
}
