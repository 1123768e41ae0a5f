import { describe, expect, it } from 'vitest';
import { type Cell, compare, type Figure } from '../../bench/part.ts';
import { parseSubjectName, type Subject } from '../../bench/subjects.ts';
import { formatBytes, formatRate } from '../../bench/support/report.ts';
import { formatCell, ratioToBase } from '../../bench/table.ts';

function subject(name: string): Subject {
  return { name, adapter: name, command: [], isRaw: false, language: 'plain', missing: undefined };
}

/** Measures what `rates` says, round by round; throws what is an Error. */
function cellOf(rates: Record<string, (number | Error)[]>): Cell & { readonly order: string[] } {
  const order: string[] = [];
  return {
    name: 'cell',
    order,
    async measure({ name }) {
      order.push(name);
      const next = rates[name]!.shift()!;
      if (next instanceof Error) throw next;
      return { perSecond: next, cpuMicros: 1e6 / next };
    },
  };
}

const RATE: Figure = { key: 'perSecond', title: 'messages/s', format: 'rate', isCompared: true };
const COST: Figure = { key: 'cpuMicros', title: 'µs', format: 'microseconds', isLowerBetter: true, isCompared: true };

describe('compare', () => {
  it('takes the subjects in turn, round by round', async () => {
    const cell = cellOf({ a: [10, 20], b: [5, 4] });
    const result = await compare(cell, [subject('a'), subject('b')], 2);
    expect(cell.order).toEqual(['a', 'b', 'a', 'b']);
    const [a, b] = result.series as [(typeof result.series)[0], (typeof result.series)[0]];
    expect(ratioToBase(a, b, RATE)).toEqual({ median: 3.5, min: 2, max: 5 });
  });

  it('turns the ratio round where less is better', async () => {
    const { series } = await compare(cellOf({ a: [10], b: [5] }), [subject('a'), subject('b')], 1);
    expect(ratioToBase(series[0]!, series[1]!, COST)?.median).toBeCloseTo(2);
  });

  it('reports who failed and why, and does not try again what has never worked', async () => {
    const cell = cellOf({ a: [10, 10, 10], b: [new Error('no luck')], c: [5, new Error('bad day'), 5] });
    const result = await compare(cell, ['a', 'b', 'c'].map(subject), 3);
    expect(cell.order.join('')).toBe('abcacac');
    expect(result.series.map(({ failures }) => failures)).toEqual([[], ['no luck'], ['bad day']]);
    const text = formatCell(result, [RATE], 'a');
    expect(text).toMatch(/^ {2}b +– +–$/m);
    expect(text).toMatch(/^ {2}c +5\.00 +0\.50 \(0\.50–0\.50\)$/m);
    expect(text).toContain('b: no luck');
    expect(text).toContain('c: bad day');
  });
});

describe('formatCell', () => {
  it.each([
    [0.9, '90 %'],
    [0.91, '91 % busy!'],
  ])('marks a load that may be what is measured: %d', (utilisation, shown) => {
    const result = { name: 'x', series: [{ subject: 'a', rounds: [{ utilisation }], failures: [] }] };
    expect(formatCell(result, [{ key: 'utilisation', title: 'load', format: 'utilisation' }], 'a')).toContain(shown);
  });
});

describe('parseSubjectName', () => {
  it.each([
    ['ws', { base: 'ws' }],
    ['framewright-net@24', { base: 'framewright-net', nodeMajor: '24' }],
    ['framewright:/a/b:c', { base: 'framewright', dist: '/a/b:c' }],
    ['framewright@26:../dist', { base: 'framewright', nodeMajor: '26', dist: '../dist' }],
  ])('%s', (text, expected) => {
    expect(parseSubjectName(text)).toEqual(expected);
  });

  it.each(['', 'WS', 'ws@', 'ws@new', 'ws:', 'a b'])('refuses "%s"', (text) => {
    expect(() => parseSubjectName(text)).toThrow('NAME[@NODE][:DIST]');
  });
});

describe('units', () => {
  it.each([
    [1, '1.00'],
    [999.4, '999'],
    [999.6, '1.00 k'],
    [123_456, '123 k'],
    [7.59e6, '7.59 M'],
  ])('%d per second: %s', (value, expected) => {
    expect(formatRate(value)).toBe(expected);
  });

  it.each([
    [16, '16 B'],
    [1024, '1 KiB'],
    [65_536, '64 KiB'],
    [1_048_576, '1 MiB'],
  ])('%d bytes: %s', (value, expected) => {
    expect(formatBytes(value)).toBe(expected);
  });
});
