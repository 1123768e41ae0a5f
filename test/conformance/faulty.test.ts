/** The runner fails what it must, and nothing else: against echo servers with one fault each, and against one without. */

import { describe, expect, it } from 'vitest';
import { type CaseResult, isPassing, runSuite, startFuzzingServer } from '../../src/conformance/index.ts';
import {
  DEFLATE_CASES,
  DEFLATE_FAULTS,
  type DeflateFaultRow,
  startDeflateEchoServer,
} from './faulty/deflate-faults.ts';
import { FAULTS, type FaultRow, QUICK_CASES } from './faulty/faults.ts';
import { type Fault, runRawEchoClient, startRawEchoServer } from './faulty/raw-echo.ts';

async function runAgainst(fault: Fault | undefined, cases: string): Promise<readonly CaseResult[]> {
  const server = await startRawEchoServer(fault);
  try {
    return (await runSuite({ url: server.url, cases, concurrency: 32 })).results;
  } finally {
    await server.close();
  }
}

const CLIENT_LANES = 32;

async function runWithClient(fault: Fault | undefined, cases: string): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases });
  try {
    let next = 1;
    const lane = async (): Promise<void> => {
      while (next <= server.cases.length) {
        const url = `${server.url}/runCase?case=${next++}&agent=raw`;
        await runRawEchoClient(url, fault);
        // The verdict is there when TCP is gone on the other side, too.
        await runRawEchoClient(url.replace('/runCase', '/getCaseStatus'));
      }
    };
    await Promise.all(Array.from({ length: CLIENT_LANES }, lane));
    return server.report('raw').results;
  } finally {
    await server.close();
  }
}

const ROLES = [
  ['a server', runAgainst, (row: FaultRow): FaultRow => row],
  ['a client', runWithClient, (row: FaultRow): FaultRow => ({ ...row, ...row.asClient })],
] as const;

function idsOf(results: readonly CaseResult[], isChosen: (result: CaseResult) => boolean): string[] {
  return results.filter(isChosen).map(({ id }) => id);
}

function countClosing(results: readonly CaseResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { behaviorClose } of results) {
    if (behaviorClose === 'OK' || behaviorClose === 'INFORMATIONAL') continue;
    counts[behaviorClose] = (counts[behaviorClose] ?? 0) + 1;
  }
  return counts;
}

const byFault = (row: FaultRow): [string, FaultRow] => [row.fault, row];

describe.concurrent.each(ROLES)('conformance runner, with %s', (_, run, rowFor) => {
  it('§5–§7 passes one without fault', async ({ expect }) => {
    const results = await run(undefined, QUICK_CASES);
    expect(results).toHaveLength(247);
    expect(results.filter((result) => !isPassing(result))).toEqual([]);
  });

  it.for(FAULTS.map(byFault))('§5–§7 notices %s', async ([, faultRow], { expect }) => {
    const row = rowFor(faultRow);
    const results = await run(row.fault, QUICK_CASES);
    expect({
      failed: idsOf(results, ({ behavior }) => behavior === 'FAILED'),
      nonStrict: idsOf(results, ({ behavior }) => behavior === 'NON-STRICT'),
      closedWrongly: idsOf(results, (result) => result.behavior === 'OK' && !isPassing(result)),
      closing: countClosing(results),
    }).toEqual({
      failed: row.failed ?? [],
      nonStrict: row.nonStrict ?? [],
      closedWrongly: row.closedWrongly ?? [],
      closing: row.closing,
    });
  });
});

describe('conformance runner, groups 12 and 13', () => {
  const rows = DEFLATE_FAULTS.map((row): [string, DeflateFaultRow] => [row.fault, row]);

  it.each(rows)('RFC 7692 §7 notices %s', async (_, row) => {
    const server = await startDeflateEchoServer(row);
    const { results } = await runSuite({ url: server.url, cases: DEFLATE_CASES });
    await server.close();
    expect(results.map(({ behavior }) => behavior)).toEqual(row.verdicts);
    expect(results.map(isPassing)).toEqual(row.verdicts.map((verdict) => verdict !== 'FAILED'));
  });
});

describe('fault table', () => {
  it.each([
    ['noUtf8Check', 75, 0],
    ['neverAnswersClose', 0, 127],
    ['closesWith1011', 33, 210],
    ['textEchoedAsBinary', 98, 0],
  ])('%s is noticed by %i cases, and by %i in their closing only', (fault, failed, closedWrongly) => {
    const row = FAULTS.find((candidate) => candidate.fault === fault)!;
    expect([row.failed?.length ?? 0, row.closedWrongly?.length ?? 0]).toEqual([failed, closedWrongly]);
  });
});
