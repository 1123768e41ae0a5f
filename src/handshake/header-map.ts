/**
 * Header fields by name, in any case, keeping duplicates (§4.1: names are case-insensitive; §11.3.1: some fields may
 * stand once only, so the number of times must not be lost). It knows no field's grammar.
 */

/** Strips HTTP's optional white space, which is space and tab and nothing else, from both ends in one pass. */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** A Map inside, so that a field named `__proto__` or `constructor` is a field like any other. */
export class HeaderMap {
  readonly #values = new Map<string, string[]>();

  /** @param rawHeaders names and values in turn, as they came, in the form of Node's `rawHeaders` */
  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!.toLowerCase();
      const value = trimWhitespace(rawHeaders[i + 1]!);
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [value]);
      else values.push(value);
    }
  }

  /**
   * From an object like Node's `headers`. Needed for requests that never were on a wire, which programs make up
   * to test their upgrade handlers; such objects hold numbers too.
   */
  static fromObject(headers: Readonly<Record<string, string | number | readonly string[] | undefined>>): HeaderMap {
    const rawHeaders: string[] = [];
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined) continue;
      for (const single of Array.isArray(value) ? value : [value]) rawHeaders.push(name, String(single));
    }
    return new HeaderMap(rawHeaders);
  }

  /** All values joined with `, ` in order of arrival, or undefined when the field is absent. `name` in lower case. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.join(', ');
  }

  /** Each value of its own, in order of arrival; empty when the field is absent. `name` in lower case. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** How often the field occurs. `name` in lower case. */
  count(name: string): number {
    return this.all(name).length;
  }
}
