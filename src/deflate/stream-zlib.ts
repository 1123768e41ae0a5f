/**
 * The public streams of `node:zlib` as an engine: what is left where the kept handle cannot be relied on. Every run takes
 * a trip through the thread pool, so `done` always comes later.
 */

import type { DeflateRaw, InflateRaw } from 'node:zlib';
import { ownBytes } from '../memory/view.ts';
import { inCallersContext } from './async-context.ts';
import { zlibGate } from './async-gate.ts';
import { type Claim, inflationRoom } from './inflation-room.ts';
import {
  joinParts,
  NOTHING,
  type RawZlib,
  type RawZlibOptions,
  type RunDone,
  Z_SYNC_FLUSH,
  type ZlibError,
} from './raw-zlib.ts';

export function openStreamZlib(options: RawZlibOptions): RawZlib {
  return new StreamZlib(options);
}

function ignore(): void {}

class StreamZlib implements RawZlib {
  readonly maxSyncBytes = -1;
  private readonly options: RawZlibOptions;
  private stream: DeflateRaw | InflateRaw;
  private isClosed = false;
  /** The run under way: takes its output, and ends it. */
  private onData: (chunk: Uint8Array) => void = ignore;
  private finish: (error?: ZlibError) => void = ignore;
  private hasEnded = false;

  constructor(options: RawZlibOptions) {
    this.options = options;
    this.stream = this.open();
  }

  run(bytes: Uint8Array, start: number, end: number, maxOutputBytes: number, done: RunDone, claim?: Claim): void {
    const report = inCallersContext(done);
    zlibGate.enter(() => {
      if (this.isClosed) zlibGate.leave();
      else this.feed(bytes.subarray(start, end), maxOutputBytes, report, claim);
    });
  }

  reset(): void {
    if (!this.hasEnded) {
      this.stream.reset();
      return;
    }
    // A stream whose final block has come takes no more: another one has to follow.
    this.stream.destroy();
    this.stream = this.open();
  }

  close(whenFree?: () => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.stream.destroy();
    this.finish();
    whenFree?.();
  }

  private feed(input: Uint8Array, maxOutputBytes: number, done: RunDone, claim: Claim | undefined): void {
    const bytesBefore = this.stream.bytesWritten;
    const parts: Uint8Array[] = [];
    let outputBytes = 0;
    const { stream } = this;
    /** Out of the gate, to wait for room: those who have it, and whom the others wait for, may have to come in. */
    let isOutside = false;
    let isFlushed = false;
    /** What is flushed while the stream is paused comes behind that. */
    const finishIfDone = () => {
      if (isFlushed && !isOutside && stream.readableLength === 0 && this.finish === finish) finish();
    };
    const comeBack = () => {
      if (this.finish !== finish) {
        zlibGate.leave();
        return;
      }
      isOutside = false;
      stream.resume();
      finishIfDone();
    };
    const onData = (chunk: Uint8Array) => {
      outputBytes += chunk.length;
      if (outputBytes > maxOutputBytes) {
        this.finish();
        return;
      }
      parts.push(ownBytes(chunk));
      if (claim === undefined) return;
      let isGranted = false;
      inflationRoom.take(claim, chunk.length, () => {
        isGranted = true;
        if (isOutside) zlibGate.enter(comeBack);
      });
      if (isGranted) return;
      isOutside = true;
      stream.pause();
      zlibGate.leave();
    };
    const finish = (error?: ZlibError) => {
      this.onData = this.finish = ignore;
      const isTooLong = outputBytes > maxOutputBytes;
      if (isTooLong || error !== undefined) this.stream.destroy();
      if (!isOutside) zlibGate.leave();
      if (this.isClosed) return;
      const consumedBytes = this.stream.bytesWritten - bytesBefore;
      this.hasEnded = consumedBytes < input.length;
      const isEmpty = isTooLong || error !== undefined || parts.length === 0;
      const output = isEmpty ? NOTHING : joinParts(parts);
      done({ error, output, isTooLong, consumedBytes });
    };
    this.onData = onData;
    this.finish = finish;
    if (input.length > 0) this.stream.write(input);
    this.stream.flush(Z_SYNC_FLUSH, () => {
      isFlushed = true;
      finishIfDone();
    });
  }

  private open(): DeflateRaw | InflateRaw {
    const { direction, windowBits, level, memLevel, strategy, dictionary } = this.options;
    const { createDeflateRaw, createInflateRaw } = process.getBuiltinModule('node:zlib');
    const stream =
      direction === 'deflate'
        ? createDeflateRaw({ windowBits, level, memLevel, strategy, dictionary })
        : createInflateRaw({ windowBits, dictionary });
    this.hasEnded = false;
    stream.on('data', (chunk: Uint8Array) => this.onData(chunk));
    stream.on('error', (error) => this.finish(error as ZlibError));
    return stream;
  }
}
