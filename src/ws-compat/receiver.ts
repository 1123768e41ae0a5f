/**
 * The receiving half that ws exports, a Writable on the core's Connection: bytes go in; `message`, `ping`, `pong`,
 * `conclude` and `error` come out. It answers nothing by itself. A WebSocket does not receive through it.
 */

import { isUtf8 } from 'node:buffer';
import { Writable } from 'node:stream';
import { ownCopyOf, viewOf, viewOfChunk } from '../memory/view.ts';
import { definedOf, inOurNames } from '../options/connection-options.ts';
import { ANY, checkOptions, FLAG } from '../options/option-check.ts';
import { doorOf, limitsBut } from '../options/option-table.ts';
import {
  Connection,
  type ConnectionHandler,
  type FrameOutput,
  type InflateFault,
  type Inflater,
  type Limits,
  resolveLimits,
  UNLIMITED,
  VIOLATIONS,
} from '../protocol/index.ts';
import { BINARY_TYPES, type BinaryType, fromPayload } from '../socket/payload.ts';
import { violationError } from '../transport/errors.ts';

/** What a Receiver asks of permessage-deflate; `PerMessageDeflate` has it. */
interface Decompressor {
  decompress(data: Buffer, fin: boolean, callback: (error: Error | null, output?: Uint8Array) => void): void;
}

export interface ReceiverOptions {
  /** Whether several events may come in one turn of the event loop. Default true. */
  readonly allowSynchronousEvents?: boolean | undefined;
  /** The opposite of `allowSynchronousEvents`. */
  readonly spreadsEvents?: boolean | undefined;
  readonly binaryType?: BinaryType | undefined;
  /** The extensions in use, by name: `{ 'permessage-deflate': … }`. */
  readonly extensions?: Readonly<Record<string, Decompressor | undefined>> | undefined;
  /** Whether frames come from a client, masked (§5.1). Default false. */
  readonly isServer?: boolean | undefined;
  /** For ws's sake: it has no effect. */
  readonly maxBufferedChunks?: number | undefined;
  /** Limits, see `Limits`. Default: none. */
  readonly limits?: Omit<Partial<Limits>, 'maxPendingPongs'> | undefined;
  /** `limits.maxFragments`; 0 for no limit. */
  readonly maxFragments?: number | undefined;
  /** `limits.maxMessageBytes`; 0 for no limit. */
  readonly maxPayload?: number | undefined;
  /** Take text and close reasons without checking them. Default false. */
  readonly skipsUtf8Validation?: boolean | undefined;
  /** `skipsUtf8Validation`. */
  readonly skipUTF8Validation?: boolean | undefined;
  /** Refuse payload lengths that are not in their shortest form (§5.2). Default false. */
  readonly strictLengths?: boolean | undefined;
}

type Callback = (error?: Error | null) => void;

/** A Receiver does not answer. */
const NO_OUTPUT: FrameOutput = { writeFrame() {}, flush() {}, end() {} };

const DOOR = doorOf('Receiver', {
  binaryType: {
    expected: `one of ${BINARY_TYPES.join(', ')}`,
    fits: (value) => BINARY_TYPES.includes(value as BinaryType),
  },
  extensions: ANY,
  isServer: FLAG,
  // It answers no ping.
  limits: limitsBut('maxPendingPongs'),
});

const TOO_LONG_CODE = VIOLATIONS.messageTooLong.code;

export class Receiver extends Writable {
  readonly #connection: Connection;
  readonly #binaryType: BinaryType;
  readonly #isDeferring: boolean;
  /** Called when the chunk at hand has been read to its end. */
  #chunkDone: Callback | undefined;
  #isConcluded = false;
  /** A deferred event, while one is waiting. */
  #isEventDue = false;

  /**
   * @throws {TypeError | RangeError} for options of the wrong kind or out of their range, for two names of one thing that
   *   contradict each other, and for an option of ours that is taken elsewhere only
   */
  constructor(options: ReceiverOptions = {}) {
    super();
    checkOptions(DOOR, options);
    const { limits, spreadsEvents, skipsUtf8Validation, strictLengths } = inOurNames('Receiver', options);
    this.#binaryType = options.binaryType ?? 'nodebuffer';
    this.#isDeferring = spreadsEvents === true;
    const deflate = options.extensions?.['permessage-deflate'];
    this.#connection = new Connection(NO_OUTPUT, this.#connectionHandler(), {
      role: options.isServer === true ? 'server' : 'client',
      limits: resolveLimits({ ...UNLIMITED, ...definedOf(limits) }),
      autoPong: false,
      skipsUtf8Validation,
      strictLengths,
      inflater: deflate && inflaterOn(deflate, () => this.#settleChunk()),
      allocate: (lengthBytes) => Buffer.allocUnsafe(lengthBytes),
      isUtf8: (chunk, start, end) => isUtf8(viewOfChunk(chunk, start, end)),
    });
    this.#connection.recordsFragments = this.#binaryType === 'fragments';
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    this.#chunkDone = callback;
    this.#connection.receive(chunk);
    this.#settleChunk();
  }

  /** Takes the next chunk when nothing of this one is left. */
  #settleChunk(error?: Error): void {
    const callback = this.#chunkDone;
    if (callback === undefined) return;
    if (error === undefined && (this.#isEventDue || this.#connection.isHolding)) return;
    this.#chunkDone = undefined;
    callback(error);
    if (this.#isConcluded && !this.writableEnded) this.end();
  }

  #connectionHandler(): ConnectionHandler {
    return {
      message: (chunk, start, end, isBinary) => {
        const data = viewOfChunk(chunk, start, end);
        const { fragmentLengths } = this.#connection;
        this.#tell('message', isBinary ? fromPayload(data, this.#binaryType, fragmentLengths) : data, isBinary);
      },
      ping: (payload) => this.#tell('ping', ownCopyOf(payload)),
      pong: (payload) => this.#tell('pong', ownCopyOf(payload)),
      closeReceived: () => {
        const { closeCode, closeReason } = this.#connection;
        this.#isConcluded = true;
        this.emit('conclude', closeCode, viewOf(closeReason, 0, closeReason.length));
      },
      failed: (id, detail, cause) => {
        // Thrown by a listener: it goes to whoever wrote the chunk.
        if (id === 'handlerFailed') throw cause;
        this.#settleChunk(violationError(id, detail, cause));
      },
      closed: () => {},
    };
  }

  /** Emits now; or in a turn of its own, for which everything behind it waits. */
  #tell(name: string, ...args: unknown[]): void {
    if (!this.#isDeferring) {
      this.emit(name, ...args);
      return;
    }
    this.#isEventDue = true;
    this.#connection.halt();
    setImmediate(() => {
      this.#isEventDue = false;
      this.emit(name, ...args);
      this.#connection.resume();
      this.#settleChunk();
    });
  }
}

/** @param settled called behind each message: the chunk at hand may be through now */
function inflaterOn(deflate: Decompressor, settled: () => void): Inflater {
  return {
    inflate(bytes, start, end, maxBytes, done) {
      deflate.decompress(viewOf(bytes, start, end), true, (error, output) => {
        if (error) done(faultOf(error), new Uint8Array(0));
        else if (output!.length > maxBytes) done({ id: 'tooLong' }, output!);
        else done(undefined, output!);
        settled();
      });
    },
  };
}

function faultOf(error: Error & { readonly code?: string }): InflateFault {
  return error.code === TOO_LONG_CODE ? { id: 'tooLong' } : { id: 'corrupt', error };
}
