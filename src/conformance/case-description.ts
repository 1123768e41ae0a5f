/**
 * What a case is about, what it expects and what came, in the words of all reports. A case is found by its id.
 */

import { type CloseExpectation, type ConformanceCase, type ExpectedEvent, subgroupOf } from './case.ts';
import type { CaseResult } from './case-run.ts';
import { ALL_CASES, type AnyCase } from './cases/index.ts';
import { describePayload } from './payload.ts';
import { NAMESPACES, SUBGROUPS_OF_PROGRAMS } from './programs/cases/index.ts';
import { isProgramCase } from './programs/program.ts';

export interface CaseDescription {
  readonly id: string;
  readonly summary: string;
  /** The first part of its id, and what cases that share it are about. */
  readonly group: string;
  readonly groupTitle: string;
  /** '9.3' of '9.3.1': cases with the same one are about the same thing. */
  readonly subgroup: string;
  readonly subgroupTitle: string;
  /** The clause that it is about. */
  readonly section: string;
  readonly expected: string;
}

/** Titles of groups, and the clauses that they are about. */
const GROUPS: Readonly<Record<string, readonly [title: string, section: string]>> = {
  1: ['Echo', '§5.6'],
  2: ['Pings and pongs', '§5.5.2'],
  3: ['Reserved bits', '§5.2'],
  4: ['Reserved opcodes', '§5.2'],
  5: ['Fragmentation', '§5.4'],
  6: ['UTF-8', '§8.1'],
  7: ['Closing handshake', '§7.1.2'],
  9: ['Large messages, and many', '§5.2'],
  10: ['Automatic fragmentation', '§5.4'],
  12: ['Compression', 'RFC 7692 §7.2'],
  13: ['Compression: terms', 'RFC 7692 §7.1'],
};

const SUBGROUPS: Readonly<Record<string, string>> = {
  '1.1': 'text at the length borders',
  '1.2': 'binary at the length borders',
  '2': 'ping and pong',
  '3': 'reserved bits',
  '4.1': 'reserved data opcodes',
  '4.2': 'reserved control opcodes',
  '5': 'fragmentation',
  '6.1': 'empty text and fragments',
  '6.2': 'valid UTF-8, fragmented',
  '6.3': 'invalid UTF-8, fragmented',
  '6.4': 'invalid UTF-8, failing fast',
  '6.5': 'UTF-8: code points of all lengths',
  '6.6': 'UTF-8: cut after each byte',
  '6.7': 'UTF-8: first of each length',
  '6.8': 'UTF-8: five and six bytes',
  '6.9': 'UTF-8: last of each length',
  '6.10': 'UTF-8: past the last code point',
  '6.11': 'UTF-8: borders',
  '6.12': 'UTF-8: lone continuation bytes',
  '6.13': 'UTF-8: lone lead bytes',
  '6.14': 'UTF-8: last byte missing',
  '6.15': 'UTF-8: many bytes missing',
  '6.16': 'UTF-8: impossible bytes',
  '6.17': 'UTF-8: overlong slash',
  '6.18': 'UTF-8: overlong, highest',
  '6.19': 'UTF-8: overlong NUL',
  '6.20': 'UTF-8: single surrogates',
  '6.21': 'UTF-8: surrogate pairs',
  '6.22': 'UTF-8: noncharacters',
  '6.23': 'UTF-8: around U+FFFD',
  '7.1': 'closing handshake',
  '7.3': 'Close body lengths',
  '7.5': 'Close reason, UTF-8',
  '7.7': 'valid close codes',
  '7.9': 'invalid close codes',
  '7.13': 'undefined close codes',
  '9.1': 'large text',
  '9.2': 'large binary',
  '9.3': 'large text in fragments',
  '9.4': 'large binary in fragments',
  '9.5': 'large text in small writes',
  '9.6': 'large binary in small writes',
  '9.7': 'text round trips',
  '9.8': 'binary round trips',
  '10.1': 'automatic fragmentation',
  '12.1': 'compressed JSON',
  '12.2': 'compressed bitmap',
  '12.3': 'compressed book',
  '12.4': 'compressed HTML',
  '12.5': 'compressed PDF',
  '13.1': 'deflate: any terms',
  '13.2': 'deflate: no context takeover',
  '13.3': 'deflate: smallest window',
  '13.4': 'deflate: largest window',
  '13.5': 'deflate: no context, smallest window',
  '13.6': 'deflate: no context, largest window',
  '13.7': 'deflate: three offers',
};

