/**
 * All cases, and choosing among them: those of Autobahn in numeric order, whose groups 8 and 11 do not exist, and those
 * beyond, whose ids begin with a letter.
 */

import type { ConformanceCase } from '../case.ts';
import { PROGRAM_CASES } from '../programs/cases/index.ts';
import { isProgramCase, type ProgramCase } from '../programs/program.ts';
import { CLOSING_CASES } from './closing.ts';
import { COMPRESSION_CASES } from './compression.ts';
import { ECHO_CASES } from './echo.ts';
import { FRAGMENTATION_CASES } from './fragmentation.ts';
import { LARGE_CASES } from './large.ts';
import { PING_PONG_CASES } from './ping-pong.ts';
import { RESERVED_BIT_CASES } from './reserved-bits.ts';
import { RESERVED_OPCODE_CASES } from './reserved-opcodes.ts';
import { UTF8_CASES } from './utf8.ts';

export type AnyCase = ConformanceCase | ProgramCase;

/** Those of Autobahn. */
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

/** Autobahn's, and those beyond. */
export const ALL_CASES: readonly AnyCase[] = [...CASES, ...PROGRAM_CASES];

/**
 * The cases of Autobahn whose id fits one of the patterns, ids with `*` for any characters, separated by commas:
 * `9.*,7.1.1`. Without those that fit one of `excluded`.
 * @throws {RangeError} when a pattern fits no case at all, or no case is left
 */
export function selectCases(patterns = '*', excluded = ''): ConformanceCase[] {
  return choose(CASES, patterns, excluded);
}

/**
 * The same among all cases: `*` is still all of Autobahn's; `H.*` is a namespace beyond, and `all` everything.
 * @param testee leaves out those beyond Autobahn's that are about the other role
 * @throws {RangeError} when a pattern fits no case at all, or no case is left
 */
export function selectAnyCases(patterns = '*', excluded = '', testee?: 'server' | 'client'): AnyCase[] {
  const isOfRole = (one: AnyCase): boolean => testee === undefined || !isProgramCase(one) || one[testee] !== undefined;
  return choose(ALL_CASES, patterns, excluded, isOfRole);
}

function choose<Case extends AnyCase>(
  cases: readonly Case[],
  patterns: string,
  excluded: string,
  isOfRole: (one: Case) => boolean = () => true,
): Case[] {
  const isChosen = matcherOf(cases, patterns);
  const isExcluded = matcherOf(cases, excluded);
  if (isChosen === undefined) throw new RangeError('No conformance case was asked for: use ids such as 7.9.* or *');
  const chosen = cases.filter((one) => isOfRole(one) && isChosen(one.id) && isExcluded?.(one.id) !== true);
  if (chosen.length === 0) throw new RangeError(`No conformance case is left of ${patterns} without ${excluded}`);
  return chosen;
}

/** @returns undefined when there are no patterns */
function matcherOf(cases: readonly AnyCase[], patterns: string): ((id: string) => boolean) | undefined {
  const expressions = patterns
    .split(',')
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      if (pattern === 'all') return /^/;
      const literal = pattern.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
      // So that `*` stays what it is in Autobahn: only a letter asks for a namespace with a letter.
      const start = /^[A-Z]/.test(pattern) ? '' : '(?=\\d)';
      const expression = new RegExp(`^${start}${literal.join('.*')}$`);
      if (cases.some(({ id }) => expression.test(id))) return expression;
      throw new RangeError(`No conformance case fits ${JSON.stringify(pattern)}: use ids such as 7.9.1, 7.9.* or 7.*`);
    });
  if (expressions.length === 0) return undefined;
  return (id) => expressions.some((expression) => expression.test(id));
}
