/** The bytes of one direction of a connection, as they came: any stretch of them can be read, and the oldest be let go. */

/** Small pieces are put together into pages: there are many of them. Pages grow with what has come, as far as this. */
const MAX_PAGE_BYTES = 64 * 1024;
const MIN_PAGE_BYTES = 1024;

interface Page {
  /** Of its first byte. */
  readonly place: number;
  readonly bytes: Uint8Array;
}

export class ByteLog {
  /** Of all bytes that came, kept or not. */
  length = 0;
  readonly #pages: Page[] = [];
  /** What of the last page is filled. */
  #filled = 0;

  /** Bytes that are kept. */
  get keptBytes(): number {
    return this.length - (this.#pages[0]?.place ?? this.length);
  }

  append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      let page = this.#pages.at(-1);
      if (page === undefined || this.#filled >= page.bytes.length) {
        const room = Math.max(MIN_PAGE_BYTES, Math.min(this.length, MAX_PAGE_BYTES), bytes.length - at);
        page = { place: this.length, bytes: new Uint8Array(room) };
        this.#pages.push(page);
        this.#filled = 0;
      }
      const piece = bytes.subarray(at, at + page.bytes.length - this.#filled);
      page.bytes.set(piece, this.#filled);
      this.#filled += piece.length;
      this.length += piece.length;
      at += piece.length;
    }
  }

  /** So many bytes passed that nobody has: they are read as zeros. */
  skip(byteCount: number): void {
    this.length += byteCount;
    this.#filled = Number.POSITIVE_INFINITY;
  }

  /** A copy of bytes start … end, as far as they have come; without those that were let go. */
  read(start: number, end: number): Uint8Array<ArrayBuffer> {
    const first = Math.max(start, this.length - this.keptBytes);
    const last = Math.min(end, this.length);
    const bytes = new Uint8Array(Math.max(0, last - first));
    for (let i = this.#pageAt(first); i < this.#pages.length; i++) {
      const { place, bytes: own } = this.#pages[i]!;
      if (place >= last) break;
      const from = Math.max(first, place);
      bytes.set(own.subarray(from - place, Math.min(last - place, own.length)), from - first);
    }
    return bytes;
  }

  /** Lets go what is before `place`, as far as whole pages go. */
  letGo(place: number): void {
    const isAll = place >= this.length;
    const count = isAll ? this.#pages.length : this.#pageAt(place);
    if (count > 0) this.#pages.splice(0, count);
  }

  /** The page in which a byte lies. */
  #pageAt(place: number): number {
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#pages[middle]!.place <= place) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}
