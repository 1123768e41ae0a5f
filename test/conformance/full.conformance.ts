/**
 * The cases against framewright's own servers and client, and against others of which it is known what they get wrong. In
 * one file, so that the runs come one after the other: each of them has deadlines to keep.
 *
 * Those with compression take minutes, so a part of them is run: short messages, longer ones, and fragments, of each
 * subgroup. With CONFORMANCE_CASES=all it is all 517, for every testee.
 */

import { describe, expect, it } from 'vitest';
import {
  type CaseResult,
  isPassing,
  runSuite,
  type SuiteReport,
  selectCases,
  startFuzzingServer,
  summaryLine,
} from '../../src/conformance/index.ts';
import { driveClient, type MakeClient } from './client-driver.ts';
import { FAULTS_IN_GROUP_9 } from './faulty/faults.ts';
import { type EchoServer, startRawEchoServer } from './faulty/raw-echo.ts';
import {
  makeOwnClient,
  makeOwnHttp2Client,
  makeWsClient,
  startOwnHttp2Server,
  startOwnNetServer,
  startOwnServer,
  startWsServer,
} from './targets.ts';

const TIMEOUT_MS = 900_000;

const WITHOUT_COMPRESSION = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*';
const SOME_COMPRESSION = '12.*.1,12.*.4,12.*.6,12.*.11,13.*.1,13.*.4,13.*.6,13.*.11';
const CHOSEN_CASES = process.env.CONFORMANCE_CASES === 'all' ? '*' : `${WITHOUT_COMPRESSION},${SOME_COMPRESSION}`;

const CLIENT_LANES = 4;

function told(name: string, report: SuiteReport): readonly CaseResult[] {
  console.log(`${name}: ${summaryLine(report)}`);
  return report.results;
}

async function testServer(
  name: string,
  server: EchoServer,
  { cases = CHOSEN_CASES, http2 = false } = {},
): Promise<readonly CaseResult[]> {
  try {
    return told(name, await runSuite({ url: server.url, cases, http2 }));
  } finally {
    await server.close();
  }
}

async function testClient(name: string, makeClient: MakeClient, http2 = false): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases: CHOSEN_CASES, http2 });
  try {
    await driveClient(makeClient, server.url, { agent: name, lanes: CLIENT_LANES });
    return told(name, server.report(name));
  } finally {
    await server.close();
  }
}

/** The verdicts that are not those of a testee without fault, by id. */
function shortcomings(results: readonly CaseResult[]): Record<string, string> {
  const failing = results.filter((result) => !isPassing(result));
  return Object.fromEntries(
    failing.map(({ id, behavior, behaviorClose, remoteCloseCode }) => [
      id,
      `${behavior}, close ${behaviorClose} (${remoteCloseCode})`,
    ]),
  );
}

function idsOf(results: readonly CaseResult[], isChosen: (result: CaseResult) => boolean): string[] {
  return results.filter(isChosen).map(({ id }) => id);
}

const INFORMATIONAL = ['7.1.6', '7.13.1', '7.13.2'];

function expectAllPassed(results: readonly CaseResult[]): void {
  expect(results).toHaveLength(selectCases(CHOSEN_CASES).length);
  expect(shortcomings(results)).toEqual({});
  expect(idsOf(results, ({ behavior }) => behavior !== 'OK')).toEqual(INFORMATIONAL);
}

const tooManyFragments = 'FAILED, close FAILED (1008)';
const late = 'NON-STRICT, close OK (1007)';
/** ws 8 has a limit of fragments, and checks UTF-8 when a message is complete. */
const SHORTCOMINGS_OF_WS = {
  '6.4.1': late,
  '6.4.2': late,
  '6.4.3': late,
  '6.4.4': late,
  '9.3.1': tooManyFragments,
  '9.3.2': tooManyFragments,
  '9.4.1': tooManyFragments,
  '9.4.2': tooManyFragments,
};

describe('§4–§7 conformance of servers', () => {
  it.each([
    ['WebSocketServer', startOwnServer],
    ['listen', startOwnNetServer],
  ])('%s passes', { timeout: TIMEOUT_MS }, async (name, start) => {
    expectAllPassed(await testServer(name, await start()));
  });

  it('RFC 8441 §5 WebSocketServer passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    expectAllPassed(await testServer('WebSocketServer over HTTP/2', await startOwnHttp2Server(), { http2: true }));
  });

  it('the server that the faulty ones are made of passes, but has no compression', async () => {
    const results = await testServer('a server without compression', await startRawEchoServer(), { cases: '*' });
    expect(shortcomings(results)).toEqual({});
    const compressed = selectCases('12.*,13.*').map(({ id }) => id);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual(compressed);
    expect(idsOf(results, ({ behavior }) => behavior === 'OK')).toHaveLength(298);
  });

  it('finds in the server of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    const results = await testServer('the server of ws', await startWsServer());
    expect(shortcomings(results)).toEqual(SHORTCOMINGS_OF_WS);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual([]);
  });

  it.each(FAULTS_IN_GROUP_9.map((row) => [row.fault, row] as const))('group 9 notices %s', async (fault, row) => {
    const results = await testServer(fault, await startRawEchoServer(fault), { cases: '9.*' });
    expect(idsOf(results, ({ behavior }) => behavior === 'FAILED')).toEqual(row.failed ?? []);
    const isClosedWrongly = (result: CaseResult): boolean => result.behavior === 'OK' && !isPassing(result);
    expect(idsOf(results, isClosedWrongly)).toEqual(row.closedWrongly ?? []);
  });
});

describe('§4–§7 conformance of clients', () => {
  it('WebSocket passes', { timeout: TIMEOUT_MS }, async () => {
    expectAllPassed(await testClient('WebSocket', makeOwnClient));
  });

  it('RFC 8441 §5 WebSocket passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    expectAllPassed(await testClient('WebSocket over HTTP/2', makeOwnHttp2Client, true));
  });

  it('finds in the client of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    const results = await testClient('the client of ws', makeWsClient);
    expect(shortcomings(results)).toEqual(SHORTCOMINGS_OF_WS);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual([]);
  });
});
