/** Defaults of the limits (§10.4), and what is refused as one. */

import { describe, expect, it } from 'vitest';
import { type Limits, resolveLimits, UNLIMITED } from '../../src/protocol/index.ts';

const DEFAULTS: Limits = {
  maxMessageBytes: 1_048_576,
  maxFrameBytes: Number.POSITIVE_INFINITY,
  maxFragments: 17_408,
  maxPendingPongs: 60,
  maxControlFramesBetweenData: 2000,
  controlWindowMs: 10_000,
};
const NAMES = Object.keys(DEFAULTS) as (keyof Limits)[];

describe('limits', () => {
  it('§10.4 defaults', () => {
    expect(resolveLimits()).toEqual(DEFAULTS);
    expect(resolveLimits({})).toEqual(DEFAULTS);
  });

  it.each(NAMES)('§10.4 %s is taken as given', (name) => {
    const others = name === 'maxMessageBytes' ? { maxFragments: 1025 } : {};
    expect(resolveLimits({ [name]: 7 })).toEqual({ ...DEFAULTS, ...others, [name]: 7 });
    expect(resolveLimits({ [name]: Number.POSITIVE_INFINITY })[name]).toBe(Number.POSITIVE_INFINITY);
  });

  it.each(NAMES)('§10.4 %s given as undefined is the default', (name) => {
    expect(resolveLimits({ [name]: undefined } as Partial<Limits>)).toEqual(DEFAULTS);
  });

  it('§10.4 the number of fragments grows with the length of messages', () => {
    expect(resolveLimits({ maxMessageBytes: 0 }).maxFragments).toBe(1024);
    expect(resolveLimits({ maxMessageBytes: 2 ** 30 }).maxFragments).toBe(2 ** 24 + 1024);
    expect(resolveLimits({ maxMessageBytes: Number.POSITIVE_INFINITY }).maxFragments).toBe(Number.POSITIVE_INFINITY);
  });

  const RANGE_ERRORS = [-1, 0.5, Number.NaN, Number.NEGATIVE_INFINITY, 2 ** 53];
  it.each(NAMES.flatMap((name) => RANGE_ERRORS.map((value) => [name, value] as const)))(
    '§10.4 %s: %d is out of range',
    (name, value) => {
      expect(() => resolveLimits({ [name]: value })).toThrow(RangeError);
      expect(() => resolveLimits({ [name]: value })).toThrow(name);
      expect(() => resolveLimits({ [name]: value })).toThrow(String(value));
    },
  );

  it.each(NAMES.flatMap((name) => ['1', null, true, 1n, {}].map((value) => [name, value] as const)))(
    '§10.4 %s: %s is no number',
    (name, value) => {
      const given = { [name]: value } as unknown as Partial<Limits>;
      expect(() => resolveLimits(given)).toThrow(TypeError);
      expect(() => resolveLimits(given)).toThrow(`${name} must be a number, not ${typeof value}`);
    },
  );

  it('§10.4 a name that is no limit is refused, with those that are', () => {
    const given = { maxMesageBytes: 1 } as Partial<Limits>;
    expect(() => resolveLimits(given)).toThrow(TypeError);
    expect(() => resolveLimits(given)).toThrow(
      'There is no limit "maxMesageBytes": use maxMessageBytes, maxFrameBytes',
    );
    expect(resolveLimits({ maxMesageBytes: undefined } as Partial<Limits>)).toEqual(DEFAULTS);
  });

  it('§5.5.3 maxPendingPongs starts at 1: the newest ping always has its pong', () => {
    expect(() => resolveLimits({ maxPendingPongs: 0 })).toThrow(RangeError);
    expect(() => resolveLimits({ maxPendingPongs: 0 })).toThrow('maxPendingPongs must be a whole number from 1 on');
    expect(resolveLimits({ maxPendingPongs: 1 }).maxPendingPongs).toBe(1);
    for (const name of NAMES.filter((other) => other !== 'maxPendingPongs')) {
      expect(resolveLimits({ [name]: 0 })[name]).toBe(0);
    }
  });

  it('§10.4 without limits: nothing that counts bytes or frames has an end', () => {
    const { controlWindowMs, ...rest } = UNLIMITED;
    expect(new Set(Object.values(rest))).toEqual(new Set([Number.POSITIVE_INFINITY]));
  });
});
