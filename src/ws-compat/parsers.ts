/**
 * The two header parsers that ws exports, `extension` and `subprotocol`: the handshake's grammars (§9.1, §4.1), with ws's
 * results. Like ws's, they refuse the empty elements that a handshake passes over.
 */

import { type ExtensionParam, formatExtensions, parseExtensions, parseSubprotocols } from '../handshake/index.ts';

/** A parameter's values, one for each time it stood there; `true` for one without a value. */
export type ExtensionParams = Record<string, (string | true)[]>;

/** What may be formatted: lists as `parse` gives them, or single things instead of lists of one. */
type FormattableParams = Record<string, ParamValue | readonly ParamValue[]>;
type ParamValue = string | number | boolean;

/** Names come from the peer: without a prototype, `__proto__` is a name like any other. */
const emptyRecord = <T>(): Record<string, T> => Object.create(null) as Record<string, T>;

function add<T>(lists: Record<string, T[]>, name: string, value: T): void {
  const list = lists[name];
  if (list === undefined) lists[name] = [value];
  else list.push(value);
}

export const extension = {
  /**
   * Reads a `Sec-WebSocket-Extensions` value: for each extension name its offers in order.
   * @throws {SyntaxError} when the value breaks the grammar
   */
  parse(header: string): Record<string, ExtensionParams[]> {
    const offers = emptyRecord<ExtensionParams[]>();
    for (const { name, params } of parseExtensions(header, 'refused')) {
      const values = emptyRecord<(string | true)[]>();
      for (const param of params) add(values, param.name, param.value);
      add(offers, name, values);
    }
    return offers;
  },

  /**
   * Writes a `Sec-WebSocket-Extensions` value.
   * @throws {TypeError} when a name or a value is not a token
   */
  format(extensions: Record<string, FormattableParams | readonly FormattableParams[]>): string {
    return formatExtensions(
      Object.entries(extensions).flatMap(([name, offers]) =>
        [offers].flat().map((values) => ({ name, params: paramsOf(values as FormattableParams) })),
      ),
    );
  },
};

function paramsOf(values: FormattableParams): ExtensionParam[] {
  return Object.entries(values).flatMap(([name, given]) =>
    [given].flat().map((value) => ({ name, value: value === true ? true : String(value) })),
  );
}

export const subprotocol = {
  /**
   * Reads a `Sec-WebSocket-Protocol` value: the subprotocols in order of preference.
   * @throws {SyntaxError} when the value breaks the grammar, or a name stands there twice
   */
  parse(header: string): Set<string> {
    return new Set(parseSubprotocols(header, 'refused'));
  },
};
