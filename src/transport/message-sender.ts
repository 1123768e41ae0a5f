/**
 * Puts what the application sends in order. A message that has to be compressed (RFC 7692 §7.2.1) or read from a Blob may
 * take its time; what is sent meanwhile, control and Close frames included, waits behind it, so that the order on the
 * wire is the order of the calls.
 */

import { JobQueue } from '../deflate/job-queue.ts';
import type { Connection } from '../protocol/index.ts';
import type { Compression } from './compression.ts';
import type { WriteBatch, WriteCallback } from './write-batch.ts';

export type Payload = string | Uint8Array | Blob;

/** One thing that waits for its turn. */
interface Job {
  /** Does it, and ends with `queue.settle`. */
  run(): void;
  /** It will not be done: the socket is gone. */
  abandon(): void;
}

const CLOSED_WHILE_COMPRESSING = 'The socket was closed while data was being compressed';
const CLOSED_WHILE_READING = 'The socket was closed while the blob was being read';

export class MessageSender {
  private readonly connection: Connection;
  private readonly batch: WriteBatch;
  private readonly compression: Compression | undefined;
  private readonly queue = new JobQueue<Job>((job) => job.run());
  /** Payload bytes of messages that wait for their turn or are being worked on. */
  bufferedBytes = 0;
  /** Whether the next fragment begins a message, and if not, whether that message is compressed. */
  private isMessageStart = true;
  private isMessageCompressed = false;

  constructor(connection: Connection, batch: WriteBatch, compression: Compression | undefined) {
    this.connection = connection;
    this.batch = batch;
    this.compression = compression;
  }

  /** Sends a message or a fragment, see `Connection.sendMessage`. */
  send(payload: Payload, isBinary: boolean, fin: boolean, mayCompress: boolean, callback?: WriteCallback): void {
    const isBlob = typeof payload === 'object' && !(payload instanceof Uint8Array);
    const isCompressed = this.compression !== undefined && this.decideCompression(payload, fin, mayCompress);
    if (!isBlob && !isCompressed && !this.queue.isBusy) {
      this.transmit(payload, isBinary, fin, false, callback);
      return;
    }
    const lengthBytes = payloadLength(payload);
    this.bufferedBytes += lengthBytes;
    let isAbandoned = false;
    const finish = (error: Error | undefined, bytes: string | Uint8Array) => {
      if (isAbandoned) return;
      this.queue.settle(() => {
        this.bufferedBytes -= lengthBytes;
        if (error === undefined) this.transmit(bytes, isBinary, fin, isCompressed, callback);
        else callback?.(error);
      });
    };
    const proceed = (bytes: string | Uint8Array) => {
      if (!isCompressed || isAbandoned) finish(undefined, bytes);
      else this.compression!.deflate(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, fin, finish);
    };
    this.queue.add({
      run() {
        if (isBlob)
          payload.arrayBuffer().then(
            (memory) => proceed(new Uint8Array(memory)),
            (error) => finish(error, ''),
          );
        else proceed(payload);
      },
      abandon() {
        isAbandoned = true;
        callback?.(new Error(isBlob ? CLOSED_WHILE_READING : CLOSED_WHILE_COMPRESSING));
      },
    });
  }

  /** Does something behind everything sent so far: sends a control frame, or closes. */
  inOrder(action: () => void, callback?: WriteCallback): void {
    if (!this.queue.isBusy) {
      action();
      return;
    }
    this.queue.add({
      run: () => this.queue.settle(action),
      abandon: () => callback?.(new Error(CLOSED_WHILE_COMPRESSING)),
    });
  }

  /** The socket is gone: whatever waits is told so. */
  abandon(): void {
    const jobs = this.queue.takeAll();
    this.bufferedBytes = 0;
    for (const job of jobs) job.abandon();
  }

  /** RFC 7692 §6.1: the first fragment decides for its message. */
  private decideCompression(payload: Payload, fin: boolean, mayCompress: boolean): boolean {
    if (this.isMessageStart) {
      this.isMessageCompressed = mayCompress && payloadLength(payload) >= this.compression!.thresholdBytes;
    }
    this.isMessageStart = fin;
    return this.isMessageCompressed;
  }

  private transmit(
    payload: string | Uint8Array,
    isBinary: boolean,
    fin: boolean,
    isCompressed: boolean,
    callback: WriteCallback | undefined,
  ): void {
    const isSent = this.connection.sendMessage(payload, isBinary, fin, isCompressed);
    if (callback === undefined) return;
    if (isSent) this.batch.whenWritten(callback);
    else callback(new Error(CLOSED_WHILE_COMPRESSING));
  }
}

/** In bytes. */
export function payloadLength(payload: Payload): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  return payload instanceof Uint8Array ? payload.length : payload.size;
}
