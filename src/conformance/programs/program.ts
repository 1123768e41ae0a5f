/**
 * What a case of the namespaces beyond Autobahn's is: a row of data, and for each role a small program that talks to the
 * testee octet by octet. A program ends when the testee has done what the clause asks, and throws when it has not. It looks
 * at one thing: what else the testee gets wrong is the business of other cases.
 */

import type { ConformanceCase } from '../case.ts';
import type { Peer } from './peer.ts';

/**
 * What the text of the clause says. `SHOULD` stands also where the text says what is legal without asking that it be taken:
 * a server may refuse any handshake. `INFORMATIONAL` where peers may differ: the answer is shown.
 */
export type Severity = 'MUST' | 'SHOULD' | 'INFORMATIONAL';

export type Program = (peer: Peer) => Promise<void>;

export interface ProgramCase {
  /** A letter and two numbers: `H.1.1`. */
  readonly id: string;
  readonly summary: string;
  /** Of RFC 6455, unless another is named. */
  readonly clause: string;
  readonly severity: Severity;
  /** What a testee without fault does. */
  readonly expected: string;
  /** Against a server; undefined where a server has no part in it. */
  readonly server?: Program;
  /** Against a client. */
  readonly client?: Program;
}

export function isProgramCase(testCase: ConformanceCase | ProgramCase): testCase is ProgramCase {
  return 'severity' in testCase;
}

/** The same program for both roles. */
export function inBothRoles(program: Program): Pick<ProgramCase, 'server' | 'client'> {
  return { server: program, client: program };
}

type Subject = Pick<ProgramCase, 'server' | 'client'>;

/** A row of a table. */
export function programCase(
  id: string,
  clause: string,
  severity: Severity,
  summary: string,
  expected: string,
  programs: Subject,
): ProgramCase {
  return { id, summary, clause, severity, expected, ...programs };
}
