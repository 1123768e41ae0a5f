/** The keys of publications made lately, each with where its publication stands. */

import type { Published } from './engine.ts';

interface Made {
  readonly published: Published;
  readonly at: number;
}

export class RecentKeys {
  readonly #windowMs: number;
  readonly #max: number;
  /** Oldest first. */
  readonly #made = new Map<string, Made>();

  constructor(windowMs: number, max: number) {
    this.#windowMs = windowMs;
    this.#max = max;
  }

  find(channel: string, key: string, now: number): Published | undefined {
    const made = this.#made.get(nameOf(channel, key));
    return made !== undefined && now - made.at < this.#windowMs ? made.published : undefined;
  }

  add(channel: string, key: string, position: Published['position'], now: number): void {
    const name = nameOf(channel, key);
    this.#made.delete(name);
    this.#made.set(name, { published: { position, isRepeat: true }, at: now });
    if (this.#made.size > this.#max) this.#made.delete(this.#made.keys().next().value!);
  }

  /** @returns when the next one is too old; Infinity when there is none */
  expire(now: number): number {
    for (const [name, { at }] of this.#made) {
      if (now - at < this.#windowMs) return at + this.#windowMs;
      this.#made.delete(name);
    }
    return Infinity;
  }
}

/** Not the same for any other two: both may hold any character. */
function nameOf(channel: string, key: string): string {
  return `${channel.length} ${channel}${key}`;
}
