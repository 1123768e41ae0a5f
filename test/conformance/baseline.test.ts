/** Baselines: what is known to fail, and how a run may differ from that. */

import { describe, expect, it } from 'vitest';
import {
  type CaseResult,
  compareWithBaseline,
  formatBaseline,
  parseBaseline,
  updateBaseline,
} from '../../src/conformance/index.ts';

const result = (id: string, behavior: string, behaviorClose = 'OK') => ({ id, behavior, behaviorClose }) as CaseResult;
const row = (behavior: string, reason: string, behaviorClose = 'OK') => ({ behavior, behaviorClose, reason });
const baseline = parseBaseline(
  JSON.stringify({
    '6.4.1': row('NON-STRICT', 'it looks at whole messages'),
    '9.3.1': row('FAILED', 'too many frames'),
  }),
);

describe('baselines', () => {
  it('allow what they have, and nothing else', () => {
    const passing = [
      result('1.1.1', 'OK'),
      result('7.1.6', 'INFORMATIONAL', 'INFORMATIONAL'),
      result('12.1.1', 'UNIMPLEMENTED'),
    ];
    expect(
      compareWithBaseline([...passing, result('6.4.1', 'NON-STRICT'), result('9.3.1', 'FAILED')], baseline),
    ).toEqual([]);
    expect(
      compareWithBaseline(
        [result('5.3', 'FAILED'), result('6.4.1', 'OK'), result('9.3.1', 'FAILED', 'UNCLEAN')],
        baseline,
      ),
    ).toEqual([
      '5.3  is FAILED, close OK, and is not in the baseline',
      '6.4.1  passes now, and the baseline has NON-STRICT, close OK: take its row out, or write "sometimes": true into it',
      '9.3.1  is FAILED, close UNCLEAN, and the baseline has FAILED, close OK',
    ]);
  });

  it('know of races: a row that holds sometimes allows what is better, and stays', () => {
    const racing = parseBaseline(
      JSON.stringify({
        '3.3': { ...row('NON-STRICT', 'a race'), sometimes: true },
        '4.1.3': { ...row('FAILED', 'a race', 'UNCLEAN'), sometimes: true },
      }),
    );
    const better = [result('3.3', 'OK'), result('4.1.3', 'NON-STRICT')];
    expect(compareWithBaseline(better, racing)).toEqual([]);
    expect(updateBaseline(better, racing)).toEqual(racing);
    const worse = [result('3.3', 'FAILED'), result('4.1.3', 'OK', 'WRONG CODE')];
    expect(compareWithBaseline(worse, racing)).toHaveLength(2);
    expect(formatBaseline(updateBaseline(worse, racing))).toContain(
      '"3.3": {"behavior":"FAILED","behaviorClose":"OK","reason":"a race","sometimes":true}',
    );
  });

  it('are brought up to date: reasons stay, and so do rows of cases that were not run', () => {
    const results = [result('5.3', 'FAILED'), result('6.4.1', 'NON-STRICT', 'UNCLEAN')];
    const updated = updateBaseline(results, baseline);
    const text = formatBaseline(updated);
    expect(text).toBe(
      [
        '{',
        '  "5.3": {"behavior":"FAILED","behaviorClose":"OK","reason":""},',
        '  "6.4.1": {"behavior":"NON-STRICT","behaviorClose":"UNCLEAN","reason":"it looks at whole messages"},',
        '  "9.3.1": {"behavior":"FAILED","behaviorClose":"OK","reason":"too many frames"}',
        '}',
        '',
      ].join('\n'),
    );
    expect(parseBaseline(text, true)).toEqual(updated);
    expect(formatBaseline(updateBaseline([result('6.4.1', 'OK'), result('9.3.1', 'OK')], baseline))).toBe('{}\n');
  });

  it.each([
    ['[]', 'expected an object with a row for each case, as --update-baseline writes it'],
    ['{"5.3": {"behavior": "FAILED"}}', 'case 5.3 lacks behavior, behaviorClose or reason'],
    [
      '{"5.3": {"behavior": "FAILED", "behaviorClose": "OK"}}',
      'case 5.3 has no reason: write into "reason" why it may be FAILED, close OK',
    ],
    ['{"5.99": {"behavior": "FAILED", "behaviorClose": "OK", "reason": "x"}}', 'there is no case 5.99'],
    ['{"5.3": {"behavior": "FAILD", "behaviorClose": "OK", "reason": "x"}}', 'case 5.3: FAILD, close OK is no verdict'],
    [
      '{"5.3": {"behavior": "FAILED", "behaviorClose": "OK", "sometimes": 1}}',
      'case 5.3: "sometimes" is true, or not there',
    ],
  ])('say what is wrong with %s', (json, message) => {
    expect(() => parseBaseline(json)).toThrow(new SyntaxError(message));
  });
});
