import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, MAX_NAME_LENGTH, patternFault } from '../../src/realtime-protocol/channel-name.ts';

describe('a name and a pattern', () => {
  const rows: [pattern: string, name: string, params: Record<string, string> | undefined][] = [
    ['news', 'news', {}],
    ['news', 'new', undefined],
    ['news', 'news:', undefined],
    ['news', 'News', undefined],
    ['room:{room}', 'room:general', { room: 'general' }],
    ['room:{room}', 'room:ü 😀\n', { room: 'ü 😀\n' }],
    ['room:{room}', 'room:', undefined],
    ['room:{room}', 'room:a:b', undefined],
    ['room:{room}', 'a room:b', undefined],
    ['room:{room}', 'room:b\n', { room: 'b\n' }],
    ['room:{room}:typing', 'room:a:typing', { room: 'a' }],
    ['{a}:{b}', 'x:y', { a: 'x', b: 'y' }],
    ['{a}', 'anything', { a: 'anything' }],
    ['file:{name}.json', 'file:a.b.json', { name: 'a.b' }],
    ['{a}-{b}', 'x-y', { a: 'x', b: 'y' }],
    ['{a}-{b}', 'x-y-z', { a: 'x', b: 'y-z' }],
    ['{a}-{b}', '-y', undefined],
    ['{a}--{b}', 'x--y', { a: 'x', b: 'y' }],
    ['{a}--{b}', 'x-y--z', undefined],
    ['{a}.{b}', 'x.y', { a: 'x', b: 'y' }],
    ['{a}.{b}', 'xyy', undefined],
    ['{a}]{b}', 'x]y', { a: 'x', b: 'y' }],
    ['{a}^{b}', 'x^y', { a: 'x', b: 'y' }],
    ['{a}\\{b}', 'x\\y', { a: 'x', b: 'y' }],
    ['a.c', 'abc', undefined],
    ['a+(b|c)?$^[d]*\\/', 'a+(b|c)?$^[d]*\\/', {}],
    ['{__proto__}', 'x', Object.fromEntries([['__proto__', 'x']])],
    ['{a}', 'x'.repeat(MAX_NAME_LENGTH), { a: 'x'.repeat(MAX_NAME_LENGTH) }],
    ['{a}', 'x'.repeat(MAX_NAME_LENGTH + 1), undefined],
  ];
  it.each(rows)('%s and %s', (pattern, name, params) => {
    expect(compilePattern(pattern).match(name)).toEqual(params);
  });

  it('no name takes long, whatever the pattern', () => {
    const pattern = Array.from({ length: 20 }, (_, i) => `{p${i}}`).join('-');
    // With any number of ways to match, this would never end.
    expect(compilePattern(`${pattern}!`).match('-'.repeat(256))).toBeUndefined();
    expect(compilePattern(`${pattern}!`).match('a-'.repeat(128))).toBeUndefined();
  });
});

describe('what is wrong with patterns', () => {
  const rows: [patterns: string[], fault: string | undefined][] = [
    [['room:{room}', 'typing:{room}', 'news', 'room:{room}:typing'], undefined],
    [['a{x}', 'b{x}', '{x}c:d'], undefined],
    [['{a}-x', '{a}-y'], undefined],
    [['a'.repeat(256)], undefined],
    [[''], "1 to 256 characters: '' has 0"],
    [['a'.repeat(257)], "1 to 256 characters: 'aaa"],
    [['a:{}'], "'' in 'a:{}' is no name of a parameter"],
    [['a:{1}'], "'1' in 'a:{1}' is no name of a parameter: use letters, _, and digits behind them"],
    [['a:{b c}'], "'b c' in 'a:{b c}' is no name of a parameter"],
    [['a:{b:c}'], "'b:c' in"],
    [['{a}:{a}'], "'{a}:{a}' has two parameters of one name"],
    [['a:{b'], "'a:{b' has a brace without its other one"],
    [['a}'], "'a}' has a brace"],
    [['{{a}}'], "'{{a}}' has a brace"],
    [['{a}{b}'], "'{a}{b}' has two parameters with nothing between them"],
    [['room:{a}', 'room:{b}'], "'room:{a}' and 'room:{b}' can stand for the same name"],
    [['room:general', 'room:{room}'], "'room:general' and 'room:{room}' can"],
    [['{a}:x', 'y:{b}'], 'can stand for the same name'],
    [['ab{x}', 'a{x}b'], 'can stand for the same name'],
    [['a', 'b', 'c{x}', '{x}d'], "'c{x}' and '{x}d' can"],
  ];
  it.each(rows)('%j: %s', (patterns, fault) => {
    if (fault === undefined) expect(patternFault(patterns)).toBeUndefined();
    else expect(patternFault(patterns)).toContain(fault);
  });

  it('whenever a name belongs to two patterns, it is said', () => {
    const piece = fc.constantFrom('a', 'b', '-', ':', '{x}', '{y}', '{z}');
    const patterns = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .map((pieces) => pieces.join(''))
      .filter((pattern) => patternFault([pattern]) === undefined);
    const names = fc.array(fc.constantFrom('a', 'b', '-', ':'), { minLength: 1, maxLength: 7 }).map((n) => n.join(''));
    let shared = 0;
    fc.assert(
      fc.property(patterns, patterns, fc.array(names, { minLength: 30 }), (one, other, texts) => {
        fc.pre(one !== other);
        const [left, right] = [compilePattern(one), compilePattern(other)];
        const both = texts.filter((name) => left.match(name) && right.match(name));
        if (both.length === 0) return;
        shared++;
        expect([patternFault([one, other]), both[0]]).toEqual([
          `'${one}' and '${other}' can stand for the same name`,
          both[0],
        ]);
      }),
      { numRuns: 1000 },
    );
    expect(shared).toBeGreaterThan(20);
  });

  it('a name that is made from a pattern belongs to it', () => {
    const value = fc.string({ minLength: 1, maxLength: 9 }).filter((text) => !/[:.]/.test(text));
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        expect(compilePattern('x:{a}.{b}:{c}').match(`x:${a}.${b}:${c}`)).toEqual({ a, b, c });
      }),
    );
  });
});
