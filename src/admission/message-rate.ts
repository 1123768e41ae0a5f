/**
 * How fast messages may come: a token bucket of messages and one of bytes for each key, which all its connections have in
 * common and which outlives them, so that who comes back finds what he has left. A message that finds too few tokens waits,
 * and with it all that its connection brings; those of one key that wait stand in one line, and each is let go on with one
 * message when its turn comes. Knows no sockets: connections are `MessageMeter`s.
 */

import { outsideAnyContext } from '../deflate/async-context.ts';
import type { Admission, MessageMeter } from '../options/connection-settings.ts';
import { MAX_TIMER_MS } from '../protocol/whole-number.ts';
import { Agenda, type Appointment } from './agenda.ts';
import { fullAfter, type Rate, readyAt } from './token-bucket.ts';

export interface RateRule {
  readonly messages: Rate;
  readonly bytes: Rate;
  /** What becomes of a message that comes too soon. */
  readonly onExcess: 'wait' | 'close';
}

/** Where time comes from. */
export interface Clock {
  /** Milliseconds; it never goes back. */
  now(): number;
  /** Calls `action` once, so many milliseconds later or after that. @returns what prevents it */
  wake(afterMs: number, action: () => void): () => void;
}

const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  wake(afterMs, action) {
    // It does not keep a process alive that has nothing else to do.
    const timer = setTimeout(outsideAnyContext, Math.min(afterMs, MAX_TIMER_MS), action).unref();
    return () => clearTimeout(timer);
  },
};

/** Of one key. Its appointment is when the first in line may go on, or, without connections, when the buckets are full. */
class Buckets implements Appointment {
  readonly key: string;
  readonly #rule: RateRule;
  #messagesFullAt = 0;
  #bytesFullAt = 0;
  /** What has been taken, and others who count this key have not been told. */
  untoldMessages = 0;
  untoldBytes = 0;
  /** Open connections. */
  connections = 0;
  readonly line: Meter[] = [];
  at = 0;
  place = -1;

  constructor(key: string, rule: RateRule) {
    this.key = key;
    this.#rule = rule;
  }

