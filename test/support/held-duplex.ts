/**
 * A Duplex that keeps the chunks it is given, the memory itself, and looks at them only when the test lets it: what a
 * proxy, an encrypting stream or HTTP/2 may do.
 */

import { Duplex } from 'node:stream';

export class HeldDuplex extends Duplex {
  /** The chunks as given, in order, whether let go or not. */
  readonly chunks: Uint8Array[] = [];
  /** What was read out of them when they were let go. */
  readonly #written: Buffer[] = [];
  #done: ((error?: Error | null) => void)[] = [];
  #isHolding: boolean;
  writes = 0;

  constructor(isHolding = true) {
    super({ autoDestroy: true });
    this.#isHolding = isHolding;
  }

  override _read(): void {}

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#take([chunk], done);
  }

  override _writev(items: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#take(
      items.map(({ chunk }) => chunk),
      done,
    );
  }

  /** Lets go of everything held, and of what comes later. */
  release(): void {
    this.#isHolding = false;
    while (this.#done.length > 0) {
      const done = this.#done;
      this.#done = [];
      this.#copy();
      for (const callback of done) callback();
    }
  }

  /** Lets go of the oldest write alone, if there is one. */
  takeOne(): void {
    const done = this.#done.shift();
    this.#copy();
    done?.();
  }

  /** All bytes let go so far. */
  get written(): Buffer {
    return Buffer.concat(this.#written);
  }

  #take(chunks: Uint8Array[], done: (error?: Error | null) => void): void {
    this.writes++;
    this.chunks.push(...chunks);
    if (this.#isHolding) {
      this.#done.push(done);
      return;
    }
    this.#copy();
    done();
  }

  #copied = 0;
  #copy(): void {
    for (; this.#copied < this.chunks.length; this.#copied++) {
      this.#written.push(Buffer.from(this.chunks[this.#copied]!));
    }
  }
}
