/**
 * The inflation of one message at a time (RFC 7692 §6.2), which may end later than the call that began it, and after the
 * connection has given up waiting. What has come of it stays here until it may be handed out.
 */

import type { InflateFault, Inflater } from './inflater.ts';

export interface Inflated {
  readonly fault: InflateFault | undefined;
  readonly output: Uint8Array;
  readonly isBinary: boolean;
}

export class Inflation {
  private readonly inflater: Inflater;
  private readonly maxBytes: number;
  /** How many have begun or been abandoned: the end of an earlier one is nobody's. */
  private count = 0;
  isUnderWay = false;
  private inflated: Inflated | undefined;

  /** @param maxBytes most that may come out */
  constructor(inflater: Inflater, maxBytes: number) {
    this.inflater = inflater;
    this.maxBytes = maxBytes;
  }

  /** Whether a message is still to come. */
  get isPending(): boolean {
    return this.isUnderWay || this.inflated !== undefined;
  }

  /** @param done called when there is something to `take`, during this call or later, unless the inflation is abandoned */
  start(bytes: Uint8Array, isBinary: boolean, done: () => void): void {
    const own = ++this.count;
    this.isUnderWay = true;
    this.inflater.inflate(bytes, 0, bytes.length, this.maxBytes, (fault, output) => {
      if (own !== this.count) return;
      this.isUnderWay = false;
      this.inflated = { fault, output, isBinary };
      done();
    });
  }

  /** What has come of an inflation, once. */
  take(): Inflated | undefined {
    const { inflated } = this;
    this.inflated = undefined;
    return inflated;
  }

  abandon(): void {
    this.count++;
    this.isUnderWay = false;
    this.inflated = undefined;
  }
}
