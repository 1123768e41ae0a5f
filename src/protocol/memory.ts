/** Memory for what has to outlive the chunk that it came in. */

/** Allocates memory for a message: zeroed or not, since every byte is written before it is read. */
export type Allocate = (lengthBytes: number) => Uint8Array;

export function allocateZeroed(lengthBytes: number): Uint8Array {
  return new Uint8Array(lengthBytes);
}

/** bytes[start … end) in memory of its own. */
export function copyOf(bytes: Uint8Array, start: number, end = bytes.length): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end));
}
