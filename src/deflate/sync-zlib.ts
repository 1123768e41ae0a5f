/**
 * The kept zlib handle: the native object inside the streams of `node:zlib`, driven without the stream around it. A
 * small message is then compressed within the call, without a trip to the thread pool, and no stream with its buffers
 * is held per connection. This is private to Node, and the only place that knows it: before the first use it watches
 * how Node itself calls the handle, goes on only if that is the way assumed here, and tries it out. Where the check
 * fails, `openHandleZlib` gives undefined and the public streams do the work.
 */

import { allocateReusable, recycle } from '../memory/message-memory.ts';
import { ownCopyOf, viewOf } from '../memory/view.ts';
import { inCallersContext } from './async-context.ts';
import { zlibGate } from './async-gate.ts';
import { type Claim, inflationRoom } from './inflation-room.ts';
import {
  joinParts,
  NOTHING,
  type RawZlib,
  type RawZlibOptions,
  type RunDone,
  type RunResult,
  Z_DEFAULT_MEMLEVEL,
  Z_SYNC_FLUSH,
  type ZlibError,
} from './raw-zlib.ts';

type WriteArguments = [
  flush: number,
  input: Uint8Array,
  inputOffset: number,
  inputLength: number,
  output: Uint8Array,
  outputOffset: number,
  outputLength: number,
];

type InitArguments = [
  windowBits: number,
  level: number,
  memLevel: number,
  strategy: number,
  /** Gets what is left after each write: room for output at [0], input at [1]. */
  writeState: Uint32Array,
  writeDone: () => void,
  dictionary: Uint8Array | undefined,
];

/** Node's internal object, as far as it is used here. */
interface ZlibHandle {
  /** Called in place of the end of a write, during `writeSync` or later. */
  onerror: (message: string, errno: number, code: string) => void;
  /** From Node 24 on it also takes whether bytes behind the end of the data are an error. Node counts the arguments. */
  init(...args: InitArguments | [...InitArguments, rejectsGarbage: boolean]): void;
  writeSync(...args: WriteArguments): void;
  write(...args: WriteArguments): void;
  reset(): void;
  close(): void;
}
type ZlibHandleClass = new (mode: number) => ZlibHandle;

/** What its handles are told to do, in Node's numbers. */
const DEFLATERAW = 5;
const INFLATERAW = 6;

// ---- The check ----------------------------------------------------------------------------------------------------

const INIT_SHAPE = ['number', 'number', 'number', 'number', 'Uint32Array', 'function', 'undefined'];
const INIT_SHAPE_WITH_GARBAGE = [...INIT_SHAPE, 'boolean'];
/** Whether `init` takes `rejectsGarbage`. */
let hasGarbageOption = false;
const WRITE_SHAPE = ['number', 'Uint8Array', 'number', 'number', 'Uint8Array', 'number', 'number'];

function shapeOf(value: unknown): string {
  if (value instanceof Uint32Array) return 'Uint32Array';
  return value instanceof Uint8Array ? 'Uint8Array' : typeof value;
}

/** The shape of the arguments with which `action` makes Node call `method` of its handles: wrong ones abort the process. */
function shapeOfCall(prototype: object, method: string, action: () => void): string | undefined {
  const methods = prototype as Record<string, (...args: unknown[]) => unknown>;
  const original = methods[method]!;
  let seen: string[] | undefined;
  methods[method] = function (this: unknown, ...args: unknown[]) {
    seen ??= args.map(shapeOf);
    return original.apply(this, args);
  };
  try {
    action();
  } finally {
    methods[method] = original;
  }
  return seen?.join();
}

function isUsedAsAssumed(prototype: object): boolean {
  const { createDeflateRaw, deflateRawSync } = process.getBuiltinModule('node:zlib');
  const byte = new Uint8Array(1);
  const init = shapeOfCall(prototype, 'init', () => createDeflateRaw().close());
  hasGarbageOption = init === INIT_SHAPE_WITH_GARBAGE.join();
  return (
    (hasGarbageOption || init === INIT_SHAPE.join()) &&
    shapeOfCall(prototype, 'writeSync', () => deflateRawSync(byte)) === WRITE_SHAPE.join() &&
    shapeOfCall(prototype, 'write', () => {
      const stream = createDeflateRaw();
      stream.on('error', () => {}).write(byte);
      stream.close();
    }) === WRITE_SHAPE.join()
  );
}

/** There and back, and an error told. */
function works(Handle: ZlibHandleClass): boolean {
  const text = Buffer.from('permessage-deflate');
  const common = { level: -1, memLevel: Z_DEFAULT_MEMLEVEL, strategy: 0, dictionary: undefined, maxSyncBytes: 64 };
  const deflater = new HandleZlib(Handle, { ...common, direction: 'deflate', windowBits: 15 });
  const inflater = new HandleZlib(Handle, { ...common, direction: 'inflate', windowBits: 15 });
  const results: RunResult[] = [];
  const keep = (result: RunResult) => results.push(result);
  deflater.run(text, 0, text.length, 64, keep);
  const deflated = results[0]?.output ?? text;
  inflater.run(deflated, 0, deflated.length, 64, keep);
  inflater.reset();
  inflater.run(Uint8Array.of(0xff), 0, 1, 64, keep);
  deflater.close();
  inflater.close();
  const inflated = results[1]?.output ?? [];
  return (
    inflated.length === text.length &&
    text.every((byte, i) => byte === inflated[i]) &&
    results[2]?.error?.code === 'Z_DATA_ERROR'
  );
}

