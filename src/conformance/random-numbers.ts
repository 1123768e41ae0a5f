/** Numbers that look random and are the same in every run: an xorshift generator of 32 bits, enough to make test data. */

export class RandomNumbers {
  private state: number;

  /** @param seed a whole number from 1 on */
  constructor(seed: number) {
    this.state = Math.imul(seed, 0x9e37_79b9) | 0;
  }

  /** A whole number of 32 bits, signed. */
  private next(): number {
    let state = this.state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.state = state;
    return state;
  }

  /** From 0 to just under 1. */
  fraction(): number {
    return (this.next() >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 to one less than `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  bytes(length: number): Uint8Array {
    const words = Int32Array.from({ length: Math.ceil(length / 4) }, () => this.next());
    return new Uint8Array(words.buffer, 0, length);
  }
}
