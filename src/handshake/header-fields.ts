/**
 * The grammars of the handshake's header field values (§4.3): token lists, the subprotocol list of §4.1 and the extension
 * list of §9.1. One scanner walks each value from left to right and never goes back, so that the work grows with the
 * length whatever the value holds. It refuses to know what a token, a subprotocol or an extension means.
 *
 * White space may stand where HTTP allows it today: around commas and semicolons, not around an equals sign (§9.1 leans on
 * a rule of RFC 2616 that HTTP has given up). Empty elements do not count (RFC 9110 §5.6.1.2), but one has to.
 */

import { isWhitespace, trimWhitespace } from './header-map.ts';

const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const IS_TOKEN_CODE: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  TOKEN_CHARACTERS.includes(String.fromCharCode(code)),
);

/** All a field value may hold on the wire: tab, space, visible ASCII and the upper half of Latin-1 (RFC 9110 §5.5). */
const ILLEGAL_VALUE_CHARACTER = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * What becomes of empty elements in a list. HTTP asks for `ignored`. `refused` is the grammar of the two parsers that ws
 * exports, where white space may not end the value either.
 */
type EmptyElements = 'ignored' | 'refused';

/** One extension with its parameters in the order written; a parameter without a value has `true`. */
export interface Extension {
  readonly name: string;
  /** An array and no object, so that no name can collide with a property and repeated names are kept. */
  readonly params: readonly ExtensionParam[];
}

export interface ExtensionParam {
  readonly name: string;
  readonly value: string | true;
}

/** A header field value breaks its grammar. */
export class HeaderSyntaxError extends SyntaxError {
  /** Where in the value, counted in characters from 0; the value's length when it ended too early. */
  readonly index: number;

  constructor(message: string, index: number) {
    super(message);
    this.index = index;
  }
}

/** Whether `text` is a token (RFC 9110 §5.6.2): not empty, and no separators, white space or controls. */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (!IS_TOKEN_CODE[text.charCodeAt(i)]) return false;
  }
  return text.length > 0;
}

/** Whether `text` is `lowerCaseToken` in any ASCII case. Not `toLowerCase` alone: that turns U+212A into k. */
export function equalsToken(text: string, lowerCaseToken: string): boolean {
  return isToken(text) && text.toLowerCase() === lowerCaseToken;
}

/** Whether the comma list `value`, such as that of Connection, has `lowerCaseToken`, in any ASCII case. */
export function listHasToken(value: string, lowerCaseToken: string): boolean {
  // Most lists have one element.
  if (equalsToken(value, lowerCaseToken)) return true;
  return value.split(',').some((element) => equalsToken(trimWhitespace(element), lowerCaseToken));
}

/**
 * The subprotocols of a `Sec-WebSocket-Protocol` value in order of preference (§4.1).
 * @throws HeaderSyntaxError when an element is not a token or stands there twice, or when there is none
 */
export function parseSubprotocols(value: string, emptyElements: EmptyElements = 'ignored'): string[] {
  const scanner = new Scanner(value, emptyElements === 'ignored');
  const names = new Set<string>();
  do {
    const name = scanner.token();
    if (names.has(name)) {
      throw new HeaderSyntaxError(`The "${name}" subprotocol is duplicated`, scanner.index - name.length);
    }
    names.add(name);
  } while (scanner.nextElement());
  return [...names];
}

/**
 * The extensions of a `Sec-WebSocket-Extensions` value in order (§9.1). Quoted values come without their quotes.
 * @throws HeaderSyntaxError when the value does not follow the grammar
 */
export function parseExtensions(value: string, emptyElements: EmptyElements = 'ignored'): Extension[] {
  const scanner = new Scanner(value, emptyElements === 'ignored');
  const extensions: Extension[] = [];
  do {
    const name = scanner.token();
    const params: ExtensionParam[] = [];
    scanner.skipWhitespace();
    while (scanner.skip(SEMICOLON)) {
      scanner.skipWhitespace();
      params.push({ name: scanner.token(), value: scanner.skip(EQUALS) ? scanner.tokenOrQuotedToken() : true });
      scanner.skipWhitespace();
    }
    extensions.push({ name, params });
  } while (scanner.nextElement());
  return extensions;
}

