/**
 * Header fields by name, in any case, keeping duplicates (§4.1: names are case-insensitive; §11.3.1: some fields may
 * stand once only, so the number of times must not be lost). It knows no field's grammar.
 */

/**
 * `text` from `start` on, stripped of HTTP's optional white space, which is space and tab and nothing else, at both ends
 * in one pass.
 */
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
 * A view of a list of fields, which is searched for each question: a handshake asks some ten of them, for fewer than it
 * costs to index the list. No object, so that a field named `__proto__` or `constructor` is a field like any other.
 */
export class HeaderMap {
  readonly #rawHeaders: readonly string[];

  /** @param rawHeaders names and values in turn, as they came, in the form of Node's `rawHeaders`; not copied */
  constructor(rawHeaders: readonly string[]) {
    this.#rawHeaders = rawHeaders;
  }

  /**
   * From an object like Node's `headers`. Needed for requests that never were on a wire, which programs make up
   * to test their upgrade handlers; such objects hold numbers too.
   */
  static fromObject(headers: Readonly<Record<string, string | number | readonly string[] | undefined>>): HeaderMap {
    const rawHeaders: string[] = [];
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (typeof value === 'string') rawHeaders.push(name, value);
      else if (Array.isArray(value)) for (const single of value) rawHeaders.push(name, String(single));
      else if (value !== undefined) rawHeaders.push(name, String(value));
    }
    return new HeaderMap(rawHeaders);
  }

  /** All values joined with `, ` in order of arrival, or undefined when the field is absent. `name` in lower case. */
  get(name: string): string | undefined {
    const rawHeaders = this.#rawHeaders;
    let joined: string | undefined;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      if (!isNamed(rawHeaders[i]!, name)) continue;
      const value = trimWhitespace(rawHeaders[i + 1]!);
      joined = joined === undefined ? value : `${joined}, ${value}`;
    }
    return joined;
  }

  /** Each value of its own, in order of arrival; empty when the field is absent. `name` in lower case. */
  all(name: string): readonly string[] {
    const rawHeaders = this.#rawHeaders;
    const values: string[] = [];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      if (isNamed(rawHeaders[i]!, name)) values.push(trimWhitespace(rawHeaders[i + 1]!));
    }
    return values;
  }

  /** How often the field occurs. `name` in lower case. */
  count(name: string): number {
    const rawHeaders = this.#rawHeaders;
    let count = 0;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      if (isNamed(rawHeaders[i]!, name)) count++;
    }
    return count;
  }
}

/** Whether a program has given fields in a form that `fieldEntries` knows; others have fields too, in places of their own. */
export function areFields(value: unknown): value is object {
  return isPlainObject(value) || (typeof value === 'object' && value !== null && isFieldMap(value));
}

/** Of any realm, whose Object.prototype has none above it. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Names and values of a plain object, a `Headers` of the Fetch Standard, or a Map. */
export function fieldEntries(fields: object): (readonly [name: string, value: unknown])[] {
  return isFieldMap(fields) ? [...fields] : Object.entries(fields);
}

/** Of any realm, or a package that makes such. */
function isFieldMap(fields: object): fields is Iterable<readonly [string, unknown]> {
  const { [Symbol.toStringTag]: tag } = fields as { readonly [Symbol.toStringTag]?: unknown };
  return tag === 'Headers' || tag === 'Map';
}

/** The lengths tell most names apart, without a copy in lower case. */
function isNamed(sent: string, lowerCaseName: string): boolean {
  return sent.length === lowerCaseName.length && (sent === lowerCaseName || sent.toLowerCase() === lowerCaseName);
}
