/** The options of the components that share one connection: they are known before the first of them connects. */

import type { ConnectionOptions, TokenSource } from '../live/types.ts';

export class CommonOptions<Options extends ConnectionOptions> {
  /** By the key of what is shared and the component, the one rendered last at the end. */
  readonly #given = new Map<string, Map<object, Options>>();

  /** As a component is shown, and with each of its renders. @returns what is done when it goes */
  give(key: string, component: object, options: Options): () => void {
    const given = this.#given.get(key) ?? new Map<object, Options>();
    this.#given.set(key, given.set(component, options));
    return () => {
      given.delete(component);
      if (given.size === 0) this.#given.delete(key);
    };
  }

  /** All of them together. The token is asked from the component rendered last that has one. */
  take(key: string): Options {
    const given = () => [...(this.#given.get(key)?.values() ?? [])];
    let newest: TokenSource | undefined;
    const token = () => {
      newest = given().findLast((options) => options.token !== undefined)?.token ?? newest;
      return typeof newest === 'function' ? newest() : newest;
    };
    return Object.assign({}, ...given(), { token }) as Options;
  }
}
