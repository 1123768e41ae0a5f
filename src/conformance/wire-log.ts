/**
 * What passed on the wire in one case, for people who have to find out why it failed: in words, and as octets. Bounded:
 * it keeps the beginning of either, and counts the rest.
 */

import { opcodeName } from '../protocol/index.ts';
import { describeBytes } from './payload.ts';

export interface WireLogEntry {
  /** Milliseconds since the opening handshake was completed. */
  readonly atMs: number;
  readonly direction: 'sent' | 'received' | 'note';
  readonly text: string;
  /** Where in the octets of its direction it begins; not of notes. */
  readonly offset?: number;
}

/** Octets that were written or read at once. */
export interface WireChunk {
  readonly atMs: number;
  readonly direction: 'sent' | 'received';
  readonly lengthBytes: number;
  /** How many entries of the log stood before it. */
  readonly entriesBefore: number;
}

/** One direction of a connection, behind the opening handshake. */
export interface WireOctets {
  readonly lengthBytes: number;
  /** As many of the first as are kept. */
  readonly beginning: Uint8Array;
  /** How many writes or reads had each length, in bytes. */
  readonly sizes: Readonly<Record<number, number>>;
  /** How many frames had each opcode. */
  readonly frames: Readonly<Record<number, number>>;
}

export interface WireRecord {
  readonly sent: WireOctets;
  readonly received: WireOctets;
  /** The first writes and reads, in the order in which they came. */
  readonly chunks: readonly WireChunk[];
}

export interface WireLogLimits {
  readonly maxEntries: number;
  /** Of the octets of each direction. */
  readonly maxBytes: number;
}

const DEFAULT_LIMITS: WireLogLimits = { maxEntries: 60, maxBytes: 4096 };
/** Keeps everything. */
export const NO_WIRE_LIMITS: WireLogLimits = {
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

export class WireLog {
  readonly entries: WireLogEntry[] = [];
  /** How many entries did not fit. */
  omitted = 0;
  private readonly limits: WireLogLimits;
  private readonly startedAt = performance.now();
  private readonly chunks: WireChunk[] = [];
  private readonly sent = new OctetLog();
  private readonly received = new OctetLog();

  constructor(limits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedAt);
  }

  /** Whether further entries are only counted. */
  get isFull(): boolean {
    return this.entries.length >= this.limits.maxEntries;
  }

  get record(): WireRecord {
    return { sent: this.sent.octets(), received: this.received.octets(), chunks: this.chunks };
  }

  /** @param offset where in the octets of this direction it begins */
  add(direction: WireLogEntry['direction'], text: string, offset?: number): void {
    const { elapsedMs: atMs } = this;
    if (this.isFull) this.omitted++;
    else this.entries.push({ atMs, direction, text, ...(offset !== undefined && { offset }) });
  }

  frame(direction: 'sent' | 'received', header: LoggedHeader, payload: Uint8Array, note = '', offset?: number): void {
    if (!this.isFull) this.add(direction, describeFrame(header, payload) + note, offset);
    else this.omitted++;
  }

  countFrames(direction: 'sent' | 'received', opcode: number, frames: number): void {
    if (frames > 0) add(this[direction].frames, opcode, frames);
  }

  /** Octets that are written or have been read, which stay as they are. */
  octets(direction: 'sent' | 'received', bytes: Uint8Array): void {
    this[direction].push(bytes, this.limits.maxBytes);
    if (this.chunks.length >= this.limits.maxEntries) return;
    const { elapsedMs: atMs, entries } = this;
    this.chunks.push({ atMs, direction, lengthBytes: bytes.length, entriesBefore: entries.length });
  }
}

class OctetLog {
  private lengthBytes = 0;
  private keptBytes = 0;
  private readonly kept: Uint8Array[] = [];
  private readonly sizes = new Map<number, number>();
  readonly frames = new Map<number, number>();

  push(bytes: Uint8Array, maxBytes: number): void {
    const { length } = bytes;
    this.lengthBytes += length;
    add(this.sizes, length, 1);
    if (this.keptBytes >= maxBytes) return;
    // A copy: whoever reads them unmasks them where they lie.
    const piece = Uint8Array.prototype.slice.call(bytes, 0, maxBytes - this.keptBytes);
    this.kept.push(piece);
    this.keptBytes += piece.length;
  }

  octets(): WireOctets {
    const { lengthBytes, kept, sizes, frames } = this;
    return {
      lengthBytes,
      beginning: Uint8Array.from(Buffer.concat(kept)),
      sizes: Object.fromEntries(sizes),
      frames: Object.fromEntries(frames),
    };
  }
}

function add(counts: Map<number, number>, key: number, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}

interface LoggedHeader {
  readonly opcode: number;
  readonly fin: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. */
  readonly rsv: number;
}

function describeFrame({ opcode, fin, rsv }: LoggedHeader, payload: Uint8Array): string {
  const bits = ['RSV1', 'RSV2', 'RSV3'].filter((_, i) => (rsv & (4 >> i)) !== 0);
  const flags = [...(fin ? [] : ['FIN clear']), ...bits].map((flag) => `, ${flag}`).join('');
  return `${opcodeName(opcode)}${flags}, ${describeBytes(payload)}`;
}
