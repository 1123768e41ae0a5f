/** Listeners by the type of event. One that throws keeps nobody from hearing the event. */

export class Listeners<Events extends object> {
  readonly #byType: { readonly [Type in keyof Events]: Set<(value: Events[Type]) => void> };

  constructor(...types: (keyof Events)[]) {
    this.#byType = Object.fromEntries(types.map((type) => [type, new Set()])) as never;
  }

  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): () => void {
    const listeners = this.#byType[type];
    if (!listeners || typeof listener !== 'function') {
      throw new TypeError(`on() takes one of ${Object.keys(this.#byType).join(', ')}, and a function`);
    }
    // Its own, so that one function can listen twice.
    const own = (value: Events[Type]) => listener(value);
    listeners.add(own);
    return () => listeners.delete(own);
  }

  has(type: keyof Events): boolean {
    return this.#byType[type].size > 0;
  }

  emit<Type extends keyof Events>(type: Type, value: Events[Type]): void {
    for (const listener of [...this.#byType[type]]) {
      try {
        listener(value);
      } catch (error) {
        report(error);
      }
    }
  }
}

/** As an error that nobody has caught. */
function report(error: unknown): void {
  const { reportError } = globalThis as { reportError?: (error: unknown) => void };
  if (reportError) reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
