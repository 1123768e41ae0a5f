import { describe, expect, it } from 'vitest';
import { resolveWsSettings } from '../../src/options/connection-options.ts';

describe('the options of ws in the terms of the core', () => {
  it('defaults are those of ws: 100 MiB, 60 pongs, fragments by the length of messages', () => {
    const { limits } = resolveWsSettings('WebSocketServer', {});
    expect(limits).toMatchObject({
      maxMessageBytes: 104_857_600,
      maxPendingPongs: 60,
      maxFragments: 104_857_600 / 64 + 1024,
    });
  });

  it.each([0, Number.POSITIVE_INFINITY])('%s turns a limit off', (off) => {
    const { limits } = resolveWsSettings('WebSocketServer', {
      maxPayload: off,
      maxFragments: off,
      maxPendingAutoPongs: off,
    });
    expect([limits.maxMessageBytes, limits.maxFragments, limits.maxPendingPongs]).toEqual(
      Array(3).fill(Number.POSITIVE_INFINITY),
    );
  });

  it('each option becomes its setting', () => {
    const given = { maxPayload: 5, maxFragments: 6, maxPendingAutoPongs: 7, autoPong: false };
    expect(resolveWsSettings('WebSocketServer', { ...given, closeTimeout: 8, skipUTF8Validation: true })).toMatchObject(
      {
        limits: { maxMessageBytes: 5, maxFragments: 6, maxPendingPongs: 7 },
        autoPong: false,
        closeTimeoutMs: 8,
        skipsUtf8Validation: true,
      },
    );
  });

  it.each([
    ['maxPayload', '5', TypeError, 'maxPayload must be a number, not string'],
    ['maxPayload', -1, RangeError, 'maxPayload must be a whole number from 0 on, or Infinity; got -1'],
    [
      'closeTimeout',
      Infinity,
      RangeError,
      'closeTimeout must be whole milliseconds from 0 to 2147483647; got Infinity',
    ],
    [
      'closeTimeout',
      2 ** 31,
      RangeError,
      'closeTimeout must be whole milliseconds from 0 to 2147483647; got 2147483648',
    ],
    ['closeTimeout', '9', TypeError, 'closeTimeout must be a number, not string'],
    ['maxFragments', 0.5, RangeError, 'maxFragments must be a whole number from 0 on, or Infinity; got 0.5'],
    [
      'maxPendingAutoPongs',
      Number.NaN,
      RangeError,
      'maxPendingAutoPongs must be a whole number from 0 on, or Infinity; got NaN',
    ],
  ])('%s: %s is refused with a reason', (name, value, ErrorClass, message) => {
    expect(() => resolveWsSettings('WebSocketServer', { [name]: value })).toThrow(new ErrorClass(message));
  });
});
