/**
 * Things in the order in which they were used. To take one out costs the same wherever it stands, and so does to find the first:
 * in a Set, the places of those that have gone are searched again and again.
 */

export interface Placed<T> {
  older: T | undefined;
  newer: T | undefined;
}

export class UseOrder<T extends Placed<T>> {
  oldest: T | undefined;
  #newest: T | undefined;

  /** @param item which is in no order */
  add(item: T): void {
    item.older = this.#newest;
    if (this.#newest === undefined) this.oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
  }

  /** @param item which is in this order, or in none */
  remove(item: T): void {
    const { older, newer } = item;
    if (older === undefined && this.oldest !== item) return;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    item.older = undefined;
    item.newer = undefined;
  }
}
