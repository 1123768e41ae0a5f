import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import {
  checkHeaderName,
  checkHeaderValue,
  type Extension,
  equalsToken,
  formatExtensions,
  HeaderSyntaxError,
  isToken,
  listHasToken,
  parseExtensions,
  parseSubprotocols,
} from '../../src/handshake/header-fields.ts';

// The types published for ws do not know these two yet.
const oracle = ws as unknown as {
  extension: { parse(value: string): Record<string, Record<string, (string | true)[]>[]> };
  subprotocol: { parse(value: string): Set<string> };
};

function syntaxErrorOf(run: () => unknown): HeaderSyntaxError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(HeaderSyntaxError);
    expect(error).toBeInstanceOf(SyntaxError);
    return error as HeaderSyntaxError;
  }
}

/** Behaves like a string and counts how often the scanner looks at a character or takes one out. */
class CountingText {
  readonly #text: string;
  steps = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get length(): number {
    return this.#text.length;
  }

  charCodeAt(index: number): number {
    this.steps++;
    return this.#text.charCodeAt(index);
  }

  charAt(index: number): string {
    this.steps++;
    return this.#text.charAt(index);
  }

  slice(start: number, end: number): string {
    this.steps += end - start;
    return this.#text.slice(start, end);
  }
}

/** Text that is likely to come near the grammar. */
const nearlyGrammatical = fc
  .array(fc.constantFrom('a', 'foo', 'b1', '__proto__', ',', ';', '=', '"', '\\', ' ', '\t', '(', '\u00e9', '\u212a'), {
    maxLength: 14,
  })
  .map((parts) => parts.join(''));

const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,8}$/);

describe('isToken and equalsToken', () => {
  it('§4.1 a token has visible ASCII without separators', () => {
    const separators = '()<>@,;:\\"/[]?={} \t';
    for (let code = 0; code < 300; code++) {
      const text = String.fromCharCode(code);
      expect(isToken(text), `code ${code}`).toBe(code > 0x20 && code < 0x7f && !separators.includes(text));
      expect(isToken(`a${text}a`), `code ${code} inside`).toBe(isToken(text));
    }
    expect(isToken('')).toBe(false);
  });

  it.each([
    ['websocket', true],
    ['WebSocket', true],
    ['websocket ', false],
    ['web\u017focket', false],
    ['websoc\u212aet', false],
    ['', false],
  ])('§4.1 %j equals websocket in ASCII: %s', (text, expected) => {
    expect(equalsToken(text, 'websocket')).toBe(expected);
  });
});

describe('listHasToken, for tokens in lower case', () => {
  it.each([
    ['Upgrade', ['upgrade']],
    ['keep-alive, UPGRADE', ['keep-alive', 'upgrade']],
    ['a\t ,b,\tc', ['a', 'b', 'c']],
    [', ,a,,', ['a']],
    ['websocket/13, h2c', ['h2c']],
    ['websoc\u212aet', []],
    ['\u00a0upgrade', []],
    ['', []],
  ])('§4.2.1 %j has %j and no other', (value, expected) => {
    const tokens = ['a', 'b', 'c', 'h2c', 'keep-alive', 'upgrade', 'websocket', 'websocket/13', ''];
    expect(tokens.filter((token) => listHasToken(value, token))).toEqual([...expected].sort());
  });
});

describe('listHasToken', () => {
  it.each([
    ['upgrade', true],
    ['UPGRADE', true],
    ['keep-alive, Upgrade', true],
    ['Upgrade\t,', true],
    ['upgraded', false],
    ['keep-alive', false],
    ['close upgrade', false],
    ['', false],
  ])('§4.2.1 %j', (value, expected) => {
    expect(listHasToken(value, 'upgrade')).toBe(expected);
  });
});

