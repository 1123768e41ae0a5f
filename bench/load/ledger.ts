/**
 * Who has heard what: publications are numbered by each publisher, and every member has to hear each of them once, all in one order.
 * What does not hold is counted.
 */

import { percentile } from '../support/statistics.ts';

/** The order is looked at for one member in so many. */
const SAMPLED = 10;

interface Publication {
  readonly dueMs: number;
  left: number;
}

export class Ledger {
  /** Those whom all members have heard. */
  completed = 0;
  doubled = 0;
  /** Heard behind a later one of the same publisher. */
  reordered = 0;
  readonly #members: number;
  /** By publisher. */
  readonly #published: Publication[][];
  /** The number that comes next, by member and publisher. */
  readonly #next: Int32Array;
  /** Numbers that were passed over, by the same. */
  readonly #holes = new Map<number, Set<number>>();
  readonly #orders: number[][];
  #latencies: number[] = [];

  constructor(members: number, publishers: number) {
    this.#members = members;
    this.#published = Array.from({ length: publishers }, () => []);
    this.#next = new Int32Array(members * publishers);
    this.#orders = Array.from({ length: Math.ceil(members / SAMPLED) }, () => []);
  }

  /** @param dueMs when it was to be published. @returns its number */
  publish(publisher: number, dueMs: number): number {
    return this.#published[publisher]!.push({ dueMs, left: this.#members }) - 1;
  }

  get underWay(): number {
    return this.#published.reduce((sum, all) => sum + all.length, 0) - this.completed;
  }

  /**
   * @returns whether all members have it now
   * @throws {Error} when nobody has published it
   */
  hear(member: number, publisher: number, number: number, nowMs: number): boolean {
    const place = member * this.#published.length + publisher;
    const next = this.#next[place]!;
    if (number === next) this.#next[place] = next + 1;
    else if (!this.#hearOutOfOrder(place, next, number)) return false;
    if (member % SAMPLED === 0) this.#orders[member / SAMPLED]!.push(publisher + number * this.#published.length);
    const publication = this.#published[publisher]?.[number];
    if (publication === undefined) throw new Error('more was heard than said');
    if (--publication.left > 0) return false;
    this.completed++;
    this.#latencies.push(nowMs - publication.dueMs);
    return true;
  }

  /** @returns whether it is heard for the first time */
  #hearOutOfOrder(place: number, next: number, number: number): boolean {
    const holes = this.#holes.get(place) ?? new Set();
    this.#holes.set(place, holes);
    if (number > next) {
      for (let hole = next; hole < number; hole++) holes.add(hole);
      this.#next[place] = number + 1;
      return true;
    }
    const isFirst = holes.delete(number);
    if (isFirst) this.reordered++;
    else this.doubled++;
    return isFirst;
  }

  /** Of what all have heard since the last time, in milliseconds; NaN when that is nothing. */
  takeLatencies(): { readonly p50: number; readonly p99: number } {
    const sorted = Float64Array.from(this.#latencies).sort();
    this.#latencies = [];
    if (sorted.length === 0) return { p50: Number.NaN, p99: Number.NaN };
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  }

  /** Of all members. */
  get missing(): number {
    return this.#published.flat().reduce((sum, { left }) => sum + left, 0);
  }

  /** How many orders there are among the members that are looked at: 1, where it is the same for all. */
  get orders(): number {
    return new Set(this.#orders.map((order) => order.join())).size;
  }
}
