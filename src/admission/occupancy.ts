/** How many connections a server has, in all and by address: the options `maxConnections` and `maxConnectionsPerAddress`. */

import { RETRY_LATER, type Rejection } from './rejection.ts';

const FULL: Rejection = {
  reason: 'maxConnections',
  status: 503,
  message: 'The server has as many connections as it takes',
  headers: RETRY_LATER,
};
const FULL_FOR_ADDRESS: Rejection = {
  reason: 'maxConnectionsPerAddress',
  status: 429,
  message: 'There are too many connections from this address',
  headers: RETRY_LATER,
};

export class Occupancy {
  readonly #max: number;
  readonly #maxPerAddress: number;
  #count = 0;
  /** For those that have any. */
  readonly #countByAddress = new Map<string, number>();

  constructor(max: number, maxPerAddress: number) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
  }

  /** Of how many addresses something is kept. */
  get addressCount(): number {
    return this.#countByAddress.size;
  }

  /** @param address '' where there is none, as on a unix socket: it is not counted then */
  faultWith(address: string): Rejection | undefined {
    if (this.#count >= this.#max) return FULL;
    return (this.#countByAddress.get(address) ?? 0) >= this.#maxPerAddress ? FULL_FOR_ADDRESS : undefined;
  }

  /** Counts a connection, which begins when its request is looked at. @returns what ends it; it may be called again */
  take(address: string): () => void {
    this.#count += 1;
    this.#add(address, 1);
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.#count -= 1;
      this.#add(address, -1);
    };
  }

  #add(address: string, change: number): void {
    if (address === '') return;
    const count = (this.#countByAddress.get(address) ?? 0) + change;
    if (count === 0) this.#countByAddress.delete(address);
    else this.#countByAddress.set(address, count);
  }
}
