/**
 * Inflates compressed messages piece by piece as they pass (RFC 7692 §7.2.2), to see what they say. It keeps nothing of
 * what comes out, and does not mind how much that is.
 */

import { TAIL } from '../../deflate/codec.ts';
import { type RawZlib, Z_DEFAULT_MEMLEVEL } from '../../deflate/raw-zlib.ts';
import { openHandleZlib } from '../../deflate/sync-zlib.ts';

const OPTIONS = {
  direction: 'inflate',
  // A larger window than was agreed on is right as well.
  windowBits: 15,
  level: 0,
  memLevel: Z_DEFAULT_MEMLEVEL,
  strategy: 0,
  dictionary: undefined,
  maxSyncBytes: 0,
} as const;

/** What comes out of one step. */
const output = new Uint8Array(64 * 1024);

export class MessageInflater {
  /** Whether some message could not be inflated: then those that refer to it cannot be either. */
  hasFailed = false;
  readonly #keepsContext: boolean;
  readonly #take: (piece: Uint8Array) => void;
  #zlib: RawZlib | undefined = openHandleZlib(OPTIONS);

  /**
   * @param keepsContext whether messages refer to those before them (RFC 7692 §7.1.1)
   * @param take gets what comes out, in memory that is used again
   */
  constructor(keepsContext: boolean, take: (piece: Uint8Array) => void) {
    this.#keepsContext = keepsContext;
    this.#take = take;
  }

  /** Whether messages are inflated: not where Node's zlib is not as expected, nor behind a failure. */
  get works(): boolean {
    return this.#zlib !== undefined;
  }

  /** Takes the next of a message's compressed bytes. */
  push(bytes: Uint8Array): void {
    let wasStuck = false;
    for (let at = 0, isFull = true; this.#zlib !== undefined && (isFull || at < bytes.length); ) {
      const length = this.#zlib.feedNow!(bytes, at, bytes.length, output, output.length);
      const left = this.#zlib.inputLeft!;
      const isStuck = length <= 0 && left > 0 && left === bytes.length - at;
      if (length < 0 || (isStuck && wasStuck)) {
        this.hasFailed = true;
        this.close();
        return;
      }
      wasStuck = isStuck;
      isFull = length === output.length;
      if (length > 0) this.#take(output.subarray(0, length));
      // RFC 7692 §7.2.1: behind a final block another stream begins.
      if (left > 0 && !isFull) this.#zlib.reset();
      at = bytes.length - left;
    }
  }

  /** The message has ended. */
  finish(): void {
    this.push(TAIL);
    if (!this.#keepsContext) this.#zlib?.reset();
  }

  close(): void {
    this.#zlib?.close();
    this.#zlib = undefined;
  }
}
