/** All cases in numeric order, and choosing among them. Groups 8 and 11 do not exist. */

import type { ConformanceCase } from '../case.ts';
import { CLOSING_CASES } from './closing.ts';
import { COMPRESSION_CASES } from './compression.ts';
import { ECHO_CASES } from './echo.ts';
import { FRAGMENTATION_CASES } from './fragmentation.ts';
import { LARGE_CASES } from './large.ts';
import { PING_PONG_CASES } from './ping-pong.ts';
import { RESERVED_BIT_CASES } from './reserved-bits.ts';
import { RESERVED_OPCODE_CASES } from './reserved-opcodes.ts';
import { UTF8_CASES } from './utf8.ts';

export const CASES: readonly ConformanceCase[] = [
  ...ECHO_CASES,
  ...PING_PONG_CASES,
  ...RESERVED_BIT_CASES,
  ...RESERVED_OPCODE_CASES,
  ...FRAGMENTATION_CASES,
  ...UTF8_CASES,
  ...CLOSING_CASES,
  ...LARGE_CASES,
  ...COMPRESSION_CASES,
];

/**
 * The cases whose id fits one of the patterns: ids with `*` for any characters, separated by commas. `9.*,7.1.1`
 * @throws {RangeError} when a pattern fits no case at all
 */
export function selectCases(patterns = '*', cases: readonly ConformanceCase[] = CASES): ConformanceCase[] {
  const expressions = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      const literal = pattern.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
      const expression = new RegExp(`^${literal.join('.*')}$`);
      if (cases.some(({ id }) => expression.test(id))) return expression;
      throw new RangeError(`No conformance case fits ${JSON.stringify(pattern)}: use ids such as 7.9.1, 7.9.* or 7.*`);
    });
  if (expressions.length === 0) throw new RangeError('No conformance case was asked for: use ids such as 7.9.* or *');
  return cases.filter(({ id }) => expressions.some((expression) => expression.test(id)));
}
