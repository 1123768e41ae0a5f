/**
 * The inflation of one message at a time (RFC 7692 §6.2), which may end later than the call that began it, and after the
 * connection has given up waiting.
 */

import type { Inflater } from './inflater.ts';

export class Inflation {
  private readonly inflater: Inflater;
  private readonly maxBytes: number;
  /** How many have begun or been abandoned: the end of an earlier one is nobody's. */
  private count = 0;
  isUnderWay = false;

  /** @param maxBytes most that may come out */
  constructor(inflater: Inflater, maxBytes: number) {
    this.inflater = inflater;
    this.maxBytes = maxBytes;
  }

  /** @param done called during this call or later, unless the inflation is abandoned */
  start(bytes: Uint8Array, done: Parameters<Inflater['inflate']>[4]): void {
    const own = ++this.count;
    this.isUnderWay = true;
    this.inflater.inflate(bytes, 0, bytes.length, this.maxBytes, (fault, output) => {
      if (own !== this.count) return;
      this.isUnderWay = false;
      done(fault, output);
    });
  }

  abandon(): void {
    this.count++;
    this.isUnderWay = false;
  }
}
