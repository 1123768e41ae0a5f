/**
 * What servers and connections tell those who watch a process: one channel of node:diagnostics_channel for each kind of
 * event, here from the lowest folder that has something to tell. A message is made only while its channel has subscribers;
 * what one of them throws is Node's affair, and harms no connection. Also what has to be remembered of a connection for the
 * message about its end, which again is only remembered for subscribers.
 */

import { channel } from 'node:diagnostics_channel';
import type { Socket as NetSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CONTROL_BIT, FIN, OPCODE_BITS, Opcode, RSV1, VIOLATIONS, type ViolationId } from '../protocol/index.ts';

/** Who began the end: this side, the peer with a Close frame, or the transport, which went without one (§7.1.5). */
export type ClosedBy = 'us' | 'peer' | 'transport';

/** What each channel's messages have. */
export interface ChannelMessages<Socket, Server, Request, Reason> {
  /** A server has accepted a request: the connection is open, and its 'connection' event follows. */
  'framewright:upgrade.accepted': {
    readonly server: Server;
    readonly request: Request;
    readonly socket: Socket;
    /** From the request's head to the open connection, in milliseconds; what the application's hooks take is in it. */
    readonly durationMs: number;
  };
  /** A server has refused a request. */
  'framewright:upgrade.refused': {
    readonly server: Server;
    /** Undefined when the request could not be read. */
    readonly request: Request | undefined;
    /** The transport below. */
    readonly stream: Duplex;
    readonly reason: Reason;
    /** That of the answer; a 'wsClientError' listener may have given another. */
    readonly status: number;
    /** What was wrong, in words; '' where the reason says it. */
    readonly message: string;
  };
  /** A client's opening handshake did not succeed. */
  'framewright:connect.failed': {
    readonly socket: Socket;
    /** The address asked for last. */
    readonly url: string;
    readonly error: Error;
  };
  /** A connection is open. */
  'framewright:open': { readonly socket: Socket; readonly role: 'server' | 'client' };
  /** A message has come, and is about to be handed out. */
  'framewright:message.in': MessageEvent<Socket>;
  /** A message, or with `fin` false a fragment of one, has been given to the socket's queue. */
  'framewright:message.out': MessageEvent<Socket> & { readonly fin: boolean };
  /** The peer has answered a ping of the heartbeat. */
  'framewright:heartbeat.answered': { readonly socket: Socket; readonly latencyMs: number };
  /** The heartbeat has given a silent peer up: the connection ends. */
  'framewright:heartbeat.lost': { readonly socket: Socket; readonly error: Error };
  /** So much waits for the peer that `isWritable` is false. */
  'framewright:backpressure.begin': { readonly socket: Socket; readonly backlogBytes: number };
  /** Little enough waits again: 'drain' follows. A connection that ends before that says so by its end. */
  'framewright:backpressure.end': { readonly socket: Socket; readonly backlogBytes: number };
  /** A message has come sooner than `messageRate` lets it: it waits, or the connection ends. */
  'framewright:rate.begin': { readonly socket: Socket; readonly bytes: number };
  /** A message has come that need not wait. */
  'framewright:rate.end': { readonly socket: Socket; readonly bytes: number };
  /** A connection has ended; its 'close' event follows. */
  'framewright:close': {
    readonly socket: Socket;
    readonly role: 'server' | 'client';
    /** Of the peer's Close frame, as with 'close': 1006 when there was none. */
    readonly code: number;
    readonly reason: string;
    readonly closedBy: ClosedBy;
    /** The code of the Close frame that this side sent of its own accord. */
    readonly sentCode: number | undefined;
    /** What the connection failed for (§7.1.7): a row of the table of errors. */
    readonly violation: ViolationId | undefined;
    /** What 'error' had; or what the transport reported, such as ECONNRESET. */
    readonly error: Error | undefined;
    /** How long it was open. Undefined when nobody had subscribed to this channel at the time that it opened. */
    readonly durationMs: number | undefined;
    /** All that the transport has carried, the opening handshake included. Undefined where the stream does not count. */
    readonly bytesIn: number | undefined;
    readonly bytesOut: number | undefined;
  };
}

interface MessageEvent<Socket> {
  readonly socket: Socket;
  /** Of the payload, as the application has it. */
  readonly bytes: number;
  readonly isBinary: boolean;
  /** Of the compressed payload; undefined when it was not compressed. */
  readonly compressedBytes: number | undefined;
}

type Messages = ChannelMessages<object, object, object, string>;
type Message<Name extends keyof Messages> = Messages[Name];

interface Channel<Content> {
  readonly hasSubscribers: boolean;
  publish(message: Content): void;
}

