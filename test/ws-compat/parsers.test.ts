import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extension, subprotocol } from '../../src/ws-compat/parsers.ts';
import { wsClasses as ws } from '../support/ws-classes.ts';

/** What a parser makes of a header: its result, or the class and text of its error. */
function outcome<T>(parse: (header: string) => T, header: string): T | string {
  try {
    return parse(header);
  } catch (error) {
    expect(error).toBeInstanceOf(SyntaxError);
    return (error as Error).message;
  }
}

const PIECES = [
  'a',
  'bc',
  'permessage-deflate',
  '__proto__',
  ',',
  ', ',
  ';',
  '; ',
  '=',
  '"',
  '\\',
  ' ',
  '\t',
  'é',
  '10',
];
const anyHeader = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(''));

describe('§9.1 extension', () => {
  it('§9.1 offers are grouped by name, their parameters by name, values in order', () => {
    const parsed = extension.parse('a; x; y=1; y="2", b, a; z');
    expect(Object.keys(parsed)).toEqual(['a', 'b']);
    expect({ ...parsed.a![0] }).toEqual({ x: [true], y: ['1', '2'] });
    expect({ ...parsed.a![1] }).toEqual({ z: [true] });
    expect(parsed.b!.map((params) => ({ ...params }))).toEqual([{}]);
  });

  it('§9.1 names are no properties of Object: __proto__ is a name like any other', () => {
    const parsed = extension.parse('__proto__; constructor=1');
    expect(Object.getPrototypeOf(parsed)).toBeNull();
    for (const [params] of Object.values(parsed)) expect(Object.getPrototypeOf(params)).toBeNull();
    expect(Object.keys(parsed)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it.each([
    ['', 'Unexpected end of input'],
    ['a;', 'Unexpected end of input'],
    ['a,,b', 'Unexpected character at index 2'],
    ['a; b="c', 'Unexpected end of input'],
  ])('§9.1 %j is a SyntaxError: %s', (header, message) => {
    expect(() => extension.parse(header)).toThrow(SyntaxError);
    expect(() => extension.parse(header)).toThrow(message);
  });

  it('§9.1 any header is read as ws reads it', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        expect(outcome(extension.parse, header)).toEqual(outcome(ws.extension.parse, header));
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    [{ a: {} }],
    [{ a: [{ x: true, y: 10 }, { z: ['1', '2'] }], b: [{}] }],
    [{ 'permessage-deflate': { client_max_window_bits: [true] } }],
  ])('§9.1 format writes %j as ws does, and parse reads it back', (extensions) => {
    const header = extension.format(extensions as Parameters<typeof extension.format>[0]);
    expect(header).toBe(ws.extension.format(extensions as Parameters<typeof extension.format>[0]));
    expect(Object.keys(extension.parse(header))).toEqual(Object.keys(extensions));
  });

  it('§9.1 format refuses what is no token, which ws would send', () => {
    expect(() => extension.format({ a: { b: 'c\r\nX: y' } })).toThrow(TypeError);
  });
});

describe('§4.1 subprotocol', () => {
  it('§4.1 the names in order, as a Set', () => {
    expect(subprotocol.parse('chat, superchat')).toEqual(new Set(['chat', 'superchat']));
    expect(() => subprotocol.parse('a,b,a')).toThrow('The "a" subprotocol is duplicated');
  });

  it('§4.1 any header is read as ws reads it; of two faults, a repeated name may be told before the other', () => {
    fc.assert(
      fc.property(anyHeader, (header) => {
        const ours = outcome(subprotocol.parse, header);
        const theirs = outcome(ws.subprotocol.parse, header);
        if (String(ours).endsWith('is duplicated')) expect(theirs).toBeTypeOf('string');
        else expect(ours).toEqual(theirs);
      }),
      { numRuns: 3000 },
    );
  });
});
