import { describe, expect, it } from 'vitest';
import { median, percentile, ratiosOf, spreadOf } from '../../bench/support/statistics.ts';

describe('median', () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100], 10],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    expect(spreadOf(values)).toEqual({ median: 2, min: 1, max: 3 });
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('ratiosOf', () => {
  it('compares round with round, so that drift cancels out', () => {
    expect(ratiosOf([10, 20, 40], [5, 10, 20])).toEqual({ median: 2, min: 2, max: 2 });
  });

  it('leaves out the rounds in which one is missing', () => {
    expect(ratiosOf([10, undefined, 40, 9], [5, 10, undefined, 3])).toEqual({ median: 2.5, min: 2, max: 3 });
  });

  it('knows nothing when no round is left', () => {
    expect(ratiosOf([undefined, 1], [1, 0])).toBeUndefined();
  });
});

describe('percentile, nearest rank', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, i) => i + 1);

  it.each([
    [0, 1],
    [0.5, 50],
    [0.99, 99],
    [0.991, 100],
    [1, 100],
  ])('%d of 1 … 100 is %d', (share, expected) => {
    expect(percentile(hundred, share)).toBe(expected);
  });

  it('of one value is that value', () => {
    expect(percentile([7], 0.999)).toBe(7);
  });
});
