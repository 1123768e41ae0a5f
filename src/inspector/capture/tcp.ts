/**
 * Puts TCP connections together out of their segments (RFC 9293): in order, each byte once, whatever was sent again,
 * overtaken or only partly captured. Bytes that are missing for good are told as a gap. It knows nothing of what the
 * bytes say.
 */

import type { Datagram } from './ip.ts';

/** 0 or 1: the two ends of a connection. */
export type End = 0 | 1;

export interface TcpConnection {
  /** `address:port` of each end. */
  readonly ends: readonly [string, string];
  readonly ports: readonly [number, number];
  /** Who opened it, where the capture shows that. */
  opener: End | undefined;
}

export interface TcpHandler<Connection> {
  onOpen(connection: TcpConnection): Connection;
  /** Bytes from an end; a view, valid during the call. */
  onBytes(connection: Connection, from: End, bytes: Uint8Array, atMs: number | undefined): void;
  /** Bytes passed that are not in the capture; 0 when it begins inside the connection. */
  onGap(connection: Connection, from: End, byteCount: number): void;
  onEnd(connection: Connection): void;
}

interface Segment {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly missingBytes: number;
  readonly atMs: number | undefined;
}

interface Side {
  /** The sequence number of the next byte; undefined before anything has come. */
  next: number | undefined;
  /** Segments behind a gap, which may be filled yet. */
  readonly waiting: Segment[];
  waitingBytes: number;
  /** What the other end says that it has. */
  acknowledged: number | undefined;
  /** Behind its last byte, once its FIN has come. */
  finishedAt: number | undefined;
  /** The first sequence number behind its SYN. */
  first: number | undefined;
}

interface Entry<Connection> {
  readonly tcp: TcpConnection;
  readonly handed: Connection;
  readonly sides: readonly [Side, Side];
  /** Segments since one has had to wait. */
  waited: number;
}

const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

const MAX_CONNECTIONS = 5000;
/** Of connections that are over so many are known, to tell what comes late from what is new. */
const MAX_ENDED = 20_000;
/** So much may wait for a gap to be filled, before that is taken for a gap for good. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const MAX_WAITING_SEGMENTS = 2000;
const MAX_ALL_WAITING_BYTES = 64 * 1024 * 1024;
/** So many segments after the other end has said that it has what is missing here. */
const MAX_WAITED_ACKNOWLEDGED = 64;

export class TcpReader<Connection> {
  readonly #handler: TcpHandler<Connection>;
  readonly #entries = new Map<string, Entry<Connection>>();
  /** Connections that are over, and the first sequence number of who opened them. */
  readonly #ended = new Map<string, number | undefined>();
  /** Of all connections. */
  #waitingBytes = 0;

  constructor(handler: TcpHandler<Connection>) {
    this.#handler = handler;
  }

