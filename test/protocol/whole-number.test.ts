import { describe, expect, it } from 'vitest';
import { checkWholeNumber } from '../../src/protocol/whole-number.ts';

describe('whole numbers', () => {
  it.each([
    [5, 5],
    [5, 5, 5],
    [Number.POSITIVE_INFINITY, 0],
    [Number.MAX_SAFE_INTEGER, 0],
  ])('%d is one from %d on', (value, least, most?: number) => {
    expect(checkWholeNumber('count', value, least, most)).toBe(value);
  });

  it.each([
    [-1, 0, undefined, 'count must be a whole number from 0 on, or Infinity; got -1'],
    [0.5, 0, undefined, 'count must be a whole number from 0 on, or Infinity; got 0.5'],
    [Number.NaN, 1, undefined, 'count must be a whole number from 1 on, or Infinity; got NaN'],
    [2 ** 53, 1, undefined, 'count must be a whole number from 1 on, or Infinity; got 9007199254740992'],
    [6, 0, 5, 'count must be a whole number from 0 to 5; got 6'],
    [2 ** 53, 1, Number.MAX_SAFE_INTEGER, 'count must be a whole number from 1 on; got 9007199254740992'],
    [Number.POSITIVE_INFINITY, 0, 5, 'count must be a whole number from 0 to 5; got Infinity'],
  ])('%d is none from %d to %s', (value, least, most, message) => {
    expect(() => checkWholeNumber('count', value, least, most)).toThrow(new RangeError(message));
  });

  it('says of what they are', () => {
    expect(() => checkWholeNumber('patience', -1, 0, 9, 'whole milliseconds')).toThrow(
      new RangeError('patience must be whole milliseconds from 0 to 9; got -1'),
    );
  });

  it.each(['1', null, undefined, true, 1n, {}])('%s is no number', (value) => {
    expect(() => checkWholeNumber('count', value, 0)).toThrow(
      new TypeError(`count must be a number, not ${typeof value}`),
    );
  });
});
