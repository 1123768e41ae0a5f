/**
 * Frames of one connection that wait because the network does not take what its socket has. They lie in runs of whole
 * frames. Pings and pongs go ahead, which the protocol allows between frames (§5.4); among themselves they keep their
 * order, as everything else does. A Close frame is data here: what was sent before it leaves before it.
 */

import { allocateOwn } from '../memory/message-memory.ts';

export type WriteCallback = (error?: Error | null) => void;

/** So much is given to the socket at once, and so much of short frames is put together. */
const MAX_RUN_BYTES = 65_536;
/** What a callback is taken to cost, in bytes: short messages may have one each. */
const CALLBACK_BYTES = 128;
/** The first piece of memory for short frames, in bytes; each further one is twice as long. */
const FIRST_MEMORY_BYTES = 1024;

/** Frames that leave in one write, with what has to be known of them then. */
export interface Run {
  readonly pieces: Uint8Array[];
  /** Where short frames behind the pieces lie, and how much of it is in use. */
  memory: Buffer | undefined;
  usedBytes: number;
  lengthBytes: number;
  /** The application's bytes in it. */
  dataBytes: number;
  /** In which turn of the event loop the last of it was sent. */
  turn: number;
  callbacks: WriteCallback[] | undefined;
  /** Memory that can be used again when the network has taken it. */
  lent: Uint8Array[] | undefined;
  readonly kind: 'control' | 'data' | 'close';
  next: Run | undefined;
}

class Queue {
  first: Run | undefined;
  last: Run | undefined;

  push(run: Run): void {
    if (this.last === undefined) this.first = run;
    else this.last.next = run;
    this.last = run;
  }

  shift(): Run | undefined {
    const run = this.first;
    this.first = run?.next;
    if (this.first === undefined) this.last = undefined;
    return run;
  }
}

/** Makes a piece of the short frames. */
function seal(run: Run): void {
  if (run.memory !== undefined) run.pieces.push(run.memory.subarray(0, run.usedBytes));
  run.memory = undefined;
  run.usedBytes = 0;
}

export class WaitingFrames {
  private readonly controls = new Queue();
  private readonly others = new Queue();
  lengthBytes = 0;
  dataBytes = 0;
  private callbackCount = 0;

  /** In bytes, as it lies in memory. */
  get cost(): number {
    return this.lengthBytes + CALLBACK_BYTES * this.callbackCount;
  }

  get isEmpty(): boolean {
    return this.controls.first === undefined && this.others.first === undefined;
  }

  /** The last pings and pongs that wait, if any do. */
  get lastControls(): Run | undefined {
    return this.controls.last;
  }

  /** The run that frames of a kind belong to that come now: the last of their queue, unless it is full. */
  runFor(kind: Run['kind'], turn: number): Run {
    const queue = kind === 'control' ? this.controls : this.others;
    let run = queue.last;
    if (run === undefined || run.kind !== kind || run.lengthBytes >= MAX_RUN_BYTES) {
      const nothing = { pieces: [], memory: undefined, usedBytes: 0, lengthBytes: 0, dataBytes: 0 };
      run = { ...nothing, turn, callbacks: undefined, lent: undefined, kind, next: undefined };
      queue.push(run);
    }
    run.turn = turn;
    return run;
  }

  /** Puts bytes that nobody changes any more behind a run, as they lie. */
  add(run: Run, piece: Uint8Array): void {
    seal(run);
    run.pieces.push(piece);
    this.count(run, piece.length);
  }

  /** Copies bytes behind a run. */
  copy(run: Run, bytes: Uint8Array): void {
    const { length } = bytes;
    if (run.memory === undefined || run.memory.length - run.usedBytes < length) {
      const lengthBytes = Math.min(2 * (run.memory?.length ?? FIRST_MEMORY_BYTES / 2), MAX_RUN_BYTES);
      seal(run);
      run.memory = allocateOwn(Math.max(lengthBytes, length));
    }
    run.memory.set(bytes, run.usedBytes);
    run.usedBytes += length;
    this.count(run, length);
  }

  addCallbacks(run: Run, callbacks: readonly WriteCallback[]): void {
    run.callbacks ??= [];
    for (const callback of callbacks) run.callbacks.push(callback);
    this.callbackCount += callbacks.length;
  }

  /** Counts bytes of the application's. */
  addData(run: Run, dataBytes: number): void {
    run.dataBytes += dataBytes;
    this.dataBytes += dataBytes;
  }

  private count(run: Run, lengthBytes: number): void {
    run.lengthBytes += lengthBytes;
    this.lengthBytes += lengthBytes;
  }

  /** Takes the run that leaves next. */
  take(): Run | undefined {
    const run = this.controls.shift() ?? this.others.shift();
    if (run === undefined) return undefined;
    seal(run);
    this.lengthBytes -= run.lengthBytes;
    this.dataBytes -= run.dataBytes;
    this.callbackCount -= run.callbacks?.length ?? 0;
    return run;
  }

  /** Drops everything, but for a Close frame when it is to leave all the same. @returns the callbacks of what is dropped */
  drop(keepsClose: boolean): WriteCallback[] {
    const callbacks: WriteCallback[] = [];
    let close: Run | undefined;
    for (let run = this.take(); run !== undefined; run = this.take()) {
      if (keepsClose && run.kind === 'close') close = run;
      else if (run.callbacks !== undefined) for (const callback of run.callbacks) callbacks.push(callback);
    }
    if (close !== undefined) {
      this.others.push(close);
      this.lengthBytes = close.lengthBytes;
    }
    return callbacks;
  }
}
