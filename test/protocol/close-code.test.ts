/** Which close codes may stand in a Close frame (§7.4): every number there is, and what is no such number. */

import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, CloseCode, closeCodeName, isSendableCloseCode } from '../../src/protocol/index.ts';

/** From the registry of §7.4.1 and §11.7, and the ranges of §7.4.2, written down once more. */
const SENDABLE: [from: number, to: number][] = [
  [1000, 1003],
  [1007, 1014],
  [3000, 4999],
];

describe('close codes', () => {
  it('§7.4 every code from 0 to 65535: sendable or not', () => {
    const wrong: number[] = [];
    for (let code = 0; code <= 0xffff; code++) {
      const isExpected = SENDABLE.some(([from, to]) => code >= from && code <= to);
      if (isSendableCloseCode(code) !== isExpected) wrong.push(code);
    }
    expect(wrong).toEqual([]);
  });

  it.each([-1, -1000, 3000.5, 1000.5, 5000.1, 65_536, 66_536, 2 ** 32 + 1000, Number.NaN, Number.POSITIVE_INFINITY])(
    '§7.4 %d is no close code',
    (code) => expect(isSendableCloseCode(code)).toBe(false),
  );

  const NAMES: [code: number, name: string][] = [
    [0, 'Invalid code'],
    [999, 'Invalid code'],
    [1000, 'Normal Closure'],
    [1001, 'Going Away'],
    [1002, 'Protocol error'],
    [1003, 'Unsupported Data'],
    [1004, 'Reserved'],
    [1005, 'No Status Rcvd'],
    [1006, 'Abnormal Closure'],
    [1007, 'Invalid frame payload data'],
    [1008, 'Policy Violation'],
    [1009, 'Message Too Big'],
    [1010, 'Mandatory Ext.'],
    [1011, 'Internal Error'],
    [1012, 'Service Restart'],
    [1013, 'Try Again Later'],
    [1014, 'Bad Gateway'],
    [1015, 'TLS handshake'],
    [1016, 'Invalid code'],
    [2999, 'Invalid code'],
    [3000, 'Registered use'],
    [3999, 'Registered use'],
    [4000, 'Private use'],
    [4999, 'Private use'],
    [5000, 'Invalid code'],
  ];
  it.each(NAMES)('§7.4.1 %i is called %s', (code, name) => expect(closeCodeName(code)).toBe(name));

  it('§7.4.1 the table has each code once, in order, with a meaning', () => {
    expect(CLOSE_CODES.map((fact) => fact.code)).toEqual(Array.from({ length: 16 }, (_, i) => 1000 + i));
    for (const fact of CLOSE_CODES) expect(fact.meaning).not.toBe('');
  });

  it('§7.4.1 codes with a name in code are in the table', () => {
    for (const code of Object.values(CloseCode)) expect(CLOSE_CODES.map((fact) => fact.code)).toContain(code);
  });
});
