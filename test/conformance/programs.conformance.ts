/**
 * The cases with programs against framewright's own servers and client, against those of ws, of which it is known what they
 * do, and against the testee with switches: each fault is found by its own case, and by no other.
 */

import { describe, expect, it } from 'vitest';
import {
  type CaseResult,
  isPassing,
  PROGRAM_CASES,
  runSuite,
  selectAnyCases,
  startFuzzingServer,
} from '../../src/conformance/index.ts';
import { NAMESPACES } from '../../src/conformance/programs/cases/index.ts';
import { IS_OF_HTTP1 } from '../../src/conformance/programs/program-run.ts';
import { driveClient, type MakeClient } from './client-driver.ts';
import { isFound, isHeavy, ROLES, runAll, SHORT_PATIENCE_MS } from './faulty/program-roles.ts';
import { type EchoServer, startRawEchoServer } from './faulty/raw-echo.ts';
import { faultOf } from './faulty/run-programs.ts';
import {
  makeOwnClient,
  makeOwnHttp2Client,
  makeWsClient,
  startOwnHttp2Server,
  startOwnNetServer,
  startOwnServer,
  startWsServer,
} from './targets.ts';
import { idsOf, TIMEOUT_MS, told } from './verdicts.ts';

const LETTERS = Object.keys(NAMESPACES);
const BEYOND = LETTERS.map((letter) => `${letter}.*`).join();
const CLIENT_LANES = 4;
const LEGAL = ['echoesInFragments', 'closesWithReason', 'closesWithoutCode', 'failsWithEnd', 'greetsWithPing'] as const;
const isShort = process.env.CONFORMANCE_CASES === 'some';

async function testServer(
  name: string,
  start: () => Promise<EchoServer>,
  http2 = false,
): Promise<readonly CaseResult[]> {
  const server = await start();
  try {
    return told(name, await runSuite({ url: server.url, cases: BEYOND, http2 }));
  } finally {
    await server.close();
  }
}

async function testClient(name: string, makeClient: MakeClient, http2 = false): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases: BEYOND, http2 });
  try {
    await driveClient(makeClient, server.url, { agent: name, lanes: CLIENT_LANES });
    return told(name, server.report(name));
  } finally {
    await server.close();
  }
}

const INFORMATIONAL = PROGRAM_CASES.filter(({ severity }) => severity === 'INFORMATIONAL').map(({ id }) => id);

/** What a stream of HTTP/2 has no equal of, and `more`. */
function ofHttp1(results: readonly CaseResult[], ...more: readonly string[]): string[] {
  const ids = idsOf(results, ({ id }) => IS_OF_HTTP1.test(id) || more.includes(id));
  return ids.filter((id) => !INFORMATIONAL.includes(id));
}

/** Verdicts that do not pass, by id, with what was wrong. */
function wrongs(results: readonly CaseResult[]): Record<string, string> {
  const failing = results.filter((result) => !isPassing(result));
  return Object.fromEntries(failing.map(({ id, behavior, reason }) => [id, `${behavior}: ${reason}`]));
}

function expectPassed(
  results: readonly CaseResult[],
  testee: 'server' | 'client',
  unimplemented: readonly string[],
): void {
  expect(wrongs(results)).toEqual({});
  expect(results.map(({ id }) => id)).toEqual(selectAnyCases(BEYOND, '', testee).map(({ id }) => id));
  const others = idsOf(results, ({ behavior }) => behavior !== 'OK').filter((id) => !INFORMATIONAL.includes(id));
  expect(others).toEqual(unimplemented);
}

describe('conformance beyond Autobahn', () => {
  it.each([
    ['WebSocketServer', startOwnServer],
    ['listen', startOwnNetServer],
  ])('%s passes', { timeout: TIMEOUT_MS }, async (name, start) => {
    expectPassed(await testServer(name, start), 'server', []);
  });

  it('WebSocket passes', { timeout: TIMEOUT_MS }, async () => {
    // Its offer has client_max_window_bits, as those of browsers do.
    expectPassed(await testClient('WebSocket', makeOwnClient), 'client', ['D.2.9']);
  });

  // What a testee may do: none of them is about that.
  it.each(LEGAL)('a server with %s passes', { timeout: TIMEOUT_MS }, async (conduct) => {
    const server = await startRawEchoServer(conduct);
    // It has no limits.
    const exclude = 'L.1.5,L.1.6,L.1.7';
    const { results } = await runSuite({ url: server.url, cases: 'M.*,L.*,D.*,X.*,T.1.*', exclude });
    await server.close();
    expect(wrongs(results)).toEqual({});
  });

  // Some of them run in `npm test`.
  it.skipIf(isShort)('RFC 8441 §5 WebSocketServer passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    const results = await testServer('WebSocketServer over HTTP/2', startOwnHttp2Server, true);
    expectPassed(results, 'server', ofHttp1(results));
  });

  it.skipIf(isShort)('RFC 8441 §5 WebSocket passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    const results = await testClient('WebSocket over HTTP/2', makeOwnHttp2Client, true);
    expectPassed(results, 'client', ofHttp1(results, 'D.2.9'));
  });

  it('finds in the server of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    const results = await testServer('the server of ws', startWsServer);
    expect(Object.keys(wrongs(results)).join()).toBe(
      'H.2.3,H.2.4,H.3.1,H.3.2,H.3.3,H.3.7,H.3.8,H.4.13,H.6.4,H.6.5,D.1.9',
    );
  });

  it('finds in the client of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    expect(Object.keys(wrongs(await testClient('the client of ws', makeWsClient)))).toEqual(['D.2.4']);
  });
});

describe.each(ROLES)('faults beyond Autobahn, %s as testee', (_, cases, run) => {
  // With CONFORMANCE_CASES=all each fault meets all cases, and not only those of its namespace.
  const isAll = process.env.CONFORMANCE_CASES === 'all';

  it.each(LETTERS)('%s: each is found by its own case, and by no other', { timeout: TIMEOUT_MS }, async (letter) => {
    const light = cases.filter(({ id }) => isAll || id.startsWith(letter)).filter((testCase) => !isHeavy(testCase));
    for (const own of cases) {
      const fault = faultOf(own.id);
      if (!own.id.startsWith(letter) || fault === undefined) continue;
      const others = light.filter((testCase) => testCase !== own);
      const verdicts = await runAll([own, ...others], run, (testCase) => ({
        fault,
        ...(testCase === own && { patienceMs: SHORT_PATIENCE_MS }),
      }));
      const found = [own, ...others].filter((testCase) => isFound(testCase, verdicts[testCase.id]!));
      expect(
        found.map(({ id }) => `${id} ${verdicts[id]}`),
        fault,
      ).toEqual([`${own.id} ${verdicts[own.id]}`]);
    }
  });
});
