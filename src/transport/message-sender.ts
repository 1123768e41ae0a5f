/**
 * Puts what the application sends in order. A message that has to be compressed (RFC 7692 §7.2.1) or read from a Blob may
 * take its time; what is sent meanwhile, control and Close frames included, waits behind it, so that the order on the
 * wire is the order of the calls.
 */

import { Buffer } from 'node:buffer';
import { inCallersContext } from '../deflate/async-context.ts';
import { JobQueue } from '../deflate/job-queue.ts';
import type { Connection } from '../protocol/index.ts';
import type { Compression } from './compression.ts';
import type { WriteBatch, WriteCallback } from './write-batch.ts';

export type Payload = string | Uint8Array | Blob;

/** One thing that waits for its turn. */
interface Job {
  /** Does it, and ends with `queue.settle`. */
  run(): void;
  readonly callback: WriteCallback | undefined;
  /** What has to be done before it can be sent, as an end of "The socket was closed while …". */
  doing: string;
  /** Nothing of it is to happen any more: its callback has been told why, or is when its Blob has been read. */
  isAbandoned: boolean;
  /** Once abandoned: what to do when its Blob has been read, or could not be. */
  readAnyway?: (error: Error | undefined) => void;
}

function runJob(job: Job): void {
  job.run();
}

/** Whose messages these are. */
export interface MessageSenderOwner {
  readonly connection: Connection;
  /** A Blob could not be read; nothing behind it has been sent, or will be. */
  failForHandler(error: unknown): void;
}

const COMPRESSING = 'data was being compressed';
const READING = 'the blob was being read';

export class MessageSender {
  private readonly connection: Connection;
  private readonly batch: WriteBatch;
  private readonly compression: Compression | undefined;
  private readonly owner: MessageSenderOwner;
  /** Made for the first thing that has to wait. */
  private jobs: JobQueue<Job> | undefined;
  /** Payload bytes of messages that wait for their turn or are being worked on. */
  bufferedBytes = 0;
  /** Whether the next fragment begins a message, and if not, whether that message is compressed. */
  private isMessageStart = true;
  private isMessageCompressed = false;

  constructor(owner: MessageSenderOwner, batch: WriteBatch, compression: Compression | undefined) {
    this.owner = owner;
    this.connection = owner.connection;
    this.batch = batch;
    this.compression = compression;
  }

  private get queue(): JobQueue<Job> {
    this.jobs ??= new JobQueue(runJob);
    return this.jobs;
  }

  /** Whether something waits for its turn, so that what comes now has to wait as well. */
  get isBusy(): boolean {
    return this.jobs?.isBusy === true;
  }

  /** Sends a message or a fragment, see `Connection.sendMessage` and `WriteBatch.maskOtherwise`. */
  send(
    payload: Payload,
    isBinary: boolean,
    fin: boolean,
    mayCompress: boolean,
    isMaskedOtherwise: boolean,
    callback?: WriteCallback,
  ): void {
    const isCompressed = this.compression !== undefined && this.decideCompression(payload, fin, mayCompress);
    if (!isBlob(payload) && !isCompressed && !this.isBusy && !isMaskedOtherwise) {
      this.transmit(payload, isBinary, fin, callback);
      return;
    }
    const lengthBytes = payloadLength(payload);
    const kept = this.isBusy && payload instanceof Uint8Array ? Buffer.from(payload) : payload;
    this.bufferedBytes += lengthBytes;
    const finish = (error: Error | undefined, bytes: string | Uint8Array) => {
      if (job.isAbandoned) return;
      this.queue.settle(() => {
        this.bufferedBytes -= lengthBytes;
        const transmit = () => this.transmit(bytes, isBinary, fin, callback, isCompressed ? lengthBytes : undefined);
        if (error !== undefined) callback?.(error);
        else if (isMaskedOtherwise) this.batch.maskOtherwise(transmit);
        else transmit();
      });
    };
    const proceed = (bytes: string | Uint8Array) => {
      job.doing = COMPRESSING;
      if (!isCompressed) finish(undefined, bytes);
      else this.compression!.deflate(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, fin, finish);
    };
    const job = this.jobOf(callback, () => (isBlob(kept) ? this.read(kept, job, proceed) : proceed(kept)));
    this.queue.add(job);
  }

