/**
 * The cases against framewright's own servers, and against others of which it is known what they get wrong. In one file, so that the runs come
 * one after the other: each of them has deadlines to keep.
 */

import { describe, expect, it } from 'vitest';
import { type CaseResult, isPassing, runSuite, selectCases } from '../../src/conformance/index.ts';
import { FAULTS_IN_GROUP_9 } from './faulty/faults.ts';
import { type EchoServer, startRawEchoServer } from './faulty/raw-echo.ts';
import { startOwnHttp2Server, startOwnNetServer, startOwnServer, startWsServer } from './targets.ts';
import {
  CHOSEN_CASES,
  expectAllPassed,
  idsOf,
  SHORTCOMINGS_OF_WS,
  shortcomings,
  TIMEOUT_MS,
  told,
} from './verdicts.ts';

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
