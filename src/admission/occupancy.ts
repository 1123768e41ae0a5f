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

/** An address's connections are told when their number passes a multiple of this part of the limit. */
const LOT = 1 / 8;

export class Occupancy {
  readonly #max: number;
  readonly #maxPerAddress: number;
  #count = 0;
  /** For those that have any. */
  readonly #countByAddress = new Map<string, number>();
  /** What others have said of an address, who count it as well. */
  readonly #elsewhere = new Map<string, number>();
  /** Set where there are others: told how many connections an address has here, in lots. */
  tellCount: ((address: string, count: number) => void) | undefined;

  constructor(max: number, maxPerAddress: number) {
    this.#max = max;
    this.#maxPerAddress = maxPerAddress;
  }

  /** @param address '' where there is none, as on a unix socket: it is not counted then */
  faultWith(address: string): Rejection | undefined {
    if (this.#count >= this.#max) return FULL;
    const count = (this.#countByAddress.get(address) ?? 0) + (this.#elsewhere.get(address) ?? 0);
    return count >= this.#maxPerAddress ? FULL_FOR_ADDRESS : undefined;
  }

  /** How many connections an address has in all, as far as it was told. */
  setTotal(address: string, total: number): void {
    const count = total - this.#inLots(this.#countByAddress.get(address) ?? 0);
    if (count > 0) this.#elsewhere.set(address, count);
    else this.#elsewhere.delete(address);
  }

  /** Nothing is known of others. */
  forgetOthers(): void {
    this.#elsewhere.clear();
  }

  #inLots(count: number): number {
    const lot = Math.max(1, Math.floor(this.#maxPerAddress * LOT));
    return count - (count % lot);
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
    const before = this.#countByAddress.get(address) ?? 0;
    const count = before + change;
    if (this.#inLots(count) !== this.#inLots(before)) this.tellCount?.(address, this.#inLots(count));
    if (count === 0) this.#countByAddress.delete(address);
    else this.#countByAddress.set(address, count);
  }
}
