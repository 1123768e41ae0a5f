import { describe, expect, it } from 'vitest';
import { barChart, formatMultiple, ticksFor } from '../../bench/support/chart.ts';

describe('ticksFor', () => {
  it.each([
    [[1], [1, 2]],
    [[0.9], [0.5, 1]],
    [
      [1.1, 17],
      [1, 2, 4, 8, 16, 32],
    ],
    [
      [0.3, 1],
      [0.25, 0.5, 1],
    ],
    [[4], [1, 2, 4]],
  ])('%j: %j', (values, expected) => {
    expect(ticksFor(values)).toEqual(expected);
  });
});

describe('formatMultiple', () => {
  it.each([
    [0.25, '0.25×'],
    [1, '1×'],
    [1.349, '1.3×'],
    [17.6, '18×'],
  ])('%d: %s', (value, expected) => {
    expect(formatMultiple(value)).toBe(expected);
  });
});

describe('barChart', () => {
  const bar = (value: number, label = 'one') => ({ label, value, isHighlighted: false });
  const draw = (...bars: ReturnType<typeof bar>[]) =>
    barChart({ title: 'A & B', note: '<note>', groups: [{ name: 'group', bars }] });
  const rects = (svg: string) =>
    [...svg.matchAll(/<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"/g)].map(([, x, width]) => [
      Number(x),
      Number(width),
    ]);

  it('is logarithmic: 4 is twice as long as 2, and begins at 1 as 2 does', () => {
    const [[x2, width2], [x4, width4]] = rects(draw(bar(2), bar(4))) as [[number, number], [number, number]];
    expect(x4).toBe(x2);
    expect(width4).toBeCloseTo(width2 * 2, 0);
  });

  it('draws what is below 1 to the left of it', () => {
    const [[xHalf, widthHalf], [xTwo]] = rects(draw(bar(0.5), bar(2))) as [[number, number], [number, number]];
    expect(xHalf + widthHalf).toBeCloseTo(xTwo, 0);
  });

  it('keeps within its width, with all values to be read', () => {
    const svg = draw(bar(0.01), bar(1), bar(900));
    for (const [x, width] of rects(svg) as [number, number][]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThan(760);
      expect(width).toBeGreaterThanOrEqual(1);
    }
    for (const text of ['0.01×', '1×', '900×']) expect(svg).toContain(`>${text}</text>`);
  });

  it('escapes what it is given', () => {
    const svg = draw(bar(2, '"<b>"'));
    expect(svg).toContain('A &amp; B');
    expect(svg).toContain('&lt;note&gt;');
    expect(svg).toContain('&quot;&lt;b&gt;&quot;');
  });

  it('has colours for dark pages, and highlights', () => {
    const svg = barChart({
      title: '',
      note: '',
      groups: [{ name: '', bars: [{ label: 'ours', value: 2, isHighlighted: true }] }],
    });
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).toMatch(/<rect [^>]*class="own"/);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (value) => {
    expect(() => draw(bar(value))).toThrow(RangeError);
  });
});
