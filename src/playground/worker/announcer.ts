/** Tells of changes so many times a second and no more: drawing the page costs more than taking a frame in. */

/** Told at once, and again after so long at the earliest. */
const INTERVAL_MS = 100;

export class Announcer {
  readonly #announce: () => void;
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #announcedAtMs = Number.NEGATIVE_INFINITY;

  /** @param announce tells how things are then */
  constructor(announce: () => void) {
    this.#announce = announce;
  }

  /** Something has changed. */
  soon(): void {
    if (this.#waiting !== undefined) return;
    const waitMs = this.#announcedAtMs + INTERVAL_MS - performance.now();
    this.#waiting = setTimeout(() => this.now(), waitMs);
  }

  /** Somebody waits for the answer. */
  now(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#announcedAtMs = performance.now();
    this.#announce();
  }
}
