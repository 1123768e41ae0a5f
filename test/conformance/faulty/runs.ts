/** The conformance runner against echo peers with a fault, in both roles. */

import { type CaseResult, runSuite, startFuzzingServer } from '../../../src/conformance/index.ts';
import { type Fault, runRawEchoClient, startRawEchoServer } from './raw-echo.ts';
import type { TesteeRole } from './verdicts.ts';

type Run = (fault: Fault | undefined, cases: string) => Promise<readonly CaseResult[]>;

const LANES = 32;

async function runAgainstServer(fault: Fault | undefined, cases: string): Promise<readonly CaseResult[]> {
  const server = await startRawEchoServer(fault);
  try {
    return (await runSuite({ url: server.url, cases, concurrency: LANES })).results;
  } finally {
    await server.close();
  }
}

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
    await Promise.all(Array.from({ length: LANES }, lane));
    return server.report('raw').results;
  } finally {
    await server.close();
  }
}

export const RUNS: Readonly<Record<TesteeRole, Run>> = { server: runAgainstServer, client: runWithClient };
