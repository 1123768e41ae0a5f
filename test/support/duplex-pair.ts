/** Two streams, each of which reads what the other writes. */

import { Duplex } from 'node:stream';

class Half extends Duplex {
  other: Half | undefined;
  #proceed: () => void = () => {};

  override _read(): void {
    this.#proceed();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.other!.#proceed = done;
    this.other!.push(chunk);
  }

  override _final(done: () => void): void {
    this.other!.push(null);
    done();
  }
}

export function duplexPair(): [Duplex, Duplex] {
  const [one, two] = [new Half(), new Half()];
  one.other = two;
  two.other = one;
  return [one, two];
}
