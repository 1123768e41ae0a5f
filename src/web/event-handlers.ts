/** Event handler IDL attributes of the HTML standard: `onopen` and its like on an EventTarget. */

import { isObject } from './web-idl.ts';

type Callback = (this: EventTarget, event: Event) => unknown;

interface Handler {
  /** What the attribute gives back: a function, or any other object, which is kept and never called. */
  value: unknown;
  readonly listener: (event: Event) => void;
}

export class EventHandlers {
  readonly #target: EventTarget;
  readonly #handlers = new Map<string, Handler>();

  constructor(target: EventTarget) {
    this.#target = target;
  }

  get(type: string): unknown {
    return this.#handlers.get(type)?.value ?? null;
  }

  /** A handler that takes another's place is called at its turn; one that is set anew, behind all other listeners. */
  set(type: string, value: unknown): void {
    const present = this.#handlers.get(type);
    if (!isObject(value)) {
      if (present !== undefined) this.#target.removeEventListener(type, present.listener);
      this.#handlers.delete(type);
    } else if (present !== undefined) {
      present.value = value;
    } else {
      const handler: Handler = {
        value,
        listener: (event) => {
          if (typeof handler.value !== 'function') return;
          if ((handler.value as Callback).call(this.#target, event) === false) event.preventDefault();
        },
      };
      this.#handlers.set(type, handler);
      this.#target.addEventListener(type, handler.listener);
    }
  }
}
