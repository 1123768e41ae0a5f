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
 * The cases whose id fits one of the patterns, ids with `*` for any characters, separated by commas: `9.*,7.1.1`. Without
 * those that fit one of `excluded`.
 * @throws {RangeError} when a pattern fits no case at all, or no case is left
 */
export function selectCases(patterns = '*', excluded = ''): ConformanceCase[] {
  const isChosen = matcherOf(patterns);
  const isExcluded = matcherOf(excluded);
  if (isChosen === undefined) throw new RangeError('No conformance case was asked for: use ids such as 7.9.* or *');
  const chosen = CASES.filter(({ id }) => isChosen(id) && isExcluded?.(id) !== true);
  if (chosen.length === 0) throw new RangeError(`No conformance case is left of ${patterns} without ${excluded}`);
  return chosen;
}

/** @returns undefined when there are no patterns */
function matcherOf(patterns: string): ((id: string) => boolean) | undefined {
  const expressions = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      const literal = pattern.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
      const expression = new RegExp(`^${literal.join('.*')}$`);
      if (CASES.some(({ id }) => expression.test(id))) return expression;
      throw new RangeError(`No conformance case fits ${JSON.stringify(pattern)}: use ids such as 7.9.1, 7.9.* or 7.*`);
    });
  if (expressions.length === 0) return undefined;
  return (id) => expressions.some((expression) => expression.test(id));
}
