/** Things that have to be done one after the other, by what they are about. */

export class Lanes {
  /** The last one of each. */
  readonly #tails = new Map<string, Promise<void>>();

  get size(): number {
    return this.#tails.size;
  }

  has(name: string): boolean {
    return this.#tails.has(name);
  }

  /** Does it when all before it is done; at once where nothing is. */
  run<T>(name: string, task: () => Promise<T>): Promise<T> {
    const done = this.#tails.get(name)?.then(task) ?? task();
    const settled = () => {
      if (this.#tails.get(name) === tail) this.#tails.delete(name);
    };
    const tail = done.then(settled, settled);
    this.#tails.set(name, tail);
    return done;
  }
}