/** @returns the class of the handles, or undefined when they are not what this file takes them for */
export function checkHandleClass(stream: object): ZlibHandleClass | undefined {
  try {
    const handle = (stream as { readonly _handle: object })._handle;
    const prototype: object = Object.getPrototypeOf(handle);
    const Handle = handle.constructor as ZlibHandleClass;
    return isUsedAsAssumed(prototype) && works(Handle) ? Handle : undefined;
  } catch {
    return undefined;
  }
}

let handleClass: ZlibHandleClass | undefined;
let isChecked = false;

/** @returns undefined where Node's handles cannot be relied on */
export function openHandleZlib(options: RawZlibOptions): RawZlib | undefined {
  if (!isChecked) {
    isChecked = true;
    const probe = process.getBuiltinModule('node:zlib').createDeflateRaw();
    handleClass = checkHandleClass(probe);
    probe.close();
  }
  return handleClass === undefined ? undefined : new HandleZlib(handleClass, options);
}

// ---- The engine ---------------------------------------------------------------------------------------------------

const KIB = 1024;
/** Output of synchronous steps; nothing keeps it past the step. */
const scratch = new Uint8Array(64 * KIB);
/** Output that may come from one synchronous run, as a multiple of `maxSyncBytes`: then the rest goes off the thread. */
const SYNC_OUTPUT_FACTOR = 8;
/** With room behind a message of 64 KiB: zlib has said all it has to say when a step is not full. */
const FIRST_STEP_BYTES = 80 * KIB;
const LAST_STEP_BYTES = 1024 * KIB;
/** A longer input has a longer first step: each further one is another trip to the thread pool. */
const FIRST_STEP_FACTOR = 2;

class HandleZlib implements RawZlib {
  private readonly handle: ZlibHandle;
  private readonly writeState = new Uint32Array(2);
  readonly maxSyncBytes: number;
  private isClosed = false;
  /** Whether the thread pool works on a step. */
  private isAsync = false;
  private error: ZlibError | undefined;

  // The run under way. Input and output stand here so that they live as long as the native code works on them.
  private done: RunDone | undefined;
  private input: Uint8Array = NOTHING;
  private inputOffset = 0;
  private inputBytes = 0;
  private consumedBytes = 0;
  private maxOutputBytes = 0;
  /** Output; that of asynchronous steps lies where it came, in memory that is used again when the run is over. */
  private parts: Uint8Array[] = [];
  private readonly borrowed: Uint8Array[] = [];
  private outputBytes = 0;
  private step: Uint8Array = NOTHING;
  private stepBytes = 0;
  private claim: Claim | undefined;
  /** What of this run's output, and of the step's memory, is booked on the claim. */
  private bookedBytes = 0;
  private whenFree: (() => void) | undefined;

  constructor(Handle: ZlibHandleClass, options: RawZlibOptions) {
    const { windowBits, level, memLevel, strategy, dictionary } = options;
    this.maxSyncBytes = options.maxSyncBytes;
    this.handle = new Handle(options.direction === 'inflate' ? INFLATERAW : DEFLATERAW);
    const onError: ZlibHandle['onerror'] = (message, errno, code) => {
      this.error = Object.assign(new Error(message), { errno, code });
      if (this.isAsync) this.asyncStepDone();
    };
    this.handle.onerror = onError;
    const common: InitArguments = [
      windowBits,
      level,
      memLevel,
      strategy,
      this.writeState,
      () => this.asyncStepDone(),
      dictionary,
    ];
    if (hasGarbageOption) this.handle.init(...common, false);
    else this.handle.init(...common);
  }

  run(bytes: Uint8Array, start: number, end: number, maxOutputBytes: number, done: RunDone, claim?: Claim): void {
    this.done = done;
    this.claim = claim;
    this.bookedBytes = 0;
    this.input = bytes;
    this.inputOffset = start;
    this.inputBytes = end - start;
    this.consumedBytes = 0;
    this.maxOutputBytes = maxOutputBytes;
    this.outputBytes = 0;
    if (this.inputBytes > this.maxSyncBytes) this.runAsync();
    else this.runSync();
  }

  feedNow(bytes: Uint8Array, start: number, end: number, output: Uint8Array, room: number): number {
    this.handle.writeSync(Z_SYNC_FLUSH, bytes, start, end - start, output, 0, room);
    return this.error === undefined ? room - this.writeState[0]! : -1;
  }

  get inputLeft(): number {
    return this.writeState[1]!;
  }

  reset(): void {
    this.handle.reset();
  }

