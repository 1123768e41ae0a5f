/** Positions, close codes, issues and errors. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reactionTo, retryHintMs } from '../../src/realtime-protocol/close-codes.ts';
import { formatPosition, parsePosition, RealtimeError } from '../../src/realtime-protocol/index.ts';
import { type StandardIssue, toIssues } from '../../src/realtime-protocol/standard-schema.ts';
import { checkDrainOptions } from '../../src/server/drain.ts';

describe('a position', () => {
  it('is one word, and comes back from it', () => {
    const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((c) => c !== ':');
    const epochs = fc
      .array(fc.constantFrom(...characters), { minLength: 1, maxLength: 256 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(epochs, fc.maxSafeNat(), (epoch, offset) => {
        const word = formatPosition({ epoch, offset });
        expect(word).toMatch(/^[!-~]+$/);
        expect(parsePosition(word)).toEqual({ epoch, offset });
      }),
    );
  });

  it.each([
    '',
    ':',
    ':1',
    'a:',
    'a',
    'a:-1',
    'a:1.5',
    'a:1e3',
    'a:01',
    'a: 1',
    ' a:1',
    'a:1\n',
    'a\0:1',
    'ä:1',
    'a:b:1',
    'a:9007199254740992',
    'a:99999999999999999',
    `${'a'.repeat(257)}:1`,
  ])('is none: %j', (text) => {
    expect(parsePosition(text)).toBeUndefined();
  });
});

describe('a close code', () => {
  const rows: [code: number, reaction: string][] = [
    [1000, 'again'],
    [1001, 'later'],
    [1005, 'again'],
    [1006, 'again'],
    [1011, 'again'],
    [1012, 'later'],
    [1013, 'later'],
    [4000, 'again'],
    [4400, 'stop'],
    [4401, 'token'],
    [4403, 'stop'],
    [4409, 'stop'],
  ];
  it.each(rows)('%d: %s', (code, reaction) => expect(reactionTo(code)).toBe(reaction));

  it('carries the time to come back in its reason, as servers that drain say it', () => {
    for (const retryAfterMs of [0, 1, 1500, 999_999_999]) {
      expect(retryHintMs(checkDrainOptions({ reason: 'update', retryAfterMs }).reason)).toBe(retryAfterMs);
    }
    expect(retryHintMs('retry-after-ms=1500, please')).toBe(1500);
    for (const none of ['', 'retry-after-ms=', 'retry-after=5', 'retry-after-ms=-5', 'retry-after-ms=9999999999']) {
      expect([none, retryHintMs(none)]).toEqual([none, undefined]);
    }
  });
});

describe('issues of validators', () => {
  const rows: [path: StandardIssue['path'], found: (string | number)[]][] = [
    [undefined, []],
    [[], []],
    [
      ['items', 0, 'name'],
      ['items', 0, 'name'],
    ],
    [
      [{ key: 'items' }, { key: 3 }],
      ['items', 3],
    ],
    [[Symbol('s')], ['Symbol(s)']],
  ];
  it('have paths that JSON can carry', () => {
    for (const [path, found] of rows) {
      const issues = toIssues([{ message: 'no', path }]);
      expect(issues).toEqual([{ message: 'no', path: found }]);
      expect(JSON.parse(JSON.stringify(issues))).toEqual(issues);
    }
  });
});

describe('RealtimeError', () => {
  it('has what it was given, and no cause unless there is one', () => {
    const cause = new Error('inner');
    const error = new RealtimeError('FULL', 'the room is full', { data: { max: 5 }, issues: [], cause });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'RealtimeError', code: 'FULL', message: 'the room is full', data: { max: 5 } });
    expect([error.issues, error.cause]).toEqual([[], cause]);
    expect('cause' in new RealtimeError('FULL', 'full')).toBe(false);
    expect(String(error)).toBe('RealtimeError: the room is full');
  });
});
