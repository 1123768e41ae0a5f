/**
 * Where an extension that compresses messages comes in (RFC 7692 §6.2): the core knows that a message is compressed, and
 * when it is whole; how it is inflated it leaves to an `Inflater`. One message is inflated at a time, which may end later
 * than the call that began it, and after the connection has given up waiting. What has come of it stays here until it may be
 * handed out.
 */

/** Why a message could not be inflated: it would be over the limit, or its data is corrupt. */
export type InflateFault = { readonly id: 'tooLong' } | { readonly id: 'corrupt'; readonly error: Error };

export type InflateDone = (fault: InflateFault | undefined, output: Uint8Array) => void;

export interface Inflater {
  /**
   * Inflates one whole message, bytes[start … end), up to `maxBytes` of output.
   * @param done called once, at once or later; the output is the receiver's from there on. Until then no other message is
   *   given.
   */
  inflate(bytes: Uint8Array, start: number, end: number, maxBytes: number, done: InflateDone): void;
}

export interface Inflated {
  readonly fault: InflateFault | undefined;
  readonly output: Uint8Array;
  readonly isBinary: boolean;
  /** How long it was before. */
  readonly compressedBytes: number;
}

export class Inflation {
  private readonly inflater: Inflater;
  private readonly maxBytes: number;
  /** How many have begun or been abandoned: the end of an earlier one is nobody's. */
  private count = 0;
  isUnderWay = false;
  private inflated: Inflated | undefined;
  /** Of the message that is being handed out, if it was compressed. */
  compressedBytes: number | undefined;

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
  start(bytes: Uint8Array, start: number, end: number, isBinary: boolean, done: () => void): void {
    const own = ++this.count;
    this.isUnderWay = true;
    this.inflater.inflate(bytes, start, end, this.maxBytes, (fault, output) => {
      if (own !== this.count) return;
      this.isUnderWay = false;
      this.inflated = { fault, output, isBinary, compressedBytes: end - start };
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