  close(whenFree?: () => void): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.done = undefined;
    this.parts = [];
    this.handle.close();
    // A step that runs still holds its memory.
    if (this.isAsync) this.whenFree = whenFree;
    else whenFree?.();
  }

  private runSync(): void {
    const maxOutputBytes = this.maxSyncBytes * SYNC_OUTPUT_FACTOR;
    this.step = scratch;
    do {
      const length = this.prepareStep(scratch.length);
      this.feedNow(this.input, this.inputOffset, this.inputOffset + this.inputBytes, scratch, length);
      if (!this.takeStep()) {
        this.finish();
        return;
      }
    } while (this.outputBytes < maxOutputBytes);
    this.runAsync();
  }

  private runAsync(): void {
    this.stepBytes = 0;
    // The handle may have been made for another connection, and calls back in that one's context.
    this.done = this.done && inCallersContext(this.done);
    zlibGate.enter(() => {
      if (this.isClosed) zlibGate.leave();
      else this.startAsyncStep();
    });
  }

  private startAsyncStep(): void {
    const leastBytes = this.stepBytes === 0 ? FIRST_STEP_FACTOR * this.inputBytes : 2 * this.stepBytes;
    const sizeBytes = Math.min(Math.max(leastBytes, FIRST_STEP_BYTES), LAST_STEP_BYTES);
    const length = this.prepareStep(sizeBytes);
    if (this.claim === undefined) this.runAsyncStep(length);
    else this.bookAsyncStep(this.claim, length);
  }

  /**
   * Nobody waits for room inside the gate: those who have it, and whom the others wait for, may have to come in. What came
   * out of the synchronous steps is booked as well, now that it is kept.
   */
  private bookAsyncStep(claim: Claim, lengthBytes: number): void {
    const missingBytes = this.outputBytes + lengthBytes - this.bookedBytes;
    this.bookedBytes += missingBytes;
    let isGranted = false;
    let isInside = true;
    inflationRoom.take(claim, missingBytes, () => {
      isGranted = true;
      if (isInside) this.runAsyncStep(lengthBytes);
      else zlibGate.enter(() => this.runAsyncStep(lengthBytes));
    });
    if (isGranted) return;
    isInside = false;
    zlibGate.leave();
  }

  private runAsyncStep(length: number): void {
    if (this.isClosed) {
      zlibGate.leave();
      return;
    }
    this.step = allocateReusable(length);
    this.borrowed.push(this.step);
    this.isAsync = true;
    this.handle.write(Z_SYNC_FLUSH, this.input, this.inputOffset, this.inputBytes, this.step, 0, length);
  }

  private asyncStepDone(): void {
    this.isAsync = false;
    if (!this.isClosed && this.takeStep()) {
      this.startAsyncStep();
      return;
    }
    zlibGate.leave();
    this.finish();
  }

  /** One byte past the limit is room enough to know that it is passed. @returns how much room the step has */
  private prepareStep(sizeBytes: number): number {
    this.stepBytes = Math.min(sizeBytes, this.maxOutputBytes - this.outputBytes + 1);
    return this.stepBytes;
  }

  /** Books what a step took and gave. @returns whether another one has to follow */
  private takeStep(): boolean {
    if (this.error !== undefined) return false;
    const roomLeft = this.writeState[0]!;
    const inputLeft = this.writeState[1]!;
    const consumed = this.inputBytes - inputLeft;
    const produced = this.stepBytes - roomLeft;
    this.inputOffset += consumed;
    this.inputBytes = inputLeft;
    this.consumedBytes += consumed;
    this.outputBytes += produced;
    if (this.outputBytes > this.maxOutputBytes) return false;
    if (produced > 0) this.parts.push(this.takeOutput(produced));
    // Room is left: zlib has said all it has to say, or has come to the end of a final block.
    return roomLeft === 0;
  }

  private takeOutput(producedBytes: number): Uint8Array {
    const output = viewOf(this.step, 0, producedBytes);
    return this.step === scratch ? ownCopyOf(output) : output;
  }

  /** In memory of its own. */
  private keep(parts: readonly Uint8Array[]): Uint8Array {
    return parts.length === 1 && this.borrowed.length > 0 ? ownCopyOf(parts[0]!) : joinParts(parts);
  }

  private finish(): void {
    const { done, parts, error, outputBytes, consumedBytes } = this;
    const isTooLong = outputBytes > this.maxOutputBytes;
    this.done = undefined;
    this.input = NOTHING;
    this.step = NOTHING;
    this.parts = [];
    const isEmpty = error !== undefined || isTooLong || parts.length === 0;
    const output = isEmpty ? NOTHING : this.keep(parts);
    for (const memory of this.borrowed.splice(0)) recycle(memory);
    const { claim } = this;
    const spareBytes = this.bookedBytes - output.buffer.byteLength;
    this.claim = undefined;
    if (claim !== undefined && spareBytes > 0) inflationRoom.giveBack(claim, spareBytes);
    this.whenFree?.();
    done?.({ error, output, isTooLong, consumedBytes });
  }
}
