/** Bytes behind each other, and read one by one: what several files of the inspector need. */

/** Bytes behind each other; a part that is alone, as it is. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const filled = parts.filter(({ length }) => length > 0);
  if (filled.length === 1) return filled[0]!;
  const bytes = new Uint8Array(filled.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of filled) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The same bytes as a plain Uint8Array: that of a subclass may have a `slice` that makes no copy. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** One character for each byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** In network byte order; what is not there counts as 0. */
export function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function dataViewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes of which some are not read yet: they are put together when there are enough, and not with every few that come. */
export class PendingBytes {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #wanted = 0;

  /** @returns all that is pending, which is then handed on; undefined while there is less than is wanted */
  add(bytes: Uint8Array): Uint8Array | undefined {
    const length = this.#length + bytes.length;
    if (length < this.#wanted) {
      this.#pieces.push(bytes.slice());
      this.#length = length;
      return undefined;
    }
    const all = concat([...this.#pieces, bytes]);
    this.keep(NONE, 0);
    return all;
  }

  /** @param wanted how many there must be, these included, before they say more */
  keep(bytes: Uint8Array, wanted: number): void {
    this.#pieces = bytes.length === 0 ? [] : [bytes.slice()];
    this.#length = bytes.length;
    this.#wanted = wanted;
  }

  /** As `keep` has it, for what is pending. */
  expect(wanted: number): void {
    this.#wanted = wanted;
  }

  get length(): number {
    return this.#length;
  }
}

const NONE = new Uint8Array(0);
