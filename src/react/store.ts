/** A state outside of React that components subscribe to with `useSyncExternalStore`. */

/** It runs while somebody listens. What changes in one turn of the event loop is told once: a burst of messages is one render. */
export abstract class Store<Snapshot> {
  readonly #listeners = new Set<() => void>();
  #snapshot: Snapshot | undefined;
  #isRunning = false;
  #isAnnouncing = false;

  protected abstract start(): void;
  protected abstract stop(): void;
  /** The state as it is now, never changed afterwards. */
  protected abstract view(): Snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.start();
    }
    return () => {
      this.#listeners.delete(listener);
      // StrictMode takes its listener away and brings it back at once.
      setTimeout(() => {
        if (this.#listeners.size > 0 || !this.#isRunning) return;
        this.#isRunning = false;
        this.stop();
      });
    };
  };

  readonly snapshot = (): Snapshot => {
    this.#snapshot ??= this.view();
    return this.#snapshot;
  };

  protected get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  protected changed(): void {
    this.#snapshot = undefined;
    if (this.#isAnnouncing) return;
    this.#isAnnouncing = true;
    setTimeout(() => {
      this.#isAnnouncing = false;
      for (const listener of this.#listeners) listener();
    });
  }
}
