/** The keys of publications made lately, each with where its publication stands. */

import type { Published } from './engine.ts';

interface Made {
  readonly published: Published;
  readonly at: number;
}

/** In two generations, so that no key has to be taken out by itself: the older one goes as a whole. */
export class RecentKeys {
  readonly #windowMs: number;
  readonly #maxYoung: number;
  #young = new Map<string, Made>();
  #old: ReadonlyMap<string, Made> = new Map();
  /** When the young generation began. */
  #since = 0;

  /** @param max past so many, the older half goes */
  constructor(windowMs: number, max: number) {
    this.#windowMs = windowMs;
    this.#maxYoung = Math.ceil(max / 2);
  }

  find(channel: string, key: string, now: number): Published | undefined {
    const name = nameOf(channel, key);
    const made = this.#young.get(name) ?? this.#old.get(name);
    return made !== undefined && now - made.at < this.#windowMs ? made.published : undefined;
  }

  add(channel: string, key: string, position: Published['position'], now: number): void {
    if (this.#isEmpty) this.#since = now;
    if (this.#young.size >= this.#maxYoung) this.#age(now);
    this.#young.set(nameOf(channel, key), { published: { position, isRepeat: true }, at: now });
  }

  /** @returns when there is more to forget; Infinity when there is nothing */
  expire(now: number): number {
    if (now - this.#since >= this.#windowMs) this.#age(now);
    return this.#isEmpty ? Infinity : this.#since + this.#windowMs;
  }

  get #isEmpty(): boolean {
    return this.#young.size + this.#old.size === 0;
  }

  #age(now: number): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#since = now;
  }
}

/** Not the same for any other two: both may hold any character. */
function nameOf(channel: string, key: string): string {
  return `${channel.length} ${channel}${key}`;
}