const open = <Name extends keyof Messages>(name: Name): Channel<Message<Name>> => channel(name);

export const upgradeAccepted = open('framewright:upgrade.accepted');
export const upgradeRefused = open('framewright:upgrade.refused');
export const connectFailed = open('framewright:connect.failed');
export const opened = open('framewright:open');
export const messageIn = open('framewright:message.in');
export const messageOut = open('framewright:message.out');
export const heartbeatAnswered = open('framewright:heartbeat.answered');
export const heartbeatLost = open('framewright:heartbeat.lost');
export const backPressureBegin = open('framewright:backpressure.begin');
export const backPressureEnd = open('framewright:backpressure.end');
export const rateBegin = open('framewright:rate.begin');
export const rateEnd = open('framewright:rate.end');
export const closed = open('framewright:close');

/** A frame that somebody else has encoded. Of a compressed one, only the compressed length is known. */
export function publishEncoded(socket: object, parts: readonly Uint8Array[]): void {
  const [firstByte = 0, secondByte = 0] = parts[0] ?? [];
  if ((firstByte & CONTROL_BIT) !== 0) return;
  const shortLength = secondByte & 0x7f;
  const lengthBytes = shortLength < 126 ? 0 : shortLength === 126 ? 2 : 8;
  const headerBytes = 2 + lengthBytes + ((secondByte & 0x80) === 0 ? 0 : 4);
  const bytes = parts.reduce((sum, { length }) => sum + length, -headerBytes);
  messageOut.publish({
    socket,
    bytes,
    isBinary: (firstByte & OPCODE_BITS) === Opcode.Binary,
    fin: (firstByte & FIN) !== 0,
    compressedBytes: (firstByte & RSV1) === 0 ? undefined : bytes,
  });
}

// ---- How long an upgrade takes --------------------------------------------------------------------------------------

/** When a request's head was there, by its transport. Empty while nobody listens. */
const beginnings = new WeakMap<Duplex, number>();

export function noteRequest(stream: Duplex): void {
  if (upgradeAccepted.hasSubscribers) beginnings.set(stream, performance.now());
}

/** Called when somebody has subscribed. */
export function publishAccepted(
  stream: Duplex,
  acceptance: Pick<Message<'framewright:upgrade.accepted'>, 'server' | 'request' | 'socket'>,
): void {
  const now = performance.now();
  upgradeAccepted.publish({ ...acceptance, durationMs: now - (beginnings.get(stream) ?? now) });
}

// ---- The end of a connection ----------------------------------------------------------------------------------------

/** What is known of a connection's life before it has ended. */
interface Life {
  openedAt: number | undefined;
  closedBy: ClosedBy | undefined;
  sentCode: number | undefined;
  violation: ViolationId | undefined;
  error: Error | undefined;
}

/** By transport. Empty while nobody listens. */
const lives = new WeakMap<object, Life>();

function lifeOf(transport: object): Life {
  let life = lives.get(transport);
  if (life === undefined) {
    life = { openedAt: undefined, closedBy: undefined, sentCode: undefined, violation: undefined, error: undefined };
    lives.set(transport, life);
  }
  return life;
}

export function noteOpening(transport: object): void {
  if (closed.hasSubscribers) lifeOf(transport).openedAt = performance.now();
}

/** What ends the connection. The first that is noted has begun it. @param sentCode of our Close frame */
export function noteEnding(transport: object, closedBy: ClosedBy, sentCode?: number): void {
  if (!closed.hasSubscribers) return;
  const life = lifeOf(transport);
  if (life.closedBy !== undefined) return;
  life.closedBy = closedBy;
  life.sentCode = sentCode;
}

/** Why this side ends it. @param violation for which it fails (§7.1.7) */
export function noteFailure(transport: object, error: Error, violation?: ViolationId): void {
  if (!closed.hasSubscribers) return;
  noteEnding(transport, 'us', violation && VIOLATIONS[violation].closeCode);
  const life = lifeOf(transport);
  life.violation = violation;
  life.error = error;
}

/** Called when somebody has subscribed. */
export function publishClosed(
  transport: { readonly socket: Duplex },
  end: Pick<Message<'framewright:close'>, 'socket' | 'role' | 'code' | 'reason'>,
): void {
  const { openedAt, closedBy = 'transport', sentCode, violation, error } = lifeOf(transport);
  const { bytesRead, bytesWritten, errored } = transport.socket as Duplex & Partial<NetSocket>;
  closed.publish({
    ...end,
    closedBy,
    sentCode,
    violation,
    error: error ?? errored ?? undefined,
    durationMs: openedAt === undefined ? undefined : performance.now() - openedAt,
    bytesIn: bytesRead,
    bytesOut: bytesWritten,
  });
}
