/**
 * Compression and decompression of messages (RFC 7692 §7.2.1, RFC 7692 §7.2.2): payloads in, payloads out, in order. A
 * small one is done within the call, a large one off the main thread. One is done at a time; those that come meanwhile
 * wait here. Refuses to know frames, and whether a message is worth compressing.
 */

import { allocateReusable, recycle } from '../memory/message-memory.ts';
import { ownCopyOf, viewOf } from '../memory/view.ts';
import { inCallersContext } from './async-context.ts';
import { zlibGate } from './async-gate.ts';
import { type Claim, inflationRoom } from './inflation-room.ts';
import { JobQueue } from './job-queue.ts';
import { joinParts, NOTHING, type RawZlib, type RunResult, type ZlibError } from './raw-zlib.ts';
import { ZlibSource, type ZlibSourceOptions } from './zlib-source.ts';

export interface CodecOptions extends ZlibSourceOptions {
  /** Codec operations in the thread pool at a time, for the whole process: the first codec made with it decides. */
  readonly concurrencyLimit?: number | undefined;
}

/** Why a message could not be inflated. After `tooLong` and `corrupt`, every later message is `closed`. */
export type InflateFault =
  | { readonly id: 'tooLong' }
  | { readonly id: 'corrupt'; readonly error: ZlibError }
  | { readonly id: 'closed' };

/** The codec was closed before the message was through. */
export class CodecClosedError extends Error {
  constructor() {
    super('The codec was closed while data was being processed');
  }
}

/** What a sender cuts off a message's end (RFC 7692 §7.2.1) and a receiver puts back (RFC 7692 §7.2.2). */
export const TAIL = Uint8Array.of(0x00, 0x00, 0xff, 0xff);
/** A message without content, once its tail is cut off (RFC 7692 §7.2.3.6). */
const EMPTY_MESSAGE_OCTET = 0x00;

/**
 * A message may consist of many DEFLATE streams, each ended by a final block (RFC 7692 §7.2.3.4). Such a stream takes two
 * octets at least, and costs a restart, so their number has a limit.
 */
const MAX_FINAL_BLOCKS = 1000;
/** How many of them are taken in one turn of the event loop. */
const RUNS_PER_TURN = 256;

const CLOSED: InflateFault = { id: 'closed' };
const TOO_LONG: InflateFault = { id: 'tooLong' };

type InflateDone = (fault: InflateFault | undefined, output: Uint8Array, isLent: boolean) => void;

/** A message, and its claim on the room for all that is being inflated. */
interface InflateJob extends Claim {
  bytes: Uint8Array;
  offset: number;
  end: number;
  /** How much may still come out. */
  room: number;
  readonly parts: Uint8Array[];
  finalBlocks: number;
  /** Whether all has been fed but the tail; and what is left of that. */
  isAtTail: boolean;
  tail: Uint8Array;
  readonly done: InflateDone;
}

/** What is worked on in one step. */
const MAX_AT_ONCE_BYTES = 16 * 1024;
/** A message to inflate so, behind it its tail. */
const withTail = new Uint8Array(MAX_AT_ONCE_BYTES + TAIL.length);

/** With room behind a message of 128 KiB, as above that the thread pool is asked. */
const LENT_BYTES = 132 * 1024;
/** What has come of it, in memory that all codecs share: lent to one at a time, who may cause others to have something done. */
class LentOutput {
  readonly bytes = new Uint8Array(LENT_BYTES);
  isLent = false;

  lend(lengthBytes: number, take: (output: Uint8Array) => void): void {
    this.isLent = true;
    try {
      take(viewOf(this.bytes, 0, lengthBytes));
    } finally {
      this.isLent = false;
    }
  }
}

const inflated = new LentOutput();
const deflated = new LentOutput();

/** Decompresses the messages of one direction of a connection. Takes memory from the first message on. */
export class MessageInflater {
  private readonly source: ZlibSource;
  private readonly queue = new JobQueue<InflateJob>((job) => this.start(job));
  private isClosed = false;