const BY_ID: ReadonlyMap<string, AnyCase> = new Map(ALL_CASES.map((testCase) => [testCase.id, testCase]));

/** @throws {RangeError} when there is no such case */
export function describeCase(id: string): CaseDescription {
  const testCase = BY_ID.get(id);
  if (testCase === undefined) throw new RangeError(`There is no conformance case ${JSON.stringify(id)}`);
  const group = id.split('.')[0]!;
  const subgroup = subgroupOf(id);
  if (isProgramCase(testCase)) {
    const { summary, clause: section, severity, expected } = testCase;
    const subgroupTitle = SUBGROUPS_OF_PROGRAMS[subgroup]!;
    const words = `${expected} (${severity})`;
    return { id, summary, group, groupTitle: NAMESPACES[group]!, subgroup, subgroupTitle, section, expected: words };
  }
  const [groupTitle, section] = GROUPS[group]!;
  return {
    id,
    summary: testCase.summary,
    group,
    groupTitle,
    subgroup,
    subgroupTitle: SUBGROUPS[subgroup] ?? '',
    section,
    expected: `${expectedWords(testCase)}; ${expectedClose(testCase.close)}`,
  };
}

/** Whether it is one of the 517 cases of the Autobahn test suite. */
export function isAutobahnCase(id: string): boolean {
  return /^\d/.test(id);
}

export function verdictWords({ behavior, behaviorClose }: CaseResult): string {
  return behaviorClose === 'OK' || behaviorClose === behavior ? behavior : `${behavior}, close ${behaviorClose}`;
}

function expectedWords({ expectation }: ConformanceCase): string {
  if (expectation.kind === 'events') return listWords(expectation.strict.map(describeExpected));
  const type = expectation.isBinary ? 'binary' : 'text';
  if (expectation.kind === 'corpusLoop') return `${expectation.count} ${type} messages, each as it was sent`;
  const times = expectation.kind === 'echoLoop' ? `${expectation.count} times a` : 'a';
  return `${times} ${type} message of ${expectation.lengthBytes} bytes`;
}

function describeExpected(event: ExpectedEvent): string {
  if (event.event === 'waited') return `still open at point ${event.tag}`;
  const type = event.event === 'pong' ? 'pong' : `${event.isBinary ? 'binary' : 'text'} message`;
  return `${type}, ${describePayload(event.payload)}`;
}

function expectedClose({ by, codes, mustBeClean }: CloseExpectation): string {
  const code = codes.length === 1 ? `${codes[0]}` : `one of ${codes.join(', ')}`;
  if (by === 'testee') return `then the testee fails the connection with ${code}, or drops TCP`;
  return `then the fuzzer closes, and the testee answers with ${code}${mustBeClean ? '' : ', or drops TCP'}`;
}

/** What a testee has done, and how the connection ended. */
export function cameWords(result: CaseResult): string {
  const { events, closedBy, remoteCloseCode, isClean, handshakeError, reason } = result;
  if (!isAutobahnCase(result.id))
    return reason === undefined ? listWords(events) : `${reason}; seen: ${listWords(events)}`;
  if (handshakeError !== undefined) return `no opening handshake: ${handshakeError}`;
  const code = remoteCloseCode === undefined ? 'no code' : `code ${remoteCloseCode}`;
  return `${listWords(events)}; closed by the ${closedBy}, ${code} from the testee, ${isClean ? 'clean' : 'not clean'}`;
}

function listWords(items: readonly string[]): string {
  return items.length === 0 ? 'nothing' : items.join(' · ');
}