  read({ source, destination, payload: packet, missingBytes }: Datagram, atMs: number | undefined): void {
    if (packet.length < 20) return;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const [sourcePort, destinationPort] = [view.getUint16(0), view.getUint16(2)];
    const [sequence, acknowledgement] = [view.getUint32(4), view.getUint32(8)];
    const headerLength = 4 * (packet[12]! >>> 4);
    const flags = packet[13]!;
    if (headerLength < 20) return;
    const bytes = packet.subarray(Math.min(headerLength, packet.length));
    const [from, to] = [endText(source, sourcePort), endText(destination, destinationPort)];
    const isFirst = from < to;
    const key = isFirst ? `${from} ${to}` : `${to} ${from}`;
    let entry = this.#entries.get(key);
    const isOpening = (flags & (SYN | ACK | RST)) === SYN;
    const end: End = isFirst ? 0 : 1;
    // The same ports again: another connection, unless the SYN itself comes again.
    const isAnew = isOpening && (this.#ended.get(key) ?? entry?.sides[end].first) !== (sequence + 1) >>> 0;
    if (entry !== undefined && isAnew && entry.sides[end].next !== undefined) {
      this.#end(key, entry);
      entry = undefined;
    }
    if (entry === undefined) {
      if (this.#ended.has(key) && !isAnew) return;
      if ((flags & RST) !== 0 || (bytes.length === 0 && (flags & SYN) === 0)) return;
      const ends: [string, string] = isFirst ? [from, to] : [to, from];
      const ports: [number, number] = isFirst ? [sourcePort, destinationPort] : [destinationPort, sourcePort];
      entry = this.#open(key, { ends, ports, opener: undefined });
    }
    if ((flags & SYN) !== 0) entry.tcp.opener ??= (flags & ACK) === 0 ? end : otherEnd(end);
    const side = entry.sides[end];
    if ((flags & ACK) !== 0) acknowledge(entry.sides[otherEnd(end)], acknowledgement);
    const segment = { sequence: (sequence + ((flags & SYN) === 0 ? 0 : 1)) >>> 0, bytes, missingBytes, atMs };
    if (side.next === undefined && ((flags & SYN) !== 0 || bytes.length > 0)) {
      side.next = segment.sequence;
      if ((flags & SYN) !== 0) side.first = segment.sequence;
      if ((flags & SYN) === 0) this.#handler.onGap(entry.handed, end, 0);
    }
    if (bytes.length + missingBytes > 0) this.#take(entry, end, segment);
    if ((flags & FIN) !== 0) side.finishedAt = (segment.sequence + bytes.length + missingBytes) >>> 0;
    if (entry.sides.some(({ waiting }) => waiting.length > 0)) {
      entry.waited++;
      for (const sender of [0, 1] as const) this.#giveUp(entry, sender);
    }
    if ((flags & RST) !== 0 || entry.sides.every(isFinished)) this.#end(key, entry);
    else if (this.#entries.size > MAX_CONNECTIONS / 2) {
      // Those of which nothing is heard come first.
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
  }

  /** No more packets come. */
  finish(): void {
    for (const [key, entry] of this.#entries) this.#end(key, entry);
  }

  #open(key: string, tcp: TcpConnection): Entry<Connection> {
    if (this.#entries.size >= MAX_CONNECTIONS) {
      const [oldest, its] = this.#entries.entries().next().value!;
      this.#end(oldest, its);
    }
    const entry = {
      tcp,
      handed: this.#handler.onOpen(tcp),
      sides: [newSide(), newSide()] as const,
      waited: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #take(entry: Entry<Connection>, end: End, segment: Segment): void {
    const side = entry.sides[end];
    const ahead = (segment.sequence - side.next!) | 0;
    if (ahead <= 0) {
      this.#deliver(entry, end, segment);
      this.#deliverWaiting(entry, end);
    } else if (
      !side.waiting.some(({ sequence, bytes }) => sequence === segment.sequence && bytes.length >= segment.bytes.length)
    ) {
      if (side.waiting.length === 0) entry.waited = 0;
      side.waiting.push({ ...segment, bytes: segment.bytes.slice() });
      side.waitingBytes += segment.bytes.length;
      this.#waitingBytes += segment.bytes.length;
    }
  }

  /** Hands on what of the segment has not been: some of it may have come before. */
  #deliver(entry: Entry<Connection>, end: End, { sequence, bytes, missingBytes, atMs }: Segment): void {
    const side = entry.sides[end];
    const known = (side.next! - sequence) | 0;
    const fresh = bytes.subarray(Math.max(0, known));
    const missing = Math.min(missingBytes, bytes.length + missingBytes - known);
    if (fresh.length > 0) {
      side.next = (side.next! + fresh.length) >>> 0;
      this.#handler.onBytes(entry.handed, end, fresh, atMs);
    }
    if (missing > 0) {
      side.next = (side.next! + missing) >>> 0;
      this.#handler.onGap(entry.handed, end, missing);
    }
  }

  #deliverWaiting(entry: Entry<Connection>, end: End): void {
    const side = entry.sides[end];
    if (side.waiting.length === 0) return;
    side.waiting.sort((a, b) => (a.sequence - b.sequence) | 0);
    let first = side.waiting[0];
    while (first !== undefined && ((first.sequence - side.next!) | 0) <= 0) {
      side.waiting.shift();
      side.waitingBytes -= first.bytes.length;
      this.#waitingBytes -= first.bytes.length;
      this.#deliver(entry, end, first);
      first = side.waiting[0];
    }
    entry.waited = 0;
  }

  #giveUp(entry: Entry<Connection>, end: End): void {
    const { waiting, waitingBytes, acknowledged, next } = entry.sides[end];
    if (waiting.length === 0) return;
    const isKnown = acknowledged !== undefined && ((acknowledged - next!) | 0) > 0;
    const isTooMuch =
      waitingBytes > MAX_WAITING_BYTES ||
      waiting.length > MAX_WAITING_SEGMENTS ||
      this.#waitingBytes > MAX_ALL_WAITING_BYTES;
    if (isTooMuch || (isKnown && entry.waited > MAX_WAITED_ACKNOWLEDGED)) this.#skipGap(entry, end);
  }

  #skipGap(entry: Entry<Connection>, end: End): void {
    const side = entry.sides[end];
    side.waiting.sort((a, b) => (a.sequence - b.sequence) | 0);
    const missing = (side.waiting[0]!.sequence - side.next!) | 0;
    side.next = side.waiting[0]!.sequence;
    if (missing > 0) this.#handler.onGap(entry.handed, end, missing);
    this.#deliverWaiting(entry, end);
  }

  #end(key: string, entry: Entry<Connection>): void {
    this.#entries.delete(key);
    for (const end of [0, 1] as const) while (entry.sides[end].waiting.length > 0) this.#skipGap(entry, end);
    this.#ended.delete(key);
    this.#ended.set(key, entry.sides[entry.tcp.opener ?? 0].first);
    if (this.#ended.size > MAX_ENDED) this.#ended.delete(this.#ended.keys().next().value!);
    this.#handler.onEnd(entry.handed);
  }
}

/** Whether all has come that the end has sent. */
function isFinished({ finishedAt, next, waiting }: Side): boolean {
  if (finishedAt === undefined || waiting.length > 0) return false;
  return next === undefined || ((next - finishedAt) | 0) >= 0;
}

function acknowledge(side: Side, acknowledgement: number): void {
  if (side.acknowledged === undefined || ((acknowledgement - side.acknowledged) | 0) > 0) {
    side.acknowledged = acknowledgement;
  }
}

function newSide(): Side {
  return {
    next: undefined,
    waiting: [],
    waitingBytes: 0,
    acknowledged: undefined,
    finishedAt: undefined,
    first: undefined,
  };
}

export function otherEnd(end: End): End {
  return end === 0 ? 1 : 0;
}

function endText(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