  /** @throws {RangeError} for a window or tuning that zlib would not take */
  constructor(options: CodecOptions) {
    this.source = new ZlibSource('inflate', options);
    limitConcurrency(options);
  }

  /**
   * Inflates a whole message: the payloads of all its frames, joined, at bytes[start … end). A message cut short is not
   * noticed by zlib: it ends where its data ends.
   * @param maxBytes most that may come out; counted while inflating, so that little more than that is ever held
   * @param done called once, during this call when the message is small and nothing goes before it, or later. Its output may
   *   be lent until it returns
   * @param isLent whether the bytes can be read during this call only; otherwise they have to be left alone until `done`
   */
  inflate(bytes: Uint8Array, start: number, end: number, maxBytes: number, done: InflateDone, isLent = false): void {
    if (this.isClosed) {
      done(CLOSED, NOTHING, false);
      return;
    }
    const job = {
      bytes,
      offset: start,
      end,
      room: maxBytes,
      parts: [],
      finalBlocks: 0,
      isAtTail: false,
      tail: TAIL,
      done,
      heldBytes: 0,
      isWaiting: false,
    };
    if (!inflated.isLent && !this.queue.isBusy && start < end && this.inflateAtOnce(job)) return;
    if (isLent) {
      job.bytes = Buffer.from(bytes.subarray(job.offset, end));
      job.offset = 0;
      job.end = job.bytes.length;
    }
    this.queue.add(job);
  }

  /** Takes a short message and its tail in one step. @returns false when more are needed: the job goes on from there */
  private inflateAtOnce(job: InflateJob): boolean {
    const { bytes, offset, end, room } = job;
    const zlib = this.source.get();
    const lengthBytes = end - offset;
    if (lengthBytes > Math.min(zlib.maxSyncBytes, MAX_AT_ONCE_BYTES)) return false;
    withTail.set(bytes.subarray(offset, end));
    withTail.set(TAIL, lengthBytes);
    // One byte past the limit is room enough to know that it is passed.
    const stepRoom = Math.min(room + 1, inflated.bytes.length);
    const outputBytes = zlib.feedNow!(withTail, 0, lengthBytes + TAIL.length, inflated.bytes, stepRoom);
    if (outputBytes < 0) return false;
    const inputLeft = zlib.inputLeft!;
    if (outputBytes < stepRoom && inputLeft <= TAIL.length) {
      this.messageDone(zlib, inputLeft);
      inflated.lend(outputBytes, (output) => job.done(undefined, output, true));
      return true;
    }
    job.room -= outputBytes;
    if (outputBytes > 0) job.parts.push(ownCopyOf(inflated.bytes.subarray(0, outputBytes)));
    job.isAtTail = inputLeft <= TAIL.length;
    if (job.isAtTail) job.tail = TAIL.subarray(TAIL.length - inputLeft);
    else job.offset = end - (inputLeft - TAIL.length);
    if (outputBytes < stepRoom) {
      job.finalBlocks++;
      zlib.reset();
    }
    return false;
  }

  /** Frees the memory. What is under way or waits is told `closed` during this call. */
  close(): void {
    this.isClosed = true;
    const jobs = this.queue.takeAll();
    this.discard(jobs[0]);
    for (const { done } of jobs) done(CLOSED, NOTHING, false);
  }

  private discard(job: InflateJob | undefined): void {
    this.source.discard(job && (() => inflationRoom.release(job)));
  }

  private start(job: InflateJob): void {
    // RFC 7692 §7.2.3.6 asks for one octet of an empty message. Some peers send none, as a zlib flush with nothing new
    // gives none. The context stays as it is.
    if (job.offset === job.end && !job.isAtTail) {
      this.settle(job, undefined);
      return;
    }
    const zlib = this.source.get();
    const [begun] = job.parts;
    if (begun === undefined || this.book(job, zlib, begun.length)) this.drive(job, zlib);
  }

