/** The newest of each name, for a reader that is too slow for all. */

/** What one entry costs besides its text, about. */
const OVERHEAD_BYTES = 64;

export class Latest {
  readonly #texts = new Map<string, string>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param maxBytes past it, those go that were set least recently */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From the one that was set least recently on. */
  get texts(): string[] {
    return [...this.#texts.values()];
  }

  set(name: string, text: string): void {
    this.#remove(name);
    this.#texts.set(name, text);
    this.#bytes += costOf(name, text);
    for (const oldest of this.#texts.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#remove(oldest);
    }
  }

  #remove(name: string): void {
    const text = this.#texts.get(name);
    if (text === undefined) return;
    this.#texts.delete(name);
    this.#bytes -= costOf(name, text);
  }
}

function costOf(name: string, text: string): number {
  return name.length + text.length + OVERHEAD_BYTES;
}
