/** The answers of calls with a key, kept for those who ask again: for a time, so many, and so long in all. */

const MAX_AGE_MS = 120_000;
const MAX_ANSWERS = 10_000;
/** In UTF-16 code units, names included. */
const MAX_LENGTH = 8_388_608;

interface Kept {
  readonly members: string;
  readonly endMs: number;
}

export class AnswerWindow {
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>();
  #length = 0;
  #timer: NodeJS.Timeout | undefined;

  get size(): number {
    return this.#kept.size;
  }

  get(name: string): string | undefined {
    this.#forget();
    return this.#kept.get(name)?.members;
  }

  /** @param name which is not there yet */
  add(name: string, members: string): void {
    this.#kept.set(name, { members, endMs: performance.now() + MAX_AGE_MS });
    this.#length += name.length + members.length;
    this.#forget();
  }

  #forget(): void {
    const nowMs = performance.now();
    for (const [name, { members, endMs }] of this.#kept) {
      if (endMs > nowMs && this.#kept.size <= MAX_ANSWERS && this.#length <= MAX_LENGTH) break;
      this.#kept.delete(name);
      this.#length -= name.length + members.length;
    }
    if (this.#kept.size === 0) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#forget();
      }, MAX_AGE_MS).unref();
    }
  }
}