  /** @param tailLeft what zlib has not taken of the tail */
  private messageDone(zlib: RawZlib, tailLeft: number): void {
    // The message ended with a final block and nothing behind it: the next message starts a stream of its own.
    if (tailLeft > 0) zlib.reset();
    this.source.messageDone();
  }

  /**
   * Feeds a message, its DEFLATE streams one after another (RFC 7692 §7.2.1, RFC 7692 §7.2.3.4), and then its tail. A
   * loop: so many streams must not pile up on the stack, nor hold up the event loop.
   */
  private drive(job: InflateJob, zlib: RawZlib): void {
    for (let runs = 0; runs < RUNS_PER_TURN; runs++) {
      const result = this.run(job, zlib);
      if (result === undefined || !this.takeResult(job, zlib, result)) return;
      // A message that is through but for its tail is handed over before anything else happens.
      if (!job.isAtTail && !this.book(job, zlib, result.output.length)) return;
    }
    setImmediate(this.goingOn(job, zlib));
  }

  private goingOn(job: InflateJob, zlib: RawZlib): () => void {
    return inCallersContext(() => {
      if (!this.isClosed) this.drive(job, zlib);
    });
  }

  /** Books what a stream gave within the call. @returns whether there is room; otherwise it goes on once there is */
  private book(job: InflateJob, zlib: RawZlib, lengthBytes: number): boolean {
    let isGranted = false;
    let goOn: (() => void) | undefined;
    inflationRoom.take(job, lengthBytes, () => {
      isGranted = true;
      // Not within the call that has given room: that is another connection's.
      if (goOn !== undefined) setImmediate(goOn);
    });
    if (!isGranted) goOn = this.goingOn(job, zlib);
    return isGranted;
  }

  /** @returns what has become of it; undefined when that is told later, and `drive` goes on by itself then */
  private run(job: InflateJob, zlib: RawZlib): RunResult | undefined {
    const results: RunResult[] = [];
    let isLate = false;
    const done = (result: RunResult) => {
      if (!isLate) results.push(result);
      else if (this.takeResult(job, zlib, result)) this.drive(job, zlib);
    };
    if (job.isAtTail) zlib.run(job.tail, 0, job.tail.length, job.room, done, job);
    else zlib.run(job.bytes, job.offset, job.end, job.room, done, job);
    isLate = true;
    return results[0];
  }

  /** @returns whether there is more to feed */
  private takeResult(job: InflateJob, zlib: RawZlib, result: RunResult): boolean {
    if (!this.takeOutput(job, result)) return false;
    if (job.isAtTail) {
      this.messageDone(zlib, job.tail.length - result.consumedBytes);
      this.settle(job, undefined);
      return false;
    }
    job.offset += result.consumedBytes;
    job.isAtTail = job.offset === job.end;
    if (job.isAtTail) return true;
    // RFC 7692 §7.2.1: a final block ends a DEFLATE stream, not the message.
    if (++job.finalBlocks > MAX_FINAL_BLOCKS) {
      const error = new Error('too many final blocks in a message');
      this.fail(job, { id: 'corrupt', error: Object.assign(error, { code: 'Z_DATA_ERROR', errno: -3 }) });
      return false;
    }
    zlib.reset();
    return true;
  }

  /** @returns whether all is well so far */
  private takeOutput(job: InflateJob, { error, isTooLong, output }: RunResult): boolean {
    if (error !== undefined || isTooLong) {
      this.fail(job, error === undefined ? TOO_LONG : { id: 'corrupt', error });
      return false;
    }
    if (output.length > 0) job.parts.push(output);
    job.room -= output.length;
    return true;
  }

  private fail(job: InflateJob, fault: InflateFault): void {
    this.isClosed = true;
    this.discard(job);
    const [, ...waiting] = this.queue.takeAll();
    job.done(fault, NOTHING, false);
    for (const { done } of waiting) done(CLOSED, NOTHING, false);
  }

  private settle(job: InflateJob, fault: InflateFault | undefined): void {
    const { parts, done } = job;
    const output = parts.length === 0 ? NOTHING : joinParts(parts);
    this.queue.settle(() => {
      try {
        done(fault, output, false);
      } finally {
        if (job.heldBytes > 0) inflationRoom.release(job);
      }
    });
  }
}

