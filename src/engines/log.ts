/** One channel's log in memory: entries with offsets that follow each other, of which the newest are kept. */

import type { Retention } from './engine.ts';

interface Kept {
  readonly data: string;
  readonly bytes: number;
  readonly addedAt: number;
}

const FIRST_CAPACITY = 8;
/** Longer text is counted by the encoder, whose call costs more than its work for shorter ones. */
const MAX_COUNTED_LENGTH = 512;
const encoder = new TextEncoder();

/** Adding costs the same however long the log is: an entry stands at its offset modulo the capacity, a power of two. */
export class Log {
  readonly epoch: string;
  /** Offset of the newest entry, gone or not; 0 before the first. */
  head = 0;
  /** Bytes of the entries that are kept. */
  bytes = 0;
  /** How many are kept. */
  length = 0;
  #slots: (Kept | undefined)[] = emptySlots(FIRST_CAPACITY);

  constructor(epoch: string) {
    this.epoch = epoch;
  }

  /** The offset before the oldest entry that is kept. */
  get tail(): number {
    return this.head - this.length;
  }

  add(data: string, now: number): void {
    if (this.length === this.#slots.length) this.#resize(this.length * 2);
    const bytes = utf8Length(data);
    this.head++;
    this.length++;
    this.bytes += bytes;
    this.#slots[this.head & (this.#slots.length - 1)] = { data, bytes, addedAt: now };
  }

  /** Drops what is too much or too old. */
  trim({ messages, bytes, ageMs }: Retention, now: number): void {
    while (this.length > 0) {
      const isTooMuch = this.length > messages || this.bytes > bytes;
      if (!isTooMuch && now - this.#at(this.tail + 1).addedAt < ageMs) return;
      this.#dropOldest();
    }
  }

  clear(): void {
    this.length = 0;
    this.bytes = 0;
    this.#slots = emptySlots(FIRST_CAPACITY);
  }

  /** The entries behind `offset`, which has to be in the log: at most so many, and no further one once they have `maxBytes`. */
  read(offset: number, maxEntries: number, maxBytes: number): string[] {
    const data: string[] = [];
    const end = Math.min(this.head, offset + maxEntries);
    for (let next = offset + 1, bytes = 0; next <= end && bytes < maxBytes; next++) {
      const entry = this.#at(next);
      data.push(entry.data);
      bytes += entry.bytes;
    }
    return data;
  }

  #at(offset: number): Kept {
    return this.#slots[offset & (this.#slots.length - 1)]!;
  }

  #dropOldest(): void {
    const index = (this.tail + 1) & (this.#slots.length - 1);
    this.bytes -= this.#slots[index]!.bytes;
    this.#slots[index] = undefined;
    this.length--;
    if (this.#slots.length > FIRST_CAPACITY && this.length < this.#slots.length / 4) {
      this.#resize(this.#slots.length / 2);
    }
  }

  #resize(capacity: number): void {
    const slots = emptySlots(capacity);
    for (let offset = this.tail + 1; offset <= this.head; offset++) slots[offset & (capacity - 1)] = this.#at(offset);
    this.#slots = slots;
  }
}

function emptySlots(capacity: number): (Kept | undefined)[] {
  return new Array<Kept | undefined>(capacity).fill(undefined);
}

/** How many bytes a text has in UTF-8. */
function utf8Length(text: string): number {
  if (text.length > MAX_COUNTED_LENGTH) return encoder.encode(text).length;
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate is half of a character of four bytes; one alone becomes U+FFFD, of three.
    if (unit < 0x80) bytes += 1;
    else if (unit < 0x800) bytes += 2;
    else if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      bytes += 4;
      i++;
    } else bytes += 3;
  }
  return bytes;
}
