/**
 * Where an extension that compresses messages comes in (RFC 7692 §6.2): the core knows that a message is compressed, and
 * when it is whole; how it is inflated it leaves to an `Inflater`.
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
