/**
 * The cases against framewright's own client, and against others of which it is known what they get wrong. In one file, so
 * that the runs come one after the other: each of them has deadlines to keep.
 */

import { describe, expect, it } from 'vitest';
import { type CaseResult, startFuzzingServer } from '../../src/conformance/index.ts';
import { runClientProcess } from './testee.ts';
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

async function testClient(name: string, cases: string, http2 = false): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases, http2 });
  try {
    await runClientProcess(name, server.url);
    return told(name, server.report(name));
  } finally {
    await server.close();
  }
}

describe('§4–§7 conformance of clients', () => {
  it('WebSocket passes', { timeout: TIMEOUT_MS }, async () => {
    expectAllPassed(await testClient('WebSocket', OWN_CASES), OWN_CASES);
  });

  it('RFC 8441 §5 WebSocket passes over HTTP/2', { timeout: TIMEOUT_MS }, async () => {
    expectAllPassed(await testClient('WebSocket over HTTP/2', OTHER_CASES, true), OTHER_CASES);
  });

  it('finds in the client of ws what is known of it', { timeout: TIMEOUT_MS }, async () => {
    const results = await testClient('the client of ws', OTHER_CASES);
    expect(shortcomings(results)).toEqual(SHORTCOMINGS_OF_WS);
    expect(idsOf(results, ({ behavior }) => behavior === 'UNIMPLEMENTED')).toEqual([]);
  });
});