describe('parseSubprotocols', () => {
  it.each([
    ['chat', ['chat']],
    ['chat, superchat', ['chat', 'superchat']],
    ['b,a \t,\tc', ['b', 'a', 'c']],
    ['Chat,chat', ['Chat', 'chat']],
    ['__proto__,constructor', ['__proto__', 'constructor']],
  ])('§4.1 %j', (value, expected) => {
    expect(parseSubprotocols(value)).toEqual(expected);
  });

  it.each([
    ['', 0, 'Unexpected end of input'],
    ['a,', 2, 'Unexpected end of input'],
    ['a, ', 3, 'Unexpected end of input'],
    ['a ', 2, 'Unexpected end of input'],
    [',a', 0, 'Unexpected character at index 0'],
    [' a', 0, 'Unexpected character at index 0'],
    ['a,,b', 2, 'Unexpected character at index 2'],
    ['a, ,b', 3, 'Unexpected character at index 3'],
    ['a b', 2, 'Unexpected character at index 2'],
    ['a;b', 1, 'Unexpected character at index 1'],
    ['a\u0000', 1, 'Unexpected character at index 1'],
    ['caf\u00e9', 3, 'Unexpected character at index 3'],
    ['a, b, a', 6, 'The "a" subprotocol is duplicated'],
  ])('§4.1 as ws, %j is refused at %i', (value, index, message) => {
    const error = syntaxErrorOf(() => parseSubprotocols(value, 'refused'));
    expect(error).toMatchObject({ index, message });
  });

  it.each([
    ['gabbo,', ['gabbo']],
    ['gabbo, ', ['gabbo']],
    [', gabbo', ['gabbo']],
    [' ,\t,a,, ,b\t,,', ['a', 'b']],
    ['a ', ['a']],
  ])('RFC 9110 §5.6.1.2 empty elements in %j are ignored', (value, expected) => {
    expect(parseSubprotocols(value)).toEqual(expected);
  });

  it.each([
    ['', 0, 'Unexpected end of input'],
    [',', 1, 'Unexpected end of input'],
    [' , ,', 4, 'Unexpected end of input'],
    ['a,;', 2, 'Unexpected character at index 2'],
    ['a b', 2, 'Unexpected character at index 2'],
    ['a,,a', 3, 'The "a" subprotocol is duplicated'],
  ])('RFC 9110 §5.6.1.2 %j has no element or a bad one: refused at %i', (value, index, message) => {
    expect(syntaxErrorOf(() => parseSubprotocols(value))).toMatchObject({ index, message });
  });

  it('§4.1 accepts what ws accepts, with the same result', () => {
    fc.assert(
      fc.property(nearlyGrammatical, (value) => {
        let expected: string[] | undefined;
        try {
          expected = [...oracle.subprotocol.parse(value)];
        } catch {}
        let actual: string[] | undefined;
        const error = syntaxErrorOf(() => {
          actual = parseSubprotocols(value, 'refused');
        });
        expect(actual).toEqual(expected);
        expect(error === undefined).toBe(expected !== undefined);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseExtensions', () => {
  const VALUES: [value: string, extensions: Extension[]][] = [
    ['foo', [{ name: 'foo', params: [] }]],
    [
      'foo, bar; baz=2',
      [
        { name: 'foo', params: [] },
        { name: 'bar', params: [{ name: 'baz', value: '2' }] },
      ],
    ],
    [
      'mux; max-channels=4; flow-control, deflate-stream',
      [
        {
          name: 'mux',
          params: [
            { name: 'max-channels', value: '4' },
            { name: 'flow-control', value: true },
          ],
        },
        { name: 'deflate-stream', params: [] },
      ],
    ],
    ['a;b="c"', [{ name: 'a', params: [{ name: 'b', value: 'c' }] }]],
    ['a;b="\\c\\d\\!e"', [{ name: 'a', params: [{ name: 'b', value: 'cd!e' }] }]],
    [
      'a\t ; \tb=c \t,d',
      [
        { name: 'a', params: [{ name: 'b', value: 'c' }] },
        { name: 'd', params: [] },
      ],
    ],
    [
      'a;b;b=1;b="2",a',
      [
        {
          name: 'a',
          params: [
            { name: 'b', value: true },
            { name: 'b', value: '1' },
            { name: 'b', value: '2' },
          ],
        },
        { name: 'a', params: [] },
      ],
    ],
  ];

  it.each(VALUES)('§9.1 %j', (value, extensions) => {
    expect(parseExtensions(value)).toEqual(extensions);
  });

  it('A03 names of object properties are names', () => {
    expect(parseExtensions('__proto__; constructor=__proto__, constructor; __proto__')).toEqual([
      { name: '__proto__', params: [{ name: 'constructor', value: '__proto__' }] },
      { name: 'constructor', params: [{ name: '__proto__', value: true }] },
    ]);
  });

  it.each([
    ['', 0],
    ['foo,', 4],
    ['foo ', 4],
    ['foo;', 4],
    ['foo; ', 5],
    ['foo;a ', 6],
    ['foo;a=', 6],
    ['foo;a="', 7],
    ['foo;a="x', 8],
    ['foo;a="x\\', 9],
    ['foo;a="x" ', 10],
  ])('§9.1 %j ends too early', (value, index) => {
    const error = syntaxErrorOf(() => parseExtensions(value, 'refused'));
    expect(error).toMatchObject({ index, message: 'Unexpected end of input' });
  });

  it.each([
    ['foo,', ['foo']],
    [',foo, ', ['foo']],
    ['foo,, \t,bar;a=1 ,', ['foo', 'bar']],
    ['foo;a="x" ', ['foo']],
  ])('RFC 9110 §5.6.1.2 empty elements in %j are ignored', (value, names) => {
    expect(parseExtensions(value).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ['', 0],
    [', ,', 3],
    ['foo;', 4],
    ['foo; ,', 5],
    ['foo;a=', 6],
  ])('RFC 9110 §5.6.1.2 %j has no element, or half of one: refused at %i', (value, index) => {
    expect(syntaxErrorOf(() => parseExtensions(value))).toMatchObject({ index });
  });

  it.each([
    [' foo', 0],
    [',foo', 0],
    [';', 0],
    ['"foo"', 0],
    ['foo,,', 4],
    ['foo bar', 4],
    ['foo=1', 3],
    ['foo;;', 4],
    ['foo;=1', 4],
    ['foo;a =1', 6],
    ['foo;a= 1', 6],
    ['foo;a==', 6],
    ['foo;a=""', 7],
    ['foo;a="x"y', 9],
    ['foo;a=x"y"', 7],
    ['foo;a="x y"', 8],
    ['foo;a="x,y"', 8],
    ['foo;a="\\""', 8],
    ['foo;a="\\ "', 8],
    ['foo;a=\\x', 6],
    ['foo;a="caf\u00e9"', 10],
    ['foo\u0000', 3],
  ])('§9.1 %j has an unexpected character at %i', (value, index) => {
    const error = syntaxErrorOf(() => parseExtensions(value, 'refused'));
    expect(error).toMatchObject({ index, message: `Unexpected character at index ${index}` });
  });

  it('§9.1 any text gives what ws makes of it, errors included', () => {
    fc.assert(
      fc.property(nearlyGrammatical, (value) => {
        let expected: unknown;
        try {
          expected = oracle.extension.parse(value);
        } catch (error) {
          expect(syntaxErrorOf(() => parseExtensions(value, 'refused'))?.message).toBe((error as Error).message);
          return;
        }
        expect(groupByName(parseExtensions(value, 'refused'))).toEqual(expected);
        // What the stricter grammar takes, the other takes for the same.
        expect(groupByName(parseExtensions(value))).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('§9.1 parses back what formatExtensions writes', () => {
    const params = fc.array(fc.record({ name: token, value: fc.oneof(token, fc.constant<true>(true)) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(fc.record({ name: token, params }), { minLength: 1, maxLength: 4 }), (extensions) => {
        expect(parseExtensions(formatExtensions(extensions))).toEqual(extensions);
      }),
    );
  });

  function groupByName(extensions: Extension[]): Record<string, Record<string, (string | true)[]>[]> {
    const grouped = Object.create(null);
    for (const { name, params } of extensions) {
      const values = Object.create(null);
      for (const param of params) {
        values[param.name] ??= [];
        values[param.name].push(param.value);
      }
      grouped[name] ??= [];
      grouped[name].push(values);
    }
    return grouped;
  }
});

describe('formatExtensions', () => {
  it('§9.1 writes parameters with and without values', () => {
    const params = [
      { name: 'server_no_context_takeover', value: true },
      { name: 'client_max_window_bits', value: '10' },
    ] as const;
    expect(
      formatExtensions([
        { name: 'permessage-deflate', params },
        { name: 'x', params: [] },
      ]),
    ).toBe('permessage-deflate; server_no_context_takeover; client_max_window_bits=10, x');
  });

  it.each([
    [{ name: 'a b', params: [] }],
    [{ name: 'a', params: [{ name: '', value: true as const }] }],
    [{ name: 'a', params: [{ name: 'b', value: '' }] }],
    [{ name: 'a', params: [{ name: 'b', value: 'c\r\nX: y' }] }],
    [{ name: 'a', params: [{ name: 'b\r\n', value: 'c' }] }],
  ])('A13 %j is refused', (extension) => {
    expect(() => formatExtensions([extension])).toThrow(TypeError);
  });
});

describe('A04 the work grows with the length, whatever the value holds', () => {
  const LENGTH = 65_536;
  const HOSTILE: [name: string, value: string][] = [
    ['one long token', 'a'.repeat(LENGTH)],
    ['many elements', 'a,'.repeat(LENGTH / 2)],
    ['many distinct elements', Array.from({ length: 9000 }, (_, i) => `n${i}`).join(', ')],
    ['white space and then an error', `a${' '.repeat(LENGTH)}(`],
    ['white space up to the end', `a${'\t '.repeat(LENGTH / 2)}`],
    ['spaces between elements', `a${' '.repeat(1000)},`.repeat(60)],
    ['an unclosed quoted string', `a;b="${'x'.repeat(LENGTH)}`],
    ['an unclosed quoted string of escapes', `a;b="${'\\x'.repeat(LENGTH / 2)}`],
    ['many quoted strings, the last unclosed', `a${';b="x"'.repeat(LENGTH / 6)};b="`],
    ['many semicolons', `a${';b'.repeat(LENGTH / 2)}`],
  ];

  it.each(HOSTILE)('A04 %s', (_name, value) => {
    for (const parse of [parseExtensions, parseSubprotocols]) {
      const text = new CountingText(value);
      syntaxErrorOf(() => parse(text as unknown as string));
      expect(text.steps).toBeLessThan(9 * value.length);
    }
  });
});

describe('checkHeaderName and checkHeaderValue', () => {
  it.each([['X-Foo'], ['cookie'], ["!#$%&'*+-.^_`|~1"]])('A13 name %j is legal', (name) => {
    expect(() => checkHeaderName(name)).not.toThrow();
  });

  it.each([[''], ['a b'], ['a:'], ['a\r\nb'], ['a\0'], ['\u00e9'], ['a\t']])('A13 name %j is refused', (name) => {
    expect(() => checkHeaderName(name)).toThrow(TypeError);
  });

  it.each([[''], ['a b\tc'], ['\u0080\u00e9\u00ff'], ['~!@']])('A13 value %j is legal', (value) => {
    expect(() => checkHeaderValue('x', value)).not.toThrow();
  });

  it.each([
    ['a\rb', 'U+000D at index 1 of x-test'],
    ['\n', 'U+000A at index 0 of x-test'],
    ['ab\0', 'U+0000 at index 2 of x-test'],
    ['\x7f', 'U+007F at index 0 of x-test'],
    ['\x1b[0m', 'U+001B at index 0 of x-test'],
    ['\u0100', 'U+0100 at index 0 of x-test'],
    ['\u560d\u560a', 'U+560D at index 0 of x-test'],
  ])('A13 value %j is refused', (value, where) => {
    expect(() => checkHeaderValue('x-test', value)).toThrow(TypeError);
    expect(() => checkHeaderValue('x-test', value)).toThrow(where);
  });
});
