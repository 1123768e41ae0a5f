/**
 * The last steps of sending (§6.1): masks what a client sends, and collects a connection's outgoing frames so that they
 * leave in one write: those sent while a chunk is being handled at its end, those sent elsewhere at the end of the tick.
 * A string becomes UTF-8 here (§5.6); bytes are not looked at. Small payloads are copied behind their headers into a
 * shared slab; large ones are written from where they lie.
 */

// Imported since the global one is looked up anew at every use.
import { Buffer } from 'node:buffer';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type FrameOutput, frameHeaderLength, type Role, writeFrameHeader } from '../protocol/index.ts';
import { copyMasked, unmask } from './mask-kernel.ts';
import { nextMaskingKey } from './masking-key.ts';
import { isReused, keepBytes } from './message-memory.ts';
import { noFrames, type SharedFrames } from './shared-frames.ts';
import { SLAB_BYTES, type Slab, slabWithRoom } from './slab.ts';

export type WriteCallback = (error?: Error | null) => void;

/** Up to here a payload is copied beside its header; from here on the copy costs more than a second buffer to write. */
export const COPY_LIMIT_BYTES = 16_384;

/** Up to here frames that many connections get are put together for all of them. */
const MAX_SHARED_BYTES = 131_072;

/** What a batch tells its connection. */
export interface WriteBatchOwner {
  /** Whether `flushed` is waited for. */
  readonly isAwaitingFlush: boolean;
  flushed(): void;
}

/** Batches with something to write at the end of the tick. */
let scheduled: WriteBatch[] = [];

function flushScheduled(): void {
  const batches = scheduled;
  scheduled = [];
  for (const batch of batches) batch.flush();
}

export class WriteBatch implements FrameOutput {
  private readonly socket: Duplex;
  /** §5.1: a client masks every frame, Close frames (§5.5.1) included; a server none. */
  private readonly masks: boolean;
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
  private callbacks: WriteCallback[] | undefined;
  private pendingBytes = 0;
  private isHeld = false;
  private isScheduled = false;
  private hasEnded = false;

  constructor(socket: Duplex, role: Role, nextKey = nextMaskingKey) {
    this.socket = socket;
    this.masks = role === 'client';
    this.nextKey = nextKey;
    this.tellsWhenTaken = socket.constructor === Socket;
  }

  /** Bytes sent and not yet taken by the network, frame headers included. */
  get bufferedBytes(): number {
    return this.pendingBytes + this.socket.writableLength;
  }

  /** Until `release`, frames wait: a chunk is being handled. */
  hold(): void {
    this.isHeld = true;
  }

  release(): void {
    this.isHeld = false;
    if (this.pendingBytes > 0) this.flush();
  }

  writeFrame(firstByte: number, given: Uint8Array | string): void {
    if (this.hasEnded) return;
    // Long text is going to be bytes anyway: its length need not be counted first.
    const payload = typeof given === 'string' && given.length > COPY_LIMIT_BYTES ? Buffer.from(given) : given;
    const payloadLength = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
    const frameBytes = frameHeaderLength(payloadLength, this.masks) + payloadLength;
    if (payloadLength <= COPY_LIMIT_BYTES || (frameBytes <= SLAB_BYTES && hasToBeCopied(payload))) {
      this.copyFrame(firstByte, payload, payloadLength, frameBytes);
    } else {
      this.queueFrame(firstByte, typeof payload === 'string' ? Buffer.from(payload) : payload);
    }
    this.pendingBytes += frameBytes;
    if (!this.isHeld) this.schedule();
  }

  /** Takes a frame that somebody has encoded already, masking included, in any number of parts. */
  writeEncoded(parts: readonly Uint8Array[]): void {
    if (this.hasEnded) return;
    for (const part of parts) {
      if (part.length <= COPY_LIMIT_BYTES) {
        const { bytes } = this.extendRange(part.length);
        bytes.set(part, this.rangeEnd);
        this.rangeEnd += part.length;
        this.slab!.used = this.rangeEnd;
      } else {
        this.seal();
        this.add(keepBytes(part));
      }
      this.pendingBytes += part.length;
    }
    if (!this.isHeld) this.schedule();
  }

  /** Takes a frame that other connections get as well, and that nobody changes any more. */
  writeShared(frame: Uint8Array): void {
    if (this.hasEnded) return;
    const { shared } = this;
    if (this.slab !== undefined || (shared !== undefined && shared.lengthBytes + frame.length > MAX_SHARED_BYTES)) {
      this.seal();
    }
    this.shared = (this.shared ?? noFrames()).with(frame);
    this.pendingBytes += frame.length;
    if (!this.isHeld) this.schedule();
  }

  /** Calls back when the frame just given has been written, or could not be. */
  whenWritten(callback: WriteCallback): void {
    this.callbacks ??= [];
    this.callbacks.push(callback);
  }

