/** Listeners by the type of event. One that throws keeps nobody from hearing the event. */

type Listener = readonly [type: unknown, listener: (value: never) => void];

export class Listeners<Events extends object> {
  readonly #all = new Set<Listener>();
  readonly #types: readonly string[];

  constructor(...types: (keyof Events & string)[]) {
    this.#types = types;
  }

  /** @throws {TypeError} there is no such event */
  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): () => void {
    if (!this.#types.includes(type as string)) throw new TypeError(`No event '${type as string}': ${this.#types}`);
    const own: Listener = [type, listener];
    this.#all.add(own);
    return () => this.#all.delete(own);
  }

  has(type: keyof Events): boolean {
    return this.#of(type).length > 0;
  }

  emit<Type extends keyof Events>(type: Type, value: Events[Type]): void {
    for (const [, listener] of this.#of(type)) {
      try {
        listener(value as never);
      } catch (error) {
        report(error);
      }
    }
  }

  #of(type: keyof Events): Listener[] {
    return [...this.#all].filter(([own]) => own === type);
  }
}

/** As an error that nobody has caught. */
function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
