/**
 * A Connection with its ends in memory: `MemoryOutput` keeps the bytes it writes, `linkPair` joins a client and a
 * server by two such outputs, as a transport would, in chunks of the test's choice.
 */

import {
  Connection,
  type ConnectionOptions,
  encodeFrame,
  type FrameOutput,
  type Limits,
  type Role,
  resolveLimits,
} from '../../src/protocol/index.ts';
import { RecordingHandler } from './recording-handler.ts';
import { concat, copyOf, type FrameFields, frame, hex, toBytes, toHex } from './wire.ts';

const PEER_KEY = [0x9a, 0x3c, 0x51, 0xe7];

/** A frame as this role's peer would write it: masked when it goes to a server. */
export function peerFrame(role: Role, fields: FrameFields): Uint8Array {
  return frame({ ...fields, key: role === 'server' ? PEER_KEY : undefined });
}

/** Takes frames as a transport does: encodes them at once, masked when it is a client's. */
export class MemoryOutput implements FrameOutput {
  /** Frames that were not taken away yet. */
  private pending: Uint8Array[] = [];
  /** Every frame ever written, without masks: `[first byte, payload in hex]`. */
  readonly frames: [firstByte: number, payload: string][] = [];
  endCalls = 0;
  flushCalls = 0;
  /** Done when the connection asks for a flush: a peer that does not read does nothing. */
  onFlush: () => void = () => {};
  nextTurn?: (action: () => void) => void;
  private readonly isMasking: boolean;
  private maskingKey = 0x37fa213d;

  constructor(role: Role) {
    this.isMasking = role === 'client';
  }

  writeFrame(firstByte: number, payload: Uint8Array | string): void {
    if (this.endCalls > 0) throw new Error('a frame was written behind the end');
    const bytes = toBytes(payload);
    this.frames.push([firstByte, toHex(bytes)]);
    this.maskingKey = Math.imul(this.maskingKey, 0x9e3779b1) ^ 0x5bd1e995;
    this.pending.push(encodeFrame(firstByte, bytes, this.isMasking ? this.maskingKey : undefined));
  }
  flush(): void {
    this.flushCalls++;
    this.onFlush();
  }
  end(): void {
    this.endCalls++;
  }

  /** The bytes written since the last time. */
  take(): Uint8Array {
    const bytes = concat(...this.pending);
    this.pending = [];
    return bytes;
  }

  /** All frames in short: `['81 48 69', '88 03 e8']`, the first byte and the payload. */
  get log(): string[] {
    return this.frames.map(([firstByte, payload]) => `${toHex(Uint8Array.of(firstByte))} ${payload}`.trimEnd());
  }
}

export type EndOptions = Partial<Omit<ConnectionOptions, 'role' | 'limits'>> & { readonly limits?: Partial<Limits> };

/** One Connection, what it wrote and what its handler heard. */
export class End {
  readonly role: Role;
  readonly output: MemoryOutput;
  readonly handler = new RecordingHandler();
  readonly connection: Connection;

  constructor(role: Role, options: EndOptions = {}) {
    this.role = role;
    this.output = new MemoryOutput(role);
    this.connection = new Connection(this.output, this.handler, {
      ...options,
      role,
      limits: resolveLimits(options.limits),
    });
  }

  /** Receives a copy of these bytes. */
  receive(bytes: Uint8Array | string): void {
    this.connection.receive(copyOf(typeof bytes === 'string' ? hex(bytes) : bytes));
  }

  /** Receives frames of the peer, all in one chunk. */
  receiveFrames(...frames: readonly FrameFields[]): void {
    this.receive(concat(...frames.map((fields) => peerFrame(this.role, fields))));
  }
}

/** How bytes are cut on their way. */
export type Chunking = (bytes: Uint8Array) => Uint8Array[];
export const wholeChunks: Chunking = (bytes) => [bytes];

export interface Pair {
  readonly client: End;
  readonly server: End;
  /** Carries bytes both ways until both sides are silent, then ends and closes what is over. */
  deliver(): void;
}

/**
 * Joins a client and a server. Each side's end of stream arrives behind its last byte; when both have ended, the
 * transport is closed on both sides.
 */
export function linkPair(
  options: { readonly client?: EndOptions; readonly server?: EndOptions; readonly chunking?: Chunking } = {},
): Pair {
  const client = new End('client', options.client);
  const server = new End('server', options.server);
  const chunking = options.chunking ?? wholeChunks;
  const endDelivered = new Set<End>();

  const carry = (from: End, to: End): boolean => {
    const bytes = from.output.take();
    if (bytes.length > 0) for (const chunk of chunking(bytes)) to.connection.receive(chunk);
    from.connection.flushed();
    const isEnding = from.output.endCalls > 0 && !endDelivered.has(from);
    if (isEnding) {
      endDelivered.add(from);
      to.connection.receiveEnd();
    }
    return bytes.length > 0 || isEnding;
  };

  const deliver = () => {
    let isBusy = true;
    while (isBusy) isBusy = [carry(client, server), carry(server, client)].includes(true);
    if (endDelivered.size < 2 || client.connection.state === 'closed') return;
    client.connection.transportClosed();
    server.connection.transportClosed();
  };
  return { client, server, deliver };
}
