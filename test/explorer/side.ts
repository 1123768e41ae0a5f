/**
 * One of two Connections that talk to each other: the Connection, what it has on the way to its peer, and what is known of it
 * without asking it. From that it can be told what its state has to be, without the table of the closing handshake.
 */

import {
  type Chunk,
  CloseCode,
  Connection,
  type ConnectionEvent,
  type ConnectionHandler,
  type ConnectionState,
  encodeFrame,
  FIN,
  type FrameOutput,
  type InflateDone,
  Opcode,
  type Role,
  resolveLimits,
  TRANSITIONS,
  type ViolationId,
} from '../../src/protocol/index.ts';
import { toBytes, toHex } from '../support/wire.ts';

const MASKING_KEY = 0x01020304;

/** The failures that deeds cause. */
const ASKED_FOR: readonly ViolationId[] = ['backlogTooLong', 'handlerFailed', 'invalidCompression'];

/** What the table allows. Copied, so that it stays what it is when a test breaks the table. */
const LEGAL_STEPS = new Set(
  Object.entries(TRANSITIONS).flatMap(([from, row]) =>
    Object.entries(row).map(([event, to]) => `${from}, ${event}: ${to}`),
  ),
);
const LIMITS = resolveLimits({ maxPendingPongs: 1 });

/** The message of a number, from 1 on: two bytes, in one frame or in two. Even ones are text. */
export function messageBytes(number: number): Uint8Array {
  return Uint8Array.of(0x20 + number, 0x60 + number);
}

/** A chunk on its way to the peer. */
export interface Transit {
  readonly bytes: Uint8Array;
  /** How many messages end in it. */
  readonly messages: number;
  readonly isJoined: boolean;
}

export class Side implements ConnectionHandler, FrameOutput {
  readonly role: Role;
  readonly connection: Connection;
  /** What it has written and the peer has not got. */
  readonly way: (Transit | 'end')[] = [];

  /** Written: */
  sent = 0;
  sentPings = 0;
  isFragmentOpen = false;
  closeSent: number | undefined;
  hasEnded = false;
  /** Heard: */
  received = 0;
  heardPing = 0;
  heardPong = 0;
  closeHeard = false;
  hasFailed = false;
  isClosed = false;
  /** Reported to the Connection; of messages, those that have come whole. */
  arrived = 0;
  endReported = false;
  transportReported = false;

  isLost = false;
  /** Whether what it writes still has a way to the peer. */
  reachesPeer = true;
  isHalted = false;
  isRateHeld = false;
  /** Whether of the frame that comes next the first part has arrived. */
  isCut = false;
  inflation: { readonly bytes: Uint8Array; readonly done: InflateDone } | undefined;
  turn: (() => void) | undefined;
  nextTurn?: (action: () => void) => void;

  /** What the handler does that is called next. */
  reaction: (() => void) | undefined;
  /** Whether it puts a message off. */
  putsOff = false;
  /** Something that must not be. Noted and not thrown, which would only look like a handler that throws. */
  breach: string | undefined;

  constructor(role: Role, takesTurns: boolean) {
    this.role = role;
    this.connection = new Connection(this, this, {
      role,
      limits: LIMITS,
      now: () => 0,
      inflater: { inflate: (bytes, start, end, _max, done) => this.inflate(bytes.slice(start, end), done) },
      spreadsEvents: takesTurns,
    });
    if (takesTurns) this.nextTurn = (action) => this.awaitTurn(action);
    this.watchState();
  }

  /** Every step from one state to another has to be one of the table, also those within a call. */
  private watchState(): void {
    const { connection } = this;
    const inside = connection as unknown as { advance(event: ConnectionEvent): void };
    const { advance } = inside;
    inside.advance = (event) => {
      const before = connection.state;
      advance.call(connection, event);
      const step = `${before}, ${event}: ${connection.state}`;
      if (!LEGAL_STEPS.has(step)) this.breach ??= `an illegal step: ${step}`;
    };
  }

  private inflate(bytes: Uint8Array, done: InflateDone): void {
    if (this.inflation !== undefined) this.breach ??= 'two messages are inflated at once';
    this.inflation = { bytes, done };
  }

  private awaitTurn(action: () => void): void {
    if (this.turn !== undefined) this.breach ??= 'two turns are waited for';
    this.turn = action;
  }

  // ---- FrameOutput ------------------------------------------------------------------------------------------------

  writeFrame(firstByte: number, payload: Uint8Array | string): void {
    if (this.hasEnded) this.breach ??= 'a frame behind the end';
    if (this.closeSent !== undefined) this.breach ??= 'a frame behind a Close frame';
    const bytes = toBytes(payload);
    const opcode = firstByte & 0xf;
    if (opcode === Opcode.Close) {
      this.closeSent = bytes.length === 0 ? CloseCode.NoStatusReceived : bytes[0]! * 256 + bytes[1]!;
    }
    if (!this.reachesPeer) return;
    const frame = encodeFrame(firstByte, bytes, this.role === 'client' ? MASKING_KEY : undefined);
    const isMessageEnd = (firstByte & FIN) !== 0 && opcode < Opcode.Close;
    this.way.push({ bytes: frame, messages: isMessageEnd ? 1 : 0, isJoined: false });
  }

