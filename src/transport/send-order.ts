/**
 * Messages leave in the order of the calls (§5.4, §6.1). Some have to be read from a Blob or compressed first
 * (RFC 7692 §7.2.1), which takes time. What is sent meanwhile waits behind them, control and Close frames included. What
 * waits when the connection ends is abandoned. A WebSocket's transport and ws's `Sender` both send through it.
 */

import { Buffer } from 'node:buffer';
import { inCallersContext } from '../deflate/async-context.ts';
import type { DeflateDone } from '../deflate/codec.ts';
import { JobQueue } from '../deflate/job-queue.ts';
import type { WriteCallback } from './write-batch.ts';

/** What can be sent. The bytes of a Blob have to be read first. */
export type Payload = string | Uint8Array | Blob;

export function isBlob(payload: Payload): payload is Blob {
  return typeof payload === 'object' && !(payload instanceof Uint8Array);
}

/** In bytes. */
export function payloadLength(payload: Payload): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  return payload instanceof Uint8Array ? payload.length : payload.size;
}

/** Whose messages these are. */
export interface SendOrderOwner {
  /** Whether nothing can be sent any more. It is asked after each step; an owner that hears of the end calls `abandon`. */
  readonly isGone: boolean;
  /** Compresses a message, or with `fin` false a fragment of one. Only called where `send` was told to compress. */
  compress(bytes: Uint8Array, fin: boolean, done: DeflateDone): void;
  /** A Blob could not be read. Nothing behind it may be sent: the owner has to call `abandon`. */
  blobFailed(error: Error): void;
}

/** One thing that waits for its turn. */
interface Job {
  /** Does it, and calls `settle` of the queue at the end. */
  run(): void;
  readonly callback: WriteCallback | undefined;
  /** While its Blob is being read. */
  reading: Promise<unknown> | undefined;
}

function runJob(job: Job): void {
  job.run();
}

/** Why something was not sent: which step the end of the connection has cut off. */
export function closedWhile(doing: 'data was being compressed' | 'the blob was being read'): Error {
  return new Error(`The socket was closed while ${doing}`);
}

export class SendOrder {
  readonly #owner: SendOrderOwner;
  readonly #queue = new JobQueue<Job>(runJob);
  /** Payload bytes of what waits for its turn or is being worked on. */
  bufferedBytes = 0;
  /** Whether the next fragment begins a message, and if not, whether that message is compressed. */
  isMessageStart = true;
  #isMessageCompressed = false;

  constructor(owner: SendOrderOwner) {
    this.#owner = owner;
  }

  /** Whether something waits for its turn, so that what comes now has to wait as well. */
  get isBusy(): boolean {
    return this.#queue.isBusy;
  }

  /**
   * Takes note of the next fragment of a message, which is its last with `fin`.
   * @param isWorthCompressing counts for the first one only, which decides for its message (RFC 7692 §6.1)
   * @returns whether to compress it
   */
  nextFragment(fin: boolean, isWorthCompressing: boolean): boolean {
    if (this.isMessageStart) this.#isMessageCompressed = isWorthCompressing;
    this.isMessageStart = fin;
    return this.#isMessageCompressed;
  }

  /**
   * Sends a payload as it is at this call: at once, or when its turn has come and it has been read and compressed.
   * @param isCompressed whether to compress it, with `fin` to the end of a message
   * @param transmit what sends it, and sees to `callback`
   * @param callback called when that never happens
   */
  send(
    payload: Payload,
    isCompressed: boolean,
    fin: boolean,
    transmit: (bytes: string | Uint8Array) => void,
    callback: WriteCallback | undefined,
  ): void {
    if (!isBlob(payload) && !isCompressed && !this.isBusy) {
      transmit(payload);
      return;
    }
    const lengthBytes = payloadLength(payload);
    const kept = this.isBusy && payload instanceof Uint8Array ? Buffer.from(payload) : payload;
    const finish = (error: Error | undefined, bytes: string | Uint8Array) => {
      if (this.#isOver(job)) return;
      this.#queue.settle(() => {
        this.bufferedBytes -= lengthBytes;
        if (error === undefined) transmit(bytes);
        else callback?.(error);
      });
    };
    const proceed = (bytes: string | Uint8Array) => {
      if (!isCompressed) finish(undefined, bytes);
      else this.#owner.compress(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, fin, finish);
    };
    const job = this.#jobOf(callback, () => (isBlob(kept) ? this.#read(kept, job, proceed) : proceed(kept)));
    this.bufferedBytes += lengthBytes;
    this.#queue.add(job);
  }

  /** Does something behind everything sent so far. */
  inOrder(action: () => void, callback?: WriteCallback): void {
    if (this.isBusy) this.#queue.add(this.#jobOf(callback, () => this.#queue.settle(action)));
    else action();
  }

  /**
   * Nothing more can be sent: whatever waits is told so.
   * @param error why. Default: the socket was closed. While a Blob is being read, that is told when the reading has ended;
   *   if it fails, its error is the reason.
   */
  abandon(error?: Error): void {
    if (!this.isBusy) return;
    const jobs = this.#queue.takeAll();
    this.bufferedBytes = 0;
    const tell = (reason: Error) => {
      for (const { callback } of jobs) callback?.(reason);
    };
    // All have waited for what the first was doing. Outside a promise, what a callback throws is an uncaught exception and
    // not an unhandled rejection.
    const reading = jobs[0]?.reading;
    if (error !== undefined) tell(error);
    else if (reading === undefined) tell(closedWhile('data was being compressed'));
    else {
      const tellLater = (reason: Error) => process.nextTick(tell, reason);
      reading.then(() => tellLater(closedWhile('the blob was being read')), tellLater);
    }
  }

  /** A job that waits begins in the turn of another caller. */
  #jobOf(callback: WriteCallback | undefined, run: () => void): Job {
    return { run: this.isBusy ? inCallersContext(run) : run, callback, reading: undefined };
  }

  #read(blob: Blob, job: Job, proceed: (bytes: Uint8Array) => void): void {
    const reading = blob.arrayBuffer();
    job.reading = reading;
    reading.then(
      (memory) => {
        if (this.#isOver(job)) return;
        job.reading = undefined;
        proceed(new Uint8Array(memory));
      },
      (error) =>
        process.nextTick(() => {
          if (this.#queue.current === job) this.#owner.blobFailed(error);
        }),
    );
  }

  /** Whether a job has been abandoned, or is to be. */
  #isOver(job: Job): boolean {
    if (this.#queue.current !== job) return true;
    if (!this.#owner.isGone) return false;
    process.nextTick(() => this.abandon());
    return true;
  }
}
