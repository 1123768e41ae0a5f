/**
 * Bytes in place of a random source: what fast-check's generators would draw by chance stands in the bytes, four for each
 * draw. So a small change of the bytes is a small change of what is generated. Behind the last of them everything is the
 * least there is: a list ends, a number is small.
 */
export class Choices {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  clone(): Choices {
    return new Choices(this.#bytes, this.#at);
  }

  /** A whole number of 32 bits with a sign; the least one stands for 0. */
  next(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (bytes[at + i] ?? 0) << (8 * i);
    return word ^ 0x8000_0000;
  }

  getState(): readonly number[] {
    return [this.#at];
  }
}
