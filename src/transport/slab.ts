/**
 * Memory that outgoing frames are put together in, shared by all connections. A slab starts over when every range
 * taken from it has been handed to the kernel; one that the kernel has not emptied at once is left to the socket that
 * still needs it, and a new one takes its place.
 */

export const SLAB_BYTES = 65_536;

export class Slab {
  readonly bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  used = 0;
  /** Ranges that somebody fills or has not written yet. */
  private lentRanges = 0;
  private isRetained = false;

  lend(): void {
    this.lentRanges++;
  }

  /** Gives a range back. `isTaken`: the kernel has copied it already. */
  giveBack(isTaken: boolean): void {
    this.lentRanges--;
    if (!isTaken) this.isRetained = true;
    if (this.isRetained) {
      if (current === this) current = new Slab();
    } else if (this.lentRanges === 0) {
      this.used = 0;
    }
  }
}

let current = new Slab();

/** The slab to write into, with room for so many bytes (at most `SLAB_BYTES`). */
export function slabWithRoom(lengthBytes: number): Slab {
  if (SLAB_BYTES - current.used < lengthBytes) current = new Slab();
  return current;
}