  get fullAt(): number {
    return Math.max(this.#messagesFullAt, this.#bytesFullAt);
  }

  /** When a message of so many bytes may come. */
  readyAt(lengthBytes: number): number {
    const { messages, bytes } = this.#rule;
    return Math.max(readyAt(messages, this.#messagesFullAt, 1), readyAt(bytes, this.#bytesFullAt, lengthBytes));
  }

  take(count: number, lengthBytes: number, now: number): void {
    const { messages, bytes } = this.#rule;
    this.#messagesFullAt = fullAfter(messages, this.#messagesFullAt, count, now);
    this.#bytesFullAt = fullAfter(bytes, this.#bytesFullAt, lengthBytes, now);
  }
}

/**
 * Most keys without connections whose buckets are kept. Buckets that are full are not kept at all. When there is no room, the
 * one that would be full next goes: what its key gains by that is the least that could be given away, and who wants a fresh
 * bucket for a key that has spent much has to have as many other keys spend more.
 */
const MAX_KEPT_KEYS = 65_536;

/** A key's spending is told when it comes to this part of a burst. */
const LOT = 1 / 4;

/** Of one server. */
export class RateTable {
  readonly #rule: RateRule;
  readonly #clock: Clock;
  readonly #maxKeptKeys: number;
  readonly #buckets = new Map<string, Buckets>();
  /** Those without connections, by when they are full. */
  readonly #kept = new Agenda<Buckets>();
  /** Those where a connection waits, by when it may go on. */
  readonly #waiting = new Agenda<Buckets>();
  /** Set where others count the same keys: told of what is spent here, in lots, and of the rest when the last connection goes. */
  tellSpent: ((key: string, messages: number, bytes: number) => void) | undefined;
  /** The one timer, and its time. */
  #timerAt = Number.POSITIVE_INFINITY;
  #stopTimer = () => {};

  constructor(rule: RateRule, clock = SYSTEM_CLOCK, maxKeptKeys = MAX_KEPT_KEYS) {
    this.#rule = rule;
    this.#clock = clock;
    this.#maxKeptKeys = maxKeptKeys;
  }

  /** Keys that something is known of. */
  get size(): number {
    return this.#buckets.size;
  }

  /** For a connection of this key. */
  meter(key: string): MessageMeter {
    return new Meter(this, key);
  }

  /** What others have let through for a key. It is there already: so it may become a debt. */
  spend(key: string, messages: number, bytes: number): void {
    const buckets = this.join(key);
    buckets.take(messages, bytes, this.#clock.now());
    if (buckets.line.length > 0) this.#schedule(buckets);
    this.#part(buckets);
  }

  // ---- For meters -----------------------------------------------------------------------------------------------

  join(key: string): Buckets {
    let buckets = this.#buckets.get(key);
    if (buckets === undefined) {
      buckets = new Buckets(key, this.#rule);
      this.#buckets.set(key, buckets);
    }
    if (buckets.connections === 0) this.#kept.remove(buckets);
    buckets.connections += 1;
    return buckets;
  }

  leave(buckets: Buckets, meter: Meter): void {
    const place = buckets.line.indexOf(meter);
    if (place >= 0) {
      buckets.line.splice(place, 1);
      this.#schedule(buckets);
    }
    this.#part(buckets);
  }

  #part(buckets: Buckets): void {
    buckets.connections -= 1;
    if (buckets.connections > 0) return;
    this.#tell(buckets, 1, 1);
    buckets.at = buckets.fullAt;
    this.#kept.add(buckets);
    this.#forget();
  }

  /** Drops what is full again, and what there is no room for. */
  #forget(): void {
    const now = this.#clock.now();
    for (let next = this.#kept.first; next !== undefined; next = this.#kept.first) {
      if (next.at > now && this.#kept.size <= this.#maxKeptKeys) return;
      this.#kept.remove(next);
      this.#buckets.delete(next.key);
    }
  }

  /** Asked for a message of so many bytes. @param isCalled whether its turn in the line has come */
  admit(buckets: Buckets, meter: Meter, lengthBytes: number, isCalled: boolean): Admission {
    const now = this.#clock.now();
    if ((isCalled || buckets.line.length === 0) && buckets.readyAt(lengthBytes) <= now) {
      this.#take(buckets, 1, lengthBytes, now);
      return 'now';
    }
    if (this.#rule.onExcess === 'close') return 'never';
    buckets.line.push(meter);
    // Nobody waits twice: the first in line is this one, or has its appointment.
    if (buckets.line.length === 1) this.#schedule(buckets);
    return 'later';
  }

  charge(buckets: Buckets, messages: number): void {
    this.#take(buckets, messages, 0, this.#clock.now());
    if (buckets.line.length > 0) this.#schedule(buckets);
  }

  #take(buckets: Buckets, messages: number, bytes: number, now: number): void {
    buckets.take(messages, bytes, now);
    if (this.tellSpent === undefined) return;
    buckets.untoldMessages += messages;
    buckets.untoldBytes += bytes;
    this.#tell(buckets, this.#rule.messages.burst * LOT, this.#rule.bytes.burst * LOT);
  }

  #tell(buckets: Buckets, lotMessages: number, lotBytes: number): void {
    const { key, untoldMessages, untoldBytes } = buckets;
    if (untoldMessages < lotMessages && untoldBytes < lotBytes) return;
    buckets.untoldMessages = 0;
    buckets.untoldBytes = 0;
    this.tellSpent?.(key, untoldMessages, untoldBytes);
  }

  // ---- Waiting --------------------------------------------------------------------------------------------------

  /** Sees to it that the first in line is called. */
  #schedule(buckets: Buckets): void {
    this.#waiting.remove(buckets);
    const [first] = buckets.line;
    if (first !== undefined) {
      buckets.at = buckets.readyAt(first.lengthBytes);
      this.#waiting.add(buckets);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    const at = this.#waiting.first?.at ?? Number.POSITIVE_INFINITY;
    if (at === this.#timerAt) return;
    this.#stopTimer();
    this.#timerAt = at;
    this.#stopTimer = () => {};
    if (at === Number.POSITIVE_INFINITY) return;
    this.#stopTimer = this.#clock.wake(Math.max(1, Math.ceil(at - this.#clock.now())), () => this.#wake());
  }

  #wake(): void {
    this.#timerAt = Number.NaN;
    const now = this.#clock.now();
    for (let due = this.#waiting.first; due !== undefined && due.at <= now; due = this.#waiting.first) {
      // It may be the last to leave, and then its buckets are among those that are kept.
      this.#waiting.remove(due);
      const first = due.line.shift()!;
      try {
        first.goOn();
      } finally {
        // Whoever else waits is called when there are tokens for it, behind what this one has taken.
        if (due.line.length > 0) this.#schedule(due);
        else this.#setTimer();
      }
    }
    this.#setTimer();
  }
}

class Meter implements MessageMeter {
  readonly #table: RateTable;
  readonly #key: string;
  #buckets: Buckets | undefined;
  #resume = () => {};
  #isCalled = false;
  /** What waits, in bytes. */
  lengthBytes = 0;

  constructor(table: RateTable, key: string) {
    this.#table = table;
    this.#key = key;
  }

  opened(resume: () => void): void {
    this.#resume = resume;
    this.#buckets = this.#table.join(this.#key);
  }

  admit(lengthBytes: number): Admission {
    const isCalled = this.#isCalled;
    this.#isCalled = false;
    this.lengthBytes = lengthBytes;
    return this.#table.admit(this.#buckets!, this, lengthBytes, isCalled);
  }

  charge(messages: number): void {
    if (this.#buckets !== undefined) this.#table.charge(this.#buckets, messages);
  }

  /** Its turn in the line has come. */
  goOn(): void {
    this.#isCalled = true;
    this.#resume();
    this.#isCalled = false;
  }

  closed(): void {
    if (this.#buckets === undefined) return;
    this.#table.leave(this.#buckets, this);
    this.#buckets = undefined;
  }
}