export type DeflateDone = (error: Error | undefined, output: Uint8Array) => void;

interface DeflateJob {
  /** Memory that is used again; the payload begins it. */
  readonly payload: Uint8Array;
  readonly lengthBytes: number;
  readonly fin: boolean;
  readonly done: DeflateDone;
}

/** Compresses the messages of one direction of a connection. Takes memory from the first message on. */
export class MessageDeflater {
  private readonly source: ZlibSource;
  private readonly queue = new JobQueue<DeflateJob>((job) => this.start(job));
  private isClosed = false;

  /** @throws {RangeError} for a window or tuning that zlib would not take */
  constructor(options: CodecOptions) {
    this.source = new ZlibSource('deflate', options);
    limitConcurrency(options);
  }

  /**
   * Deflates a message, or with `fin` false a fragment of one; every further call then continues it until one with `fin`
   * true. The payload is read during the call only. What comes out has to be
   * sent, in order: later messages refer to it.
   * @param done called once, during this call when the payload is small and nothing goes before it, or later
   */
  deflate(payload: Uint8Array, fin: boolean, done: DeflateDone): void {
    if (this.isClosed) done(new CodecClosedError(), NOTHING);
    else if (!this.deflateNow(payload, fin, (output) => done(undefined, Buffer.from(output))))
      this.queue.add({ payload: copyOf(payload), lengthBytes: payload.length, fin, done });
  }

  /**
   * Does the same within the call, if the payload is small and nothing goes before it.
   * @param take gets what comes out, which is lent until it returns
   * @returns false when nothing has been done
   */
  deflateNow(payload: Uint8Array, fin: boolean, take: (output: Uint8Array) => void): boolean {
    const { length } = payload;
    if (this.isClosed || this.queue.isBusy || length === 0 || deflated.isLent) return false;
    const zlib = this.source.get();
    if (length > Math.min(zlib.maxSyncBytes, MAX_AT_ONCE_BYTES)) return false;
    // There is four times as much room as it can take.
    const outputBytes = zlib.feedNow!(payload, 0, length, deflated.bytes, deflated.bytes.length);
    if (outputBytes < 0) return false;
    if (fin) this.source.messageDone();
    // RFC 7692 §7.2.1, as below.
    deflated.lend(fin ? outputBytes - TAIL.length : outputBytes, take);
    return true;
  }

  /** Frees the memory. What is under way or waits gets a `CodecClosedError` during this call. */
  close(): void {
    this.isClosed = true;
    this.source.discard();
    for (const job of this.queue.takeAll()) job.done(new CodecClosedError(), NOTHING);
  }

  private start({ payload, lengthBytes, fin, done }: DeflateJob): void {
    if (lengthBytes === 0) {
      // A flush with nothing new may give nothing, so zlib is not asked.
      if (fin) this.source.messageDone();
      this.queue.settle(() => done(undefined, fin ? Uint8Array.of(EMPTY_MESSAGE_OCTET) : NOTHING));
      return;
    }
    this.source.get().run(payload, 0, lengthBytes, Number.POSITIVE_INFINITY, ({ error, output }) => {
      recycle(payload);
      if (error !== undefined) this.source.discard();
      else if (fin) this.source.messageDone();
      // RFC 7692 §7.2.1: only the message's end loses its tail; a fragment in its middle keeps its own.
      const kept = fin && error === undefined ? output.subarray(0, output.length - TAIL.length) : output;
      this.queue.settle(() => done(error, kept));
    });
  }
}

function copyOf(payload: Uint8Array): Uint8Array {
  const copy = payload.length === 0 ? NOTHING : allocateReusable(payload.length);
  copy.set(payload);
  return copy;
}

function limitConcurrency({ concurrencyLimit }: CodecOptions): void {
  if (concurrencyLimit !== undefined) zlibGate.setLimit(concurrencyLimit);
}
