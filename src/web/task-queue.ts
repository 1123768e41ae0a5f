/**
 * Tasks in order, as on a browser's event loop: each waits until all microtasks of the one before have run. What a program
 * does behind an `await` in one event's listener is done when the next event comes.
 */
export class TaskQueue {
  #tasks: (() => void)[] = [];
  #next = 0;
  #isRunning = false;

  readonly #run = () => {
    // Node runs callbacks of `nextTick` one behind the other, without microtasks between them; so the next one is asked for
    // by a microtask, and comes when all of them are done.
    queueMicrotask(this.#goOn);
    this.#tasks[this.#next++]!();
  };

  readonly #goOn = () => {
    if (this.#next < this.#tasks.length) {
      process.nextTick(this.#run);
      return;
    }
    this.#tasks = [];
    this.#next = 0;
    this.#isRunning = false;
  };

  add(task: () => void): void {
    this.#tasks.push(task);
    if (this.#isRunning) return;
    this.#isRunning = true;
    process.nextTick(this.#run);
  }
}