/**
 * A `Sec-WebSocket-Extensions` value (§9.1). Values are tokens by that grammar, so quotes are never needed.
 * @throws TypeError when a name or value is not a token
 */
export function formatExtensions(extensions: readonly Extension[]): string {
  return extensions
    .map(({ name, params }) => {
      const parts = params.map((param) =>
        param.value === true ? asToken(param.name) : `${asToken(param.name)}=${asToken(param.value)}`,
      );
      return [asToken(name), ...parts].join('; ');
    })
    .join(', ');
}

function asToken(text: string): string {
  if (!isToken(text)) throw new TypeError(`Extension names and parameter values must be tokens, not "${text}"`);
  return text;
}

/** @throws TypeError when `name` is not a token and so cannot be sent as a header field name */
export function checkHeaderName(name: string): void {
  if (!isToken(name)) {
    throw new TypeError(`Invalid header name ${JSON.stringify(name)}: use letters, digits and !#$%&'*+-.^_\`|~ only`);
  }
}

/**
 * @param name says in the error which field it was
 * @throws TypeError when `value` holds CR, LF, NUL, another control character, or one beyond Latin-1
 */
export function checkHeaderValue(name: string, value: string): void {
  const index = value.search(ILLEGAL_VALUE_CHARACTER);
  if (index === -1) return;
  const code = value.charCodeAt(index).toString(16).toUpperCase().padStart(4, '0');
  throw new TypeError(`Invalid character U+${code} at index ${index} of ${name}: remove or percent-encode it`);
}

/** Reads a value once, from left to right. `index` is the next character not yet taken. */
class Scanner {
  readonly #text: string;
  readonly #ignoresEmptyElements: boolean;
  index = 0;

  constructor(text: string, ignoresEmptyElements: boolean) {
    this.#text = text;
    this.#ignoresEmptyElements = ignoresEmptyElements;
    this.#skipEmptyElements();
  }

  /** Takes one or more token characters. */
  token(): string {
    const start = this.index;
    while (IS_TOKEN_CODE[this.#peek()]) this.index++;
    if (this.index === start) this.#fail();
    return this.#text.slice(start, this.index);
  }

  tokenOrQuotedToken(): string {
    return this.skip(QUOTE) ? this.#quotedToken() : this.token();
  }

  /** Takes the character `code` if it is next. */
  skip(code: number): boolean {
    if (this.#peek() !== code) return false;
    this.index++;
    return true;
  }

  /** Takes white space. HTTP has stripped it from both ends of the value; behind a comma it may end one all the same. */
  skipWhitespace(): void {
    if (!isWhitespace(this.#peek())) return;
    do this.index++;
    while (isWhitespace(this.#peek()));
    if (this.index === this.#text.length && !this.#ignoresEmptyElements) this.#fail();
  }

  /** Takes the comma before the next element, with the empty ones behind it. False at the end of the value. */
  nextElement(): boolean {
    this.skipWhitespace();
    if (this.index === this.#text.length) return false;
    if (!this.skip(COMMA)) this.#fail();
    this.skipWhitespace();
    this.#skipEmptyElements();
    return this.index < this.#text.length || !this.#ignoresEmptyElements;
  }

  /** RFC 9110 §5.6.1.2. The head's size limits how many there can be. */
  #skipEmptyElements(): void {
    if (!this.#ignoresEmptyElements) return;
    do this.skipWhitespace();
    while (this.skip(COMMA));
  }

  /** The rest of a quoted-string whose content, once unescaped, is a token (§9.1). */
  #quotedToken(): string {
    let token = '';
    while (token === '' || !this.skip(QUOTE)) {
      this.skip(BACKSLASH);
      if (!IS_TOKEN_CODE[this.#peek()]) this.#fail();
      token += this.#text.charAt(this.index++);
    }
    return token;
  }

  /** The next character's code, NaN at the end. */
  #peek(): number {
    return this.#text.charCodeAt(this.index);
  }

  #fail(): never {
    const { index } = this;
    if (index === this.#text.length) throw new HeaderSyntaxError('Unexpected end of input', index);
    throw new HeaderSyntaxError(`Unexpected character at index ${index}`, index);
  }
}
