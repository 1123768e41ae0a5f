/**
 * The cases against framewright's own servers, and against others of which it is known what they get wrong. In one file, so
 * that the runs come one after the other: each of them has deadlines to keep.
 */

import { describe, expect, it } from 'vitest';
import { type CaseResult, runSuite, selectCases } from '../../src/conformance/index.ts';
import { type EchoServer, startRawEchoServer } from './faulty/raw-echo.ts';
import { startServerProcess } from './testee.ts';
import {
  expectAllPassed,
  idsOf,
  OTHER_CASES,
  OWN_CASES,
  SHORTCOMINGS_OF_WS,
  shortcomings,
  TIMEOUT_MS,
  told,
} from './verdicts.ts';

async function testServer(
  name: string,
  server: EchoServer,
  cases: string,
  http2 = false,
): Promise<readonly CaseResult[]> {
  try {
    return told(name, await runSuite({ url: server.url, cases, http2 }));
  } finally {
    await server.close();
  }
}

describe('§4–§7 conformance of servers', () => {
  it.each([
    ['WebSocketServer', OWN_CASES],
    ['listen', OTHER_CASES],
  ])('%s passes', { timeout: TIMEOUT_MS }, async (name, cases) => {
    expectAllPassed(await testServer(name, await startServerProcess(name), cases), cases);
  });

  it('RFC 8441 §5 WebSocketServer passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    const name = 'WebSocketServer over HTTP/2';
    expectAllPassed(await testServer(name, await startServerProcess(name), OTHER_CASES, true), OTHER_CASES);
  });

  it('the server that the faulty ones are made of passes, but has no compression', async () => {
    const results = await testServer('a server without compression', await startRawEchoServer(), '*');
    expect(shortcomings(results)).toEqual({});
    const compressed = selectCases('12.*,13.*').map(({ id }) => id);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual(compressed);
    expect(idsOf(results, ({ behavior }) => behavior === 'OK')).toHaveLength(298);
  });

  it('finds in the server of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    const name = 'the server of ws';
    const results = await testServer(name, await startServerProcess(name), OTHER_CASES);
    expect(shortcomings(results)).toEqual(SHORTCOMINGS_OF_WS);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual([]);
  });
});
