/** Memory for what has to outlive the chunk that it came in. */

/** Allocates memory for a message: zeroed or not, since every byte is written before it is read. */
export type Allocate = (lengthBytes: number) => Uint8Array;

export function allocateZeroed(lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes);
}

/** The bytes in memory of their own. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

/** For bytes that are kept: without the memory that they lie in, unless they take half of it. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return 2 * bytes.length < bytes.buffer.byteLength ? new Uint8Array(bytes) : bytes;
}
