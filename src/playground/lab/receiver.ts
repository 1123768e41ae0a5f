/**
 * One end of a connection that lives in the page: the `Connection` of production, with all that it finds and all that it
 * sends written down. What is read here is read as every server of framewright reads it.
 */

import { Inflater as MessageInflater } from '../../inspector/message-inflater.ts';
import {
  type Chunk,
  Connection,
  type ConnectionHandler,
  encodeFrame,
  encodeUtf8,
  type FrameOutput,
  type InflateDone,
  type Inflater,
  type Limits,
  Opcode,
  type Role,
  resolveLimits,
  type ViolationId,
} from '../../protocol/index.ts';

export interface ReceiverOptions {
  readonly role: Role;
  /** Default: those of the echo server that the page came from. */
  readonly limits?: Partial<Limits> | undefined;
  readonly strictLengths?: boolean | undefined;
  /** Whether permessage-deflate was agreed on. Default false. */
  readonly hasDeflate?: boolean | undefined;
  /** Whether the window of a message is kept for the next (RFC 7692 §7.1.1). Default true. */
  readonly takesOver?: boolean | undefined;
  /** Whether messages are sent back. Default false. */
  readonly echoes?: boolean | undefined;
  /** Whether the program behind it throws at every message. Default false. */
  readonly throws?: boolean | undefined;
  /** How many messages it takes at all. Default: no limit. */
  readonly maxMessages?: number | undefined;
  /** How many bytes of its frames may wait for a peer that reads none. Default: no limit. */
  readonly maxBacklogBytes?: number | undefined;
}

export interface ReceiverEvent {
  readonly kind: 'text' | 'binary' | 'ping' | 'pong' | 'close' | 'failed';
  /** Of a Close frame, its reason. */
  readonly payload: Uint8Array;
  /** How many bytes had been read when it was told. */
  readonly at: number;
  readonly closeCode?: number;
  readonly violation?: { readonly id: ViolationId; readonly detail: number };
}

/** As the playground's server has it. */
const ECHO_LIMITS: Partial<Limits> = { maxMessageBytes: 16 * 1024 * 1024 };
/** A client here masks all its frames with the key of the examples of §5.7; a real one takes a new one each time (§5.3). */
export const EXAMPLE_KEY = 0x37fa213d;
const NONE = new Uint8Array(0);

export class Receiver {
  readonly connection: Connection;
  readonly events: ReceiverEvent[] = [];
  /** Frames, in order. */
  readonly sent: Uint8Array[] = [];
  /** Whether it has closed its side of TCP. */
  hasEnded = false;
  bytesRead = 0;
  readonly #options: ReceiverOptions;
  #messages = 0;
  #messageInflater = new MessageInflater();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    const { role, limits = ECHO_LIMITS, strictLengths, hasDeflate = false } = options;
    this.connection = new Connection(this.#output(), this.#handler(), {
      role,
      limits: resolveLimits(limits),
      strictLengths,
      inflater: hasDeflate ? this.#inflater() : undefined,
      now: () => 0,
    });
  }

  /** Takes the next bytes, which stay as they are. */
  push(bytes: Uint8Array): void {
    this.bytesRead += bytes.length;
    this.connection.receive(bytes.slice());
  }

  /** What compressed messages can reach back to. */
  get window(): Uint8Array {
    return this.#messageInflater.window;
  }

  /** Why it has failed. */
  get violation(): ReceiverEvent['violation'] {
    return this.events.find(({ kind }) => kind === 'failed')?.violation;
  }

  #tell(event: Omit<ReceiverEvent, 'at' | 'payload'> & { readonly payload?: Uint8Array }): void {
    this.events.push({ payload: NONE, ...event, at: this.bytesRead });
  }

  #output(): FrameOutput {
    const { role, maxBacklogBytes = Number.POSITIVE_INFINITY } = this.#options;
    return {
      writeFrame: (firstByte, payload) => {
        const bytes = typeof payload === 'string' ? encodeUtf8(payload) : payload;
        this.sent.push(encodeFrame(firstByte, bytes, role === 'client' ? EXAMPLE_KEY : undefined));
        const waiting = this.sent.reduce((sum, frame) => sum + frame.length, 0);
        if (waiting > maxBacklogBytes && (firstByte & 0xf) !== Opcode.Close) this.connection.fail('backlogTooLong');
      },
      flush: () => {},
      end: () => {
        this.hasEnded = true;
      },
    };
  }

  #handler(): ConnectionHandler {
    const { throws, echoes, maxMessages = Number.POSITIVE_INFINITY } = this.#options;
    return {
      message: (chunk, start, end, isBinary) => {
        const payload = copyOf(chunk, start, end);
        if (++this.#messages > maxMessages) {
          this.connection.fail('rateExceeded');
          return;
        }
        this.#tell({ kind: isBinary ? 'binary' : 'text', payload });
        if (throws) throw new Error('The program behind the connection has a fault');
        if (echoes) this.connection.sendMessage(payload, isBinary);
      },
      ping: (payload) => this.#tell({ kind: 'ping', payload: payload.slice() }),
      pong: (payload) => this.#tell({ kind: 'pong', payload: payload.slice() }),
      closeReceived: () => {
        const { closeCode, closeReason } = this.connection;
        this.#tell({ kind: 'close', payload: closeReason, closeCode });
      },
      failed: (id, detail) => this.#tell({ kind: 'failed', violation: { id, detail } }),
      closed: () => {},
    };
  }

  #inflater(): Inflater {
    const { takesOver = true } = this.#options;
    return {
      inflate: (bytes, start, end, maxBytes, done: InflateDone) => {
        if (!takesOver) this.#messageInflater = new MessageInflater();
        const { output, fault } = this.#messageInflater.inflate(bytes.subarray(start, end), maxBytes);
        if (fault === undefined) done(undefined, output);
        else
          done(fault.id === 'tooLong' ? { id: 'tooLong' } : { id: 'corrupt', error: new Error(fault.message) }, NONE);
      },
    };
  }
}

function copyOf({ bytes }: Chunk, start: number, end: number): Uint8Array {
  return bytes.slice(start, end);
}

/** Reads `bytes`, cut at these places, in ascending order, none at all by default. */
export function receive(bytes: Uint8Array, options: ReceiverOptions, cuts: readonly number[] = []): Receiver {
  const receiver = new Receiver(options);
  const ends = [...cuts, bytes.length];
  let start = 0;
  for (const end of ends) {
    receiver.push(bytes.subarray(start, end));
    start = end;
  }
  return receiver;
}
