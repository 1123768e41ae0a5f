/**
 * A suite's results in the files of Autobahn, for tools that read them: `index.json`, and one file for each case; and
 * reading an index again.
 */

import type { ConformanceCase, ExpectedEvent } from './case.ts';
import { cameWords, describeCase } from './case-description.ts';
import type { CaseResult, LoggedEvent } from './case-run.ts';
import { ALL_CASES } from './cases/index.ts';
import { loggedText, payloadBytes } from './payload.ts';
import { isProgramCase } from './programs/program.ts';
import type { SuiteReport } from './suite.ts';
import { wireLogRows } from './wire-rows.ts';

export interface IndexEntry {
  readonly behavior: string;
  readonly behaviorClose: string;
  /** In milliseconds. */
  readonly duration: number;
  readonly remoteCloseCode: number | null;
  /** The name of the case's own file, beside the index. */
  readonly reportfile: string;
}

/** Entries by case id, by agent. */
export type IndexReport = Readonly<Record<string, Readonly<Record<string, IndexEntry>>>>;

export function toIndexReport({ agent, results }: SuiteReport): IndexReport {
  const entries = results.map(({ id, behavior, behaviorClose, durationMs, remoteCloseCode }) => {
    const entry: IndexEntry = {
      behavior,
      behaviorClose,
      duration: durationMs,
      remoteCloseCode: remoteCloseCode ?? null,
      reportfile: caseFileName(agent, id),
    };
    return [id, entry] as const;
  });
  return { [agent]: Object.fromEntries(entries) };
}

/** What the file of a case is called: as Autobahn calls it. */
export function caseFileName(agent: string, id: string): string {
  const name = agent
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]/g, ' ')
    .trim()
    .replaceAll(' ', '_');
  return `${name}_case_${id.replaceAll('.', '_')}.json`;
}

/** The content of the file of a case. */
export function toCaseReport({ agent, testee }: SuiteReport, result: CaseResult): object {
  const { id, wire, ending } = result;
  const { summary, expected } = describeCase(id);
  const index = ALL_CASES.findIndex((one) => one.id === id);
  const found = ALL_CASES[index];
  const testCase = found === undefined || isProgramCase(found) ? undefined : found;
  return {
    agent,
    behavior: result.behavior,
    behaviorClose: result.behaviorClose,
    case: index + 1,
    closedByMe: result.closedBy === 'fuzzer',
    createStats: true,
    createWirelog: true,
    description: summary,
    droppedByMe: ending?.hasEndedTcp ?? false,
    duration: result.durationMs,
    expectation: expected,
    expected: testCase === undefined ? {} : expectedEvents(testCase),
    expectedClose: testCase === undefined ? {} : expectedClose(testCase),
    failedByMe: ending?.hasFailed ?? false,
    httpRequest: result.handshake?.request ?? '?',
    httpResponse: result.handshake?.response ?? '?',
    id,
    isServer: testee === 'client',
    localCloseCode: ending?.localCloseCode ?? null,
    localCloseReason: ending?.localCloseReason || null,
    received: result.received ?? [],
    remoteCloseCode: result.remoteCloseCode ?? null,
    remoteCloseReason: ending?.remoteCloseReason || null,
    reportCompressionRatio: testCase?.expectation.kind === 'corpusLoop',
    reportTime: testCase !== undefined && testCase.expectation.kind !== 'events',
    result: cameWords(result),
    resultClose: closeWords(result, testCase),
    rxFrameStats: wire?.received.frames ?? {},
    rxOctetStats: wire?.received.sizes ?? {},
    started: result.startedAt,
    trafficStats: null,
    txFrameStats: wire?.sent.frames ?? {},
    txOctetStats: wire?.sent.sizes ?? {},
    wasClean: result.isClean,
    wasCloseHandshakeTimeout: ending?.hasCloseTimedOut ?? false,
    wasNotCleanReason: result.isClean ? null : uncleanWords(result),
    wasOpenHandshakeTimeout: false,
    wasServerConnectionDropTimeout: ending?.hasDropTimedOut ?? false,
    wirelog: wireLogRows(result, testCase?.steps ?? []),
  };
}

function expectedEvents({ expectation }: ConformanceCase): Readonly<Record<string, readonly LoggedEvent[]>> {
  if (expectation.kind !== 'events') return {};
  const { strict, lenient } = expectation;
  return { OK: strict.map(logExpected), ...(lenient && { 'NON-STRICT': lenient.map(logExpected) }) };
}

function logExpected(event: ExpectedEvent): LoggedEvent {
  if (event.event === 'waited') return ['timeout', event.tag];
  const text = loggedText(payloadBytes(event.payload));
  return event.event === 'pong' ? ['pong', text] : ['message', text, event.isBinary];
}

function expectedClose({ close }: ConformanceCase): object {
  return { closeCode: close.codes, closedByMe: close.by === 'fuzzer', requireClean: close.mustBeClean };
}

function closeWords({ behaviorClose, remoteCloseCode }: CaseResult, testCase: ConformanceCase | undefined): string {
  if (behaviorClose === 'OK' || behaviorClose === 'INFORMATIONAL') return 'The connection ended as it should';
  if (behaviorClose === 'UNCLEAN') return 'A Close frame of either side was missing or late';
  if (behaviorClose === 'FAILED BY CLIENT') return 'The fuzzer had to end TCP, which is the part of the server';
  if (behaviorClose === 'FAILED') return 'The wrong side ended the connection';
  return `The close code ${remoteCloseCode} is none of ${testCase?.close.codes.join(', ')}`;
}

function uncleanWords({ handshakeError, ending }: CaseResult): string {
  if (handshakeError !== undefined) return `no opening handshake: ${handshakeError}`;
  if (ending?.hasCloseTimedOut) return 'the testee did not answer the Close frame in time';
  if (ending?.hasDropTimedOut) return 'the testee did not end TCP in time';
  return 'TCP ended without a closing handshake';
}

/**
 * The verdicts of the one agent in an index report.
 * @throws {SyntaxError} when the text is not such a report; the message says what is wrong
 */
export function parseIndexReport(json: string): ReadonlyMap<string, Pick<IndexEntry, 'behavior' | 'behaviorClose'>> {
  const report: unknown = JSON.parse(json);
  if (!isObject(report)) throw new SyntaxError('expected an object with one agent in it');
  const agents = Object.values(report);
  const [entries] = agents;
  if (agents.length !== 1 || !isObject(entries)) {
    throw new SyntaxError(`expected the results of exactly one agent, found ${agents.length}`);
  }
  const verdicts = new Map<string, Pick<IndexEntry, 'behavior' | 'behaviorClose'>>();
  for (const [id, entry] of Object.entries(entries)) {
    const { behavior, behaviorClose } = isObject(entry) ? entry : {};
    if (typeof behavior !== 'string' || typeof behaviorClose !== 'string') {
      throw new SyntaxError(`case ${id} lacks behavior or behaviorClose`);
    }
    verdicts.set(id, { behavior, behaviorClose });
  }
  return verdicts;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
