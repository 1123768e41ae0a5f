/** What passed on the wire in one case, for people who have to find out why it failed. Bounded: it keeps the beginning. */

import { opcodeName } from '../protocol/index.ts';
import { describeBytes } from './payload.ts';

export interface WireLogEntry {
  /** Milliseconds since the opening handshake was completed. */
  readonly atMs: number;
  readonly direction: 'sent' | 'received' | 'note';
  readonly text: string;
}

const MAX_ENTRIES = 60;

export class WireLog {
  readonly entries: WireLogEntry[] = [];
  /** How many entries did not fit. */
  omitted = 0;
  private readonly startedAt = performance.now();

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedAt);
  }

  /** Whether further entries are only counted. */
  get isFull(): boolean {
    return this.entries.length >= MAX_ENTRIES;
  }

  add(direction: WireLogEntry['direction'], text: string): void {
    if (!this.isFull) this.entries.push({ atMs: this.elapsedMs, direction, text });
    else this.omitted++;
  }

  frame(direction: 'sent' | 'received', header: LoggedHeader, payload: Uint8Array, note = ''): void {
    if (!this.isFull) this.add(direction, describeFrame(header, payload) + note);
    else this.omitted++;
  }
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
