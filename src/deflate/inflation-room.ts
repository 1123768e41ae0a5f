/**
 * How many bytes may be inflated and not yet handed over at a time, for the whole process: messages that are each within
 * their limit may still be too much together. Whoever finds no room waits; one at a time may go past the bound, so that
 * there is always one that comes to its end.
 */

/** For all connections together. Beyond it there is one message at most, of the connection's own limit. */
export const MAX_INFLATING_BYTES = 64 * 1_048_576;

/** What one message has taken: from what it is inflated to first, until it has been handed over. */
export interface Claim {
  heldBytes: number;
  /** Whether it waits for more. */
  isWaiting: boolean;
}

interface Waiting {
  readonly claim: Claim;
  readonly lengthBytes: number;
  go(): void;
}

export class InflationRoom {
  private readonly maxBytes: number;
  private heldBytes = 0;
  /** Who may go past the bound. */
  private first: Claim | undefined;
  private waiting: Waiting[] = [];
  private isAdmitting = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** @param go called once: now, when there is room, or when `release` is called for the claim */
  take(claim: Claim, lengthBytes: number, go: () => void): void {
    claim.isWaiting = true;
    this.waiting.push({ claim, lengthBytes, go });
    this.admit();
  }

  /** Gives back what turned out not to be needed. */
  giveBack(claim: Claim, lengthBytes: number): void {
    claim.heldBytes -= lengthBytes;
    this.heldBytes -= lengthBytes;
    this.admit();
  }

  /** Gives back all that has been taken, and lets go what waits for more. */
  release(claim: Claim): void {
    this.heldBytes -= claim.heldBytes;
    claim.heldBytes = 0;
    if (this.first === claim) this.first = undefined;
    if (claim.isWaiting) {
      claim.isWaiting = false;
      const [own] = this.waiting.splice(
        this.waiting.findIndex((waiting) => waiting.claim === claim),
        1,
      );
      own!.go();
    }
    this.admit();
  }

  /** A loop, not a recursion: what one does with its room may be to take or give back more. */
  private admit(): void {
    if (this.isAdmitting) return;
    this.isAdmitting = true;
    try {
      for (let next = this.takeNext(); next !== undefined; next = this.takeNext()) next.go();
    } finally {
      this.isAdmitting = false;
    }
  }

  /** In the order of their coming, but for the one that everybody waits for. */
  private takeNext(): Waiting | undefined {
    const at = this.first?.isWaiting === true ? this.waiting.findIndex(({ claim }) => claim === this.first) : 0;
    const next = this.waiting[at];
    if (next === undefined) return undefined;
    const { claim, lengthBytes } = next;
    if (this.heldBytes + lengthBytes > this.maxBytes) {
      if (this.first !== undefined && this.first !== claim) return undefined;
      this.first = claim;
    }
    this.waiting.splice(at, 1);
    claim.isWaiting = false;
    claim.heldBytes += lengthBytes;
    this.heldBytes += lengthBytes;
    return next;
  }
}

/** What all inflations of the process share. */
export const inflationRoom = new InflationRoom(MAX_INFLATING_BYTES);
