/**
 * The cases against framewright's own client, and against others of which it is known what they get wrong. In one file, so that the runs come
 * one after the other: each of them has deadlines to keep.
 */

import { describe, expect, it } from 'vitest';
import { type CaseResult, startFuzzingServer } from '../../src/conformance/index.ts';
import { driveClient, type MakeClient } from './client-driver.ts';
import { makeOwnClient, makeOwnHttp2Client, makeWsClient } from './targets.ts';
import {
  CHOSEN_CASES,
  expectAllPassed,
  idsOf,
  SHORTCOMINGS_OF_WS,
  shortcomings,
  TIMEOUT_MS,
  told,
} from './verdicts.ts';

const CLIENT_LANES = 4;

async function testClient(name: string, makeClient: MakeClient, http2 = false): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases: CHOSEN_CASES, http2 });
  try {
    await driveClient(makeClient, server.url, { agent: name, lanes: CLIENT_LANES });
    return told(name, server.report(name));
  } finally {
    await server.close();
  }
}

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
