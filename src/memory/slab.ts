/**
 * Memory that outgoing frames are put together in, shared by all connections. A slab starts over when every range
 * taken from it has been handed to the kernel; one that the kernel has not emptied at once is left to the socket that
 * still needs it, and another takes its place.
 */

import { Chunk } from '../protocol/index.ts';

export const SLAB_BYTES = 131_072;

export class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** The same, for masking. */
  readonly chunk = new Chunk(this.bytes);
  used = 0;
  /** Ranges that somebody fills or has not written yet: whoever begins one counts it, and gives it back. */
  lentRanges = 0;
  private isRetained = false;

  /** Gives a range back. `isTaken`: the kernel has copied it already. */
  giveBack(isTaken: boolean): void {
    this.lentRanges--;
    if (!isTaken) this.isRetained = true;
    if (this.isRetained) {
      if (current === this) current = takeSlab();
    } else if (this.lentRanges === 0) {
      this.used = 0;
      if (current !== this && spares.length < MAX_SPARES) spares.push(this);
    }
  }
}

/** Slabs that a burst has filled and the kernel emptied: half a mebibyte at most. */
const spares: Slab[] = [];
const MAX_SPARES = 4;

function takeSlab(): Slab {
  return spares.pop() ?? new Slab();
}

let current = takeSlab();

/** Whether the slab at hand has room for so many bytes. */
export function hasRoom(lengthBytes: number): boolean {
  return SLAB_BYTES - current.used >= lengthBytes;
}

/** The slab to write into, with room for so many bytes (at most `SLAB_BYTES`). */
export function slabWithRoom(lengthBytes: number): Slab {
  if (current.used + lengthBytes > SLAB_BYTES) current = takeSlab();
  return current;
}