  flush(): void {
    this.isScheduled = false;
    if (this.pendingBytes === 0) return;
    this.seal();
    if (this.pieces!.length > 1 && this.pendingBytes <= COPY_LIMIT_BYTES) this.join();
    const { socket } = this;
    const { pieces, slabs } = this.takePieces();
    this.pendingBytes = 0;
    const onWritten = this.takeCallback();
    try {
      if (pieces.length === 1) socket.write(pieces[0]!, onWritten);
      else writeAll(socket, pieces, onWritten);
    } catch (error) {
      // A stream of the application's own making may throw; the other batches of this tick are not to suffer for it.
      socket.destroy(error as Error);
    }
    const isTaken = this.tellsWhenTaken && socket.writableLength === 0;
    if (slabs !== undefined) for (const slab of slabs) slab.giveBack(isTaken);
    if (isTaken) this.owner.flushed();
  }

  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.flush();
    this.socket.end();
  }

  /** Header and payload, one behind the other, at the end of the range being filled. */
  private copyFrame(firstByte: number, payload: Uint8Array | string, payloadLength: number, frameBytes: number): void {
    const { bytes, words } = this.extendRange(frameBytes);
    const maskingKey = this.masks ? this.nextKey() : undefined;
    const payloadStart = writeFrameHeader(bytes, this.rangeEnd, firstByte, payloadLength, maskingKey);
    const frameEnd = this.rangeEnd + frameBytes;
    if (typeof payload === 'string') {
      // As many bytes as characters: ASCII, which latin1 writes faster.
      bytes.write(payload, payloadStart, payloadLength, payloadLength === payload.length ? 'latin1' : 'utf8');
      if (maskingKey !== undefined) unmask(bytes, payloadStart, frameEnd, maskingKey, 0, words, 0);
    } else if (maskingKey === undefined) {
      bytes.set(payload, payloadStart);
    } else {
      copyMasked(payload, bytes, payloadStart, maskingKey, words);
    }
    this.rangeEnd = frameEnd;
    this.slab!.used = frameEnd;
  }

  /**
   * The header alone in the slab, the payload as it lies; or as a masked copy, which the caller cannot change any more
   * (§10.3).
   */
  private queueFrame(firstByte: number, payload: Uint8Array): void {
    const maskingKey = this.masks ? this.nextKey() : undefined;
    const { bytes } = this.extendRange(frameHeaderLength(payload.length, this.masks));
    this.rangeEnd = writeFrameHeader(bytes, this.rangeEnd, firstByte, payload.length, maskingKey);
    this.slab!.used = this.rangeEnd;
    this.seal();
    if (maskingKey === undefined) {
      this.add(keepBytes(payload));
      return;
    }
    const masked = Buffer.allocUnsafe(payload.length);
    copyMasked(payload, masked, 0, maskingKey);
    this.add(masked);
  }

  /** Makes sure that the range being filled can grow by so many bytes. */
  private extendRange(lengthBytes: number): Slab {
    const slab = slabWithRoom(lengthBytes);
    // Another connection may have written behind this range meanwhile.
    if (this.slab === slab && slab.used === this.rangeEnd) return slab;
    this.seal();
    slab.lend();
    this.slab = slab;
    this.rangeStart = slab.used;
    this.rangeEnd = slab.used;
    return slab;
  }

  /**
   * Makes a piece of the range being filled, or of the shared frames. A socket that may keep the bytes of a range gets its
   * own, so that it never keeps a whole slab.
   */
  private seal(): void {
    const { slab, shared } = this;
    if (shared !== undefined) {
      this.shared = undefined;
      this.add(shared.bytes);
    }
    if (slab === undefined) return;
    this.slab = undefined;
    const range = slab.bytes.subarray(this.rangeStart, this.rangeEnd);
    if (this.tellsWhenTaken && this.socket.writableLength === 0) {
      this.add(range);
      this.slabs ??= [];
      this.slabs.push(slab);
    } else {
      this.add(Buffer.from(range));
      slab.giveBack(true);
    }
  }

  /** Makes one of small pieces that lie apart since other connections sent in between, as in a broadcast. */
  private join(): void {
    const { pieces, slabs } = this.takePieces();
    const { bytes } = this.extendRange(this.pendingBytes);
    for (const piece of pieces) {
      bytes.set(piece, this.rangeEnd);
      this.rangeEnd += piece.length;
    }
    this.slab!.used = this.rangeEnd;
    if (slabs !== undefined) for (const slab of slabs) slab.giveBack(true);
    this.seal();
  }

  private add(piece: Uint8Array): void {
    this.pieces ??= [];
    this.pieces.push(piece);
  }

  private takePieces(): { pieces: readonly Uint8Array[]; slabs: readonly Slab[] | undefined } {
    const { pieces = [], slabs } = this;
    this.pieces = undefined;
    this.slabs = undefined;
    return { pieces, slabs };
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    if (scheduled.push(this) === 1) process.nextTick(flushScheduled);
  }

  /** One callback for the socket that stands for all of them; none when nobody waits. */
  private takeCallback(): WriteCallback | undefined {
    const callbacks = this.callbacks;
    const { owner } = this;
    if (callbacks === undefined && !owner.isAwaitingFlush) return undefined;
    this.callbacks = undefined;
    return (error) => {
      for (const callback of callbacks ?? []) callback(error);
      if (this.bufferedBytes === 0) owner.flushed();
    };
  }
}

/** Whether a long payload cannot be written from where it lies. */
function hasToBeCopied(payload: Uint8Array | string): boolean {
  return typeof payload !== 'string' && isReused(payload);
}

function writeAll(socket: Duplex, pieces: readonly Uint8Array[], onWritten: WriteCallback | undefined): void {
  socket.cork();
  for (let i = 0; i < pieces.length - 1; i++) socket.write(pieces[i]!);
  socket.write(pieces.at(-1)!, onWritten);
  socket.uncork();
}
