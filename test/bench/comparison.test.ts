import { describe, expect, it } from 'vitest';
import { mergeWatched } from '../../bench/cells.ts';
import { addRounds, type Cell, type CellResult, compare, type Figure } from '../../bench/part.ts';
import { parseSubjectName, type Subject } from '../../bench/subjects.ts';
import { formatBytes, formatRate } from '../../bench/support/report.ts';
import { formatCell, ratioToBase, whereSlower } from '../../bench/table.ts';

function subject(name: string): Subject {
  return { name, adapter: name, command: [], isRaw: false, language: 'plain', heapMb: 0, missing: undefined };
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
    const text = formatCell(result, { figures: [RATE], base: 'a' });
    expect(text).toMatch(/^ {2}b +– +–$/m);
    expect(text).toMatch(/^ {2}c +5\.00 +0\.50 \(0\.50–0\.50\)$/m);
    expect(text).toContain('b: no luck');
    expect(text).toContain('c: bad day');
  });
});

describe('addRounds', () => {
  it('has the rounds of both', () => {
    const cell = (series: CellResult['series']): CellResult => ({ name: 'cell', series });
    const series = (subject: string, perSecond: number, ...failures: string[]) => {
      return { subject, rounds: [{ perSecond }], failures };
    };
    const both = addRounds(
      cell([series('a', 1, 'no'), series('gone', 2)]),
      cell([series('a', 3, 'no'), series('new', 4)]),
    );
    expect(both.series).toEqual([
      { subject: 'a', rounds: [{ perSecond: 1 }, { perSecond: 3 }], failures: ['no'] },
      series('new', 4),
    ]);
  });
});

/** One round of each subject. */
function resultOf(rates: Readonly<Record<string, number>>): CellResult {
  const series = Object.entries(rates).map(([subject, perSecond]) => ({
    subject,
    rounds: [{ perSecond }],
    failures: [],
  }));
  return { name: 'x', series };
}

describe('formatCell', () => {
  it.each([
    ['utilisation', 0.9, '90 %'],
    ['utilisation', 0.91, '91 % busy!'],
    ['saturation', 0.9, '90 %'],
    ['saturation', 0.89, '89 % idle!'],
  ] as const)('marks what may not be what is measured: %s %d', (format, share, shown) => {
    const result = { name: 'x', series: [{ subject: 'a', rounds: [{ share }], failures: [] }] };
    const text = formatCell(result, { figures: [{ key: 'share', title: 'of it', format }], base: 'a' });
    expect(text.endsWith(` ${shown}`)).toBe(true);
  });

  it('compares with the base, and with a base of its own', () => {
    const result = resultOf({ 'ws-one': 10, 'ws-two': 15, 'bun-one': 40, 'bun-two': 50 });
    const ownBase = (name: string) => name.replace('-two', '-one');
    const text = formatCell(result, { figures: [RATE], base: 'ws-one', ownBase });
    expect(text).toMatch(/^ {2}bun-two +50\.0 +5\.00 \(5\.00–5\.00\) +1\.25 \(1\.25–1\.25\)$/m);
  });
});

const RIVALS = ['ws', 'faye', 'deno'];

describe('whereSlower', () => {
  it('names the libraries that framewright is behind, by the medians of the ratios', () => {
    const result = resultOf({ framewright: 10, 'framewright-net': 8, net: 99, bun: 99, ws: 8, faye: 9, deno: 20 });
    expect(whereSlower(result, RATE, RIVALS)).toEqual([
      'framewright is slower than deno: 0.50',
      'framewright-net is slower than faye: 0.89',
      'framewright-net is slower than deno: 0.40',
    ]);
    expect(formatCell(result, { figures: [RATE], base: 'ws', rivals: RIVALS })).toContain(
      '\n  framewright is slower than deno: 0.50',
    );
  });

  it.each([
    [1, 2, 0],
    [2, 1, 1],
  ])('knows which way is better: %d µs beside %d', (own, theirs, expected) => {
    const series = [
      { subject: 'framewright', rounds: [{ cpuMicros: own }], failures: [] },
      { subject: 'ws', rounds: [{ cpuMicros: theirs }], failures: [] },
    ];
    expect(whereSlower({ name: 'x', series }, COST, RIVALS)).toHaveLength(expected);
  });
});

describe('mergeWatched', () => {
  it('adds up collections, and takes the longest delays', () => {
    const processes = [
      { youngPerSecond: 3, fullPerSecond: 0, loopP99: 2, loopP999: 9 },
      {},
      { youngPerSecond: 4, fullPerSecond: 1, loopP99: 8, loopP999: 8 },
    ];
    expect(mergeWatched(processes)).toEqual({ youngPerSecond: 7, fullPerSecond: 1, loopP99: 8, loopP999: 9 });
    expect(mergeWatched([{}])).toEqual({});
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
