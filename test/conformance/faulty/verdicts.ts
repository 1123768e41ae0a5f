/**
 * What Autobahn says of each fault: recorded from its own protocol engine with the scripts and the judge of its cases, for a
 * server and for a client with that fault. The runner has to say the same; nothing here is taken from what it says. One row is
 * not recorded whole: when a server leaves TCP open, Autobahn waits for ever in 6.4, and the rule of deadlines decides.
 */

import { readFileSync } from 'node:fs';
import { type CaseResult, selectCases } from '../../../src/conformance/index.ts';
import { FAULTS, type Fault } from './conduct.ts';

/** All that take no time, and one about compression, which the peers do not have. */
const LIGHT_CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*,12.1.1';
/** And one of each kind of the others. */
export const QUICK_CASES = `${LIGHT_CASES},9.1.1,9.7.1`;

/** A peer that sends no message keeps group 9 waiting for minutes. */
export function casesFor(fault: Fault): string {
  return fault === 'echoesNothing' || fault === 'finNeverSent' ? LIGHT_CASES : QUICK_CASES;
}

export type TesteeRole = 'server' | 'client';

/** Cases by what is said of them, as `behavior, behaviorClose`; those left out have passed. */
type Groups = Readonly<Record<string, string>>;
type Recorded = Readonly<Record<string, Readonly<Partial<Record<TesteeRole | 'both', Groups>>>>>;

const recorded: Recorded = JSON.parse(readFileSync(new URL('verdicts.json', import.meta.url), 'utf8'));

export const FAULT_NAMES = Object.keys(FAULTS) as Fault[];

/** `7.1.*` and `6.6.1,3-5`, separated by spaces, as ids. */
function idsOf(text: string, cases: string): string[] {
  return text.split(' ').flatMap((item) => {
    const cut = item.lastIndexOf('.') + 1;
    const [prefix, rest] = [item.slice(0, cut), item.slice(cut)];
    if (rest === '*') return selectCases(cases).flatMap(({ id }) => (isIn(id, prefix) ? id : []));
    return rest.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, i) => `${prefix}${first + i}`);
    });
  });
}

function isIn(id: string, prefix: string): boolean {
  return id.startsWith(prefix) && !id.slice(prefix.length).includes('.');
}

/** What is said of each case that has not passed, by id. */
export function verdictsOn(fault: Fault, role: TesteeRole, cases = QUICK_CASES): Record<string, string> {
  const groups = Object.entries(recorded[fault]?.both ?? recorded[fault]?.[role] ?? {});
  return inOrder(groups.flatMap(([verdict, text]) => idsOf(text, cases).map((id) => [id, verdict] as const)));
}

/** The same of results. */
export function failuresIn(results: readonly CaseResult[]): Record<string, string> {
  return inOrder(results.map(({ id, behavior, behaviorClose }) => [id, `${behavior}, ${behaviorClose}`] as const));
}

const PASSED = ['OK, OK', 'INFORMATIONAL, INFORMATIONAL', 'UNIMPLEMENTED, OK'];

function inOrder(verdicts: readonly (readonly [id: string, verdict: string])[]): Record<string, string> {
  return Object.fromEntries(
    verdicts.filter(([, verdict]) => !PASSED.includes(verdict)).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