  flush(): void {}

  end(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    if (this.reachesPeer) this.way.push('end');
  }

  // ---- ConnectionHandler ------------------------------------------------------------------------------------------

  message(chunk: Chunk, start: number, end: number, isBinary: boolean): void {
    if (this.putsOff) {
      this.putsOff = false;
      this.isRateHeld = true;
      this.connection.putOff(chunk, start, end, isBinary);
      return;
    }
    this.hear('message', true);
    const number = ++this.received;
    const got = chunk.bytes.slice(start, end);
    const isRight = got.length === 2 && got.every((byte, i) => byte === messageBytes(number)[i]);
    if (!isRight || isBinary !== (number % 2 === 1)) {
      this.breach ??= `message ${number} came as [${toHex(got)}], ${isBinary ? 'binary' : 'text'}`;
    }
    this.react();
  }

  ping(payload: Uint8Array): void {
    this.hear('ping', true);
    this.heardPing++;
    if (payload[0] !== this.heardPing) this.breach ??= `ping ${this.heardPing} came as ${payload[0]}`;
    this.react();
  }

  pong(payload: Uint8Array): void {
    this.hear('pong', true);
    const [number = 0] = payload;
    if (number <= this.heardPong) this.breach ??= `pong ${number} came behind pong ${this.heardPong}`;
    this.heardPong = number;
    this.react();
  }

  closeReceived(): void {
    this.hear('closeReceived', false);
    this.closeHeard = true;
    this.react();
  }

  failed(id: ViolationId): void {
    this.hear('failed', false);
    if (!ASKED_FOR.includes(id)) this.breach ??= `fails with ${id}, though both sides keep to the rules`;
    this.hasFailed = true;
    this.react();
  }

  closed(): void {
    if (this.isClosed) this.breach ??= 'closed is heard twice';
    this.isClosed = true;
  }

  private hear(what: string, mayBeHeld: boolean): void {
    if (this.isClosed) this.breach ??= `${what} is heard behind closed`;
    else if (this.closeHeard) this.breach ??= `${what} is heard behind the Close frame`;
    else if (this.hasFailed) this.breach ??= `${what} is heard behind the failure`;
    else if (mayBeHeld && this.isHalted) this.breach ??= `${what} is heard while halted`;
    else if (mayBeHeld && this.isRateHeld) this.breach ??= `${what} is heard before the one that was put off`;
  }

  private react(): void {
    const { reaction } = this;
    this.reaction = undefined;
    reaction?.();
  }

  // ---- What can be told of it -------------------------------------------------------------------------------------

  /** What its state has to be, by what was written and heard. */
  get expectedState(): ConnectionState {
    if (this.isClosed) return 'closed';
    // An end that has been taken note of: one that waits behind input is not read yet.
    if (this.endReported && !this.connection.isEndWaiting) return 'peerEnded';
    if (this.hasFailed) return 'failed';
    if (this.closeHeard) return 'closeExchanged';
    return this.closeSent === undefined ? 'open' : 'closeSent';
  }

  /** What must not be, in words; undefined when all is well. */
  fault(peer: Side): string | undefined {
    if (this.breach !== undefined) return this.breach;
    const { connection, expectedState: state, received, arrived } = this;
    if (connection.state !== state) return `is ${connection.state}, has to be ${state}`;
    if (received > peer.sent) return `has got ${received} messages of ${peer.sent}`;
    if (this.closeHeard && received !== peer.sent) return `is closed with ${received} messages of ${peer.sent}`;
    const closeCode = this.closeHeard ? peer.closeSent : CloseCode.AbnormalClosure;
    if (connection.closeCode !== closeCode) return `has close code ${connection.closeCode}, not ${closeCode}`;
    // §7.1.1, §7.1.7: who fails ends its side, and so does the server that has got a Close frame.
    const hasToEnd = this.hasFailed || (this.closeHeard && this.role === 'server');
    if (hasToEnd && !this.hasEnded) return 'has not ended its side';

    // Whatever has come is handed out, unless the connection fails, or something holds it back.
    const isWaiting = this.isHalted || this.isRateHeld || this.inflation !== undefined || this.turn !== undefined;
    const isDone = state === 'closed' || ((state === 'open' || state === 'closeSent') && !isWaiting);
    if (this.hasFailed || !isDone) return undefined;
    if (received !== arrived) return `lost messages: ${received} of ${arrived} are handed out`;
    if (peer.way.length > 0 || this.isLost) return undefined;
    if (arrived !== peer.sent) return `lost messages: ${arrived} of ${peer.sent} have come`;
    return this.heardPing === peer.sentPings
      ? undefined
      : `lost pings: ${this.heardPing} of ${peer.sentPings} have come`;
  }
}
