/** What components share: made for the first one that holds it, ended a moment after the last one has let go of it. */

/** So long a connection stays when no component holds it, in milliseconds: the next page may want it. */
export const LINGER_MS = 1000;

interface Entry<Thing> {
  readonly thing: Thing;
  holds: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Shared<Thing> {
  readonly #entries = new Map<string, Entry<Thing>>();
  readonly #end: (thing: Thing) => void;
  readonly #isOver: (thing: Thing) => boolean;

  /** @param isOver it has ended by itself: who comes next gets another one */
  constructor(end: (thing: Thing) => void, isOver: (thing: Thing) => boolean) {
    this.#end = end;
    this.#isOver = isOver;
  }

  find(key: string): Thing | undefined {
    return this.#usable(key)?.thing;
  }

  /** Not what has ended by itself and nobody holds. */
  #usable(key: string): Entry<Thing> | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && (entry.holds > 0 || !this.#isOver(entry.thing)) ? entry : undefined;
  }

  /** @returns the thing, and how to let go of it: again is no fault */
  hold(key: string, make: () => Thing): { readonly thing: Thing; readonly release: () => void } {
    clearTimeout(this.#entries.get(key)?.timer);
    const entry = this.#usable(key) ?? { thing: make(), holds: 0, timer: undefined };
    this.#entries.set(key, entry);
    entry.holds++;
    let isHeld = true;
    const release = () => {
      if (!isHeld) return;
      isHeld = false;
      if (--entry.holds > 0) return;
      entry.timer = setTimeout(() => {
        this.#entries.delete(key);
        this.#end(entry.thing);
      }, LINGER_MS);
    };
    return { thing: entry.thing, release };
  }
}
