/** Memory as the protocol sees it: what bytes arrive in, and what has to outlive that. */

/**
 * A piece of memory that bytes lie in, and whose it is. *Lent* memory is used again as soon as the call that hands it on has
 * returned: whoever needs the bytes for longer copies them. *Owned* memory belongs to whoever gets it, from then on.
 *
 * Made once for each read, or for many: what has arrived is a range of it. It also keeps what masking and views need of the
 * memory, which takes longer to ask for than a short message takes.
 */
export class Chunk {
  readonly bytes: Uint8Array;
  readonly isLent: boolean;
  /** All the memory behind the bytes, and where in it they begin. */
  readonly memory: ArrayBufferLike;
  readonly memoryBytes: number;
  readonly byteOffset: number;
  /** That memory as 32-bit words, made when something is masked in it. */
  words: Int32Array | undefined;

  constructor(bytes: Uint8Array, isLent = false) {
    this.bytes = bytes;
    this.isLent = isLent;
    this.memory = bytes.buffer;
    this.memoryBytes = this.memory.byteLength;
    this.byteOffset = bytes.byteOffset;
    this.words = undefined;
  }
}

/** Allocates memory for a message: zeroed or not, since every byte is written before it is read. */
export type Allocate = (lengthBytes: number) => Uint8Array;
