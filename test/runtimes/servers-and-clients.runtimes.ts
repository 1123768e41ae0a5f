/**
 * The package in Bun and in Deno, as server and as client, with Node.js on the other side: what users do with it, and the
 * conformance cases. `npm run build` has to have run before.
 */

import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type CaseResult,
  isPassing,
  runSuite,
  type SuiteReport,
  selectCases,
  startFuzzingServer,
} from '../../src/conformance/index.ts';
import { DIFFERENCES } from './differences.ts';
import { makeProject } from './package.ts';
import { type Program, type Runtime, start } from './programs.ts';

/** Without those about speed and compression, which are long; compression is among the scenarios. */
const CASES = '1.*,2.*,3.*,4.*,5.*,6.*,7.*,10.*';
const MIN_SCENARIOS = 150;

let folder: string;
beforeAll(() => {
  folder = makeProject();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(runtime: Runtime, script: string, ...args: readonly string[]): Program {
  const program = start(runtime, folder, script, ...args);
  onTestFinished(async () => {
    await program.end();
  });
  return program;
}

type Addresses = Readonly<Record<string, string | { readonly fault: string }>>;

async function startServer(runtime: Runtime): Promise<{ server: Program; addresses: Addresses }> {
  const server = run(runtime, 'server.mjs', folder);
  const line = await server.firstLine;
  if (!line.startsWith('{')) throw new Error(`${runtime} has started no server: ${line}\n${server.complaints}`);
  return { server, addresses: JSON.parse(line) as Addresses };
}

interface Result {
  readonly way: string;
  readonly scenario: string;
  readonly fault?: string;
}

/** Scenarios that fail, with their faults; those that are known to, and do so. */
function sortFaults(results: readonly Result[], runtime: Runtime, role: 'server' | 'client') {
  const known = DIFFERENCES.filter((difference) => difference.runtime === runtime && difference.role === role);
  const isKnown = ({ scenario }: Result): boolean => known.some((difference) => difference.scenario === scenario);
  const failed = results.filter(({ fault }) => fault !== undefined);
  return {
    unknown: failed.filter((result) => !isKnown(result)),
    /** Known to fail, and all that there is of them works. */
    mended: known.filter(({ scenario }) => !failed.some((result) => result.scenario === scenario)),
  };
}

describe.each<[Runtime, Runtime, Runtime, 'server' | 'client']>([
  ['node', 'node', 'node', 'server'],
  ['bun', 'node', 'bun', 'server'],
  ['node', 'bun', 'bun', 'client'],
  ['deno', 'node', 'deno', 'server'],
  ['node', 'deno', 'deno', 'client'],
])('a server in %s, a client in %s', (serving, asking, runtime, role) => {
  it('do all that users do', async () => {
    const { server, addresses } = await startServer(serving);
    const client = run(asking, 'client.mjs', JSON.stringify(addresses));
    const lines = (await client.output).trim().split('\n');
    expect(await client.end(), client.complaints).toBe(0);
    const results = lines.map((line) => JSON.parse(line) as Result);
    expect(sortFaults(results, runtime, role)).toEqual({ unknown: [], mended: [] });
    expect(results.length).toBeGreaterThan(MIN_SCENARIOS);
    expect(client.complaints).toBe('');
    expect(await server.end(), 'how the server ended').toBe(0);
    expect(server.complaints).toBe('');
  });
});

function expectAllPassed({ results }: SuiteReport): void {
  const failing = results.filter((result) => !isPassing(result));
  expect(failing.map(({ id, behavior, behaviorClose }: CaseResult) => [id, behavior, behaviorClose])).toEqual([]);
  expect(results).toHaveLength(selectCases(CASES).length);
}

describe.each<Runtime>(['bun', 'deno'])('§4–§7 conformance in %s', (runtime) => {
  it('of the servers', async () => {
    const { addresses } = await startServer(runtime);
    for (const way of ['WebSocketServer { port }', 'listen()']) {
      expectAllPassed(await runSuite({ url: `${addresses[way]}/echo`, cases: CASES }));
    }
  });

  it('of the client', async () => {
    const server = await startFuzzingServer({ port: 0, cases: CASES });
    onTestFinished(() => server.close());
    const client = run(runtime, 'case-client.mjs', server.url, runtime);
    expect(await client.output).toBe('');
    expect(await client.end(), client.complaints).toBe(0);
    expectAllPassed(server.report(runtime));
  });
});
