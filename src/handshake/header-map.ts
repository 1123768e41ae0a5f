/**
 * Header fields by name, in any case, keeping duplicates (§4.1: names are case-insensitive; §11.3.1: some fields may
 * stand once only, so the number of times must not be lost). It knows no field's grammar.
 */

/** `text` from `start` on, without HTTP's optional white space, space and tab, at both ends. */
export function trimWhitespace(text: string, start = 0): string {
  let end = text.length;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

export function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * A view of a list of fields, which is searched for each question: a handshake asks too few of them for an index to pay.
 * It is no object, so that a field named `__proto__` is a field like any other.
 */
export class HeaderMap {
  readonly #rawHeaders: readonly string[];

  /** @param rawHeaders names and values in turn, as they came, in the form of Node's `rawHeaders`; not copied */
  constructor(rawHeaders: readonly string[]) {
    this.#rawHeaders = rawHeaders;
  }

  /** From an object like Node's `headers`; those that programs make up for tests of their own hold numbers too. */
  static fromObject(headers: Readonly<Record<string, string | number | readonly string[] | undefined>>): HeaderMap {
    const rawHeaders: string[] = [];
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (Array.isArray(value)) for (const single of value) rawHeaders.push(name, single);
      else if (value !== undefined) rawHeaders.push(name, String(value));
    }
    return new HeaderMap(rawHeaders);
  }

  /** Each value of its own, in order of arrival; empty when the field is absent. `name` in lower case. */
  all(name: string): readonly string[] {
    let values: string[] | undefined;
    for (let i = 0; i + 1 < this.#rawHeaders.length; i += 2) {
      if (!isNamed(this.#rawHeaders[i]!, name)) continue;
      const value = trimWhitespace(this.#rawHeaders[i + 1]!);
      // Most fields stand once: V8 gives an array that grows room for seventeen.
      if (values === undefined) values = [value];
      else values.push(value);
    }
    return values ?? [];
  }

  /** All values joined with `, `, or undefined when the field is absent. */
  get(name: string): string | undefined {
    const values = this.all(name);
    return values.length < 2 ? values[0] : values.join(', ');
  }

  /** How often the field occurs. */
  count(name: string): number {
    return this.all(name).length;
  }
}

/** The lengths tell most names apart, without a copy in lower case. */
function isNamed(sent: string, lowerCaseName: string): boolean {
  return sent.length === lowerCaseName.length && (sent === lowerCaseName || sent.toLowerCase() === lowerCaseName);
}