  /** Does something behind everything sent so far: sends a control frame, or closes. */
  inOrder(action: () => void, callback?: WriteCallback): void {
    if (this.isBusy) this.queue.add(this.jobOf(callback, () => this.queue.settle(action)));
    else action();
  }

  /** As `inOrder`, with the bytes of a payload. */
  withBytes(payload: Uint8Array | Blob, action: (bytes: Uint8Array) => void, callback?: WriteCallback): void {
    if (!isBlob(payload)) {
      const kept = this.isBusy ? Buffer.from(payload) : payload;
      this.inOrder(() => action(kept), callback);
      return;
    }
    this.bufferedBytes += payload.size;
    const job = this.jobOf(callback, () =>
      this.read(payload, job, (bytes) =>
        this.queue.settle(() => {
          this.bufferedBytes -= bytes.length;
          action(bytes);
        }),
      ),
    );
    this.queue.add(job);
  }

  /**
   * Nothing more can be sent: whatever waits is told so.
   * @param error why; default that the socket is gone
   */
  abandon(error?: Error): void {
    // Whether compressing took its time is not to be seen.
    const dropped = this.batch.drop();
    for (const callback of dropped) callback(error ?? new Error(`The socket was closed while ${COMPRESSING}`));
    if (!this.isBusy) return;
    const jobs = this.queue.takeAll();
    this.bufferedBytes = 0;
    const [current] = jobs;
    for (const job of jobs) job.isAbandoned = true;
    const tell = (readError?: Error) => {
      // Those behind the first have waited for what the first was doing.
      const reason = error ?? readError ?? new Error(`The socket was closed while ${current!.doing}`);
      for (const { callback } of jobs) callback?.(reason);
    };
    if (error === undefined && current!.doing === READING) current!.readAnyway = tell;
    else tell();
  }

  /** A job that waits is begun when another caller's is done. */
  private jobOf(callback: WriteCallback | undefined, run: () => void): Job {
    const begin = this.isBusy ? inCallersContext(run) : run;
    return { run: begin, callback, doing: COMPRESSING, isAbandoned: false };
  }

  private read(blob: Blob, job: Job, proceed: (bytes: Uint8Array) => void): void {
    job.doing = READING;
    blob.arrayBuffer().then(
      (memory) => {
        if (job.isAbandoned) job.readAnyway?.(undefined);
        else proceed(new Uint8Array(memory));
      },
      (error) => {
        if (job.isAbandoned) {
          job.readAnyway?.(error);
          return;
        }
        this.abandon(error);
        this.owner.failForHandler(error);
      },
    );
  }

  /** RFC 7692 §6.1: the first fragment decides for its message. */
  private decideCompression(payload: Payload, fin: boolean, mayCompress: boolean): boolean {
    if (this.isMessageStart) {
      this.isMessageCompressed = mayCompress && payloadLength(payload) >= this.compression!.thresholdBytes;
    }
    this.isMessageStart = fin;
    return this.isMessageCompressed;
  }

  /** @param bytesBefore what was compressed: how long it was */
  private transmit(
    payload: string | Uint8Array,
    isBinary: boolean,
    fin: boolean,
    callback: WriteCallback | undefined,
    bytesBefore?: number,
  ): void {
    const { batch } = this;
    if (bytesBefore !== undefined) batch.mayDrop();
    if (!this.connection.sendMessage(payload, isBinary, fin, bytesBefore !== undefined)) {
      callback?.(new Error(`The socket was closed while ${COMPRESSING}`));
      return;
    }
    if (bytesBefore !== undefined) batch.countPending(bytesBefore - payload.length);
    if (callback !== undefined) batch.whenWritten(callback);
    batch.flushIfLarge();
  }
}

function isBlob(payload: Payload): payload is Blob {
  return typeof payload === 'object' && !(payload instanceof Uint8Array);
}

/** In bytes. */
export function payloadLength(payload: Payload): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  return payload instanceof Uint8Array ? payload.length : payload.size;
}
