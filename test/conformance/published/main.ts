/**
 * `npm run conformance:publish`: runs the cases against servers and clients that people use, writes down what the runner says
 * of each, and makes the pages of it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type CaseResult, isPassing, runSuite, startFuzzingServer } from '../../../src/conformance/index.ts';
import { writePages } from './pages.ts';
import { groupVerdicts, readResults, verdictOf, verdictsByCase, writeResult } from './results.ts';
import { TESTEES, type Testee } from './testees.ts';

const USAGE = `Usage: npm run conformance:publish -- [--cases PATTERNS] [--pages] [NAME …]

Runs all cases against the testees named, or all there are, and writes the results to test/conformance/published/results and
the pages made of them. What is not installed is passed over, with the command that installs it.

  --cases PATTERNS   only these cases; the verdicts on others stay, if they are of the same version
  --pages            only makes the pages again
  --list             the names

`;

/** Of a case that is not OK. */
const MAX_RUNS = 3;
/** For a client that does not come back. */
const CLIENT_DEADLINE_MS = 15 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cases: { type: 'string' },
    pages: { type: 'boolean' },
    list: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});

const unknown = positionals.filter((name) => !TESTEES.some(({ id }) => id === name));
if (values.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `There is no ${unknown.join(', ')}: --list has the names\n` : USAGE);
  process.exit(values.help ? 0 : 2);
}
if (values.list) console.log(TESTEES.map(({ id }) => id).join('\n'));
else {
  const chosen = TESTEES.filter(({ id }) => positionals.length === 0 || positionals.includes(id));
  if (!values.pages) for (const testee of chosen) await publish(testee);
  writePages();
}
process.exit();

async function publish(testee: Testee): Promise<void> {
  const { id, name, role, platform, install, settings, program } = testee;
  try {
    testee.prepare();
  } catch (error) {
    console.log(`${id}: passed over, ${(error as Error).message.split('\n')[0]}; ${install}`);
    return;
  }
  const version = testee.version();
  const startMs = performance.now();
  const found = await runOften(role === 'server' ? testServer : testClient, testee);
  const counts = Object.entries(groupVerdicts(found));
  const words = counts.map(([verdict, ids]) => `${ids.split(' ').length} ${verdict}`).join(', ');
  console.log(
    `${id} ${version}: ${found.size} cases in ${((performance.now() - startMs) / 1000).toFixed(0)} s: ${words}`,
  );

  // What is known of this version from other cases stays.
  const before = readResults().find((result) => result.id === id && result.version === version);
  const verdicts = before === undefined ? new Map<string, string>() : verdictsByCase(before);
  for (const [one, verdict] of found) verdicts.set(one, verdict);
  const date = new Date().toISOString().slice(0, 10);
  const facts = { id, name, role, version, platform, install, settings, program, date };
  writeResult({ ...facts, verdicts: groupVerdicts(verdicts) });
}

/** Verdicts, by case. What is not OK is run again, and the best counts: whether an echo leaves in time may be chance. */
async function runOften(
  run: (testee: Testee, cases: string) => Promise<readonly CaseResult[]>,
  testee: Testee,
): Promise<Map<string, string>> {
  const verdicts = new Map<string, string>();
  let cases = values.cases ?? '*';
  for (let runs = 0; runs < MAX_RUNS && cases !== ''; runs++) {
    for (const result of await run(testee, cases)) {
      const verdict = verdictOf(result);
      const before = verdicts.get(result.id);
      if (before === undefined || rankOf(verdict) < rankOf(before)) verdicts.set(result.id, verdict);
    }
    cases = [...verdicts]
      .filter(([, verdict]) => rankOf(verdict) > 0)
      .map(([id]) => id)
      .join();
  }
  return verdicts;
}

function rankOf(verdict: string): number {
  if (/^(OK$|INFORMATIONAL|UNIMPLEMENTED)/.test(verdict)) return 0;
  return verdict === 'NON-STRICT / OK' ? 1 : 2;
}

function start(command: readonly string[]): ChildProcess {
  const [file, ...words] = command;
  const env = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', DENO_NO_UPDATE_CHECK: '1' };
  return spawn(file!, words, { stdio: ['ignore', 'pipe', 'ignore'], env });
}

/** A server that a case brings down is started again for each of those that did not pass. */
async function testServer(testee: Testee, cases: string): Promise<readonly CaseResult[]> {
  const results = await testOneServer(testee, cases);
  const isDown = results.some(({ handshakeError = '' }) => handshakeError.includes('ECONNREFUSED'));
  if (!isDown || results.length === 1) return results;
  const verdicts: CaseResult[] = [];
  for (const result of results) {
    verdicts.push(...(isPassing(result) ? [result] : await testOneServer(testee, result.id)));
  }
  return verdicts;
}

async function testOneServer(testee: Testee, cases: string): Promise<readonly CaseResult[]> {
  const child = start(testee.command());
  try {
    const port = await firstLine(child);
    const report = await runSuite({ url: `ws://127.0.0.1:${port}/`, agent: testee.id, cases });
    return report.results;
  } finally {
    child.kill('SIGKILL');
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  let printed = '';
  for await (const part of child.stdout!) {
    printed += String(part);
    if (printed.includes('\n')) return printed.split('\n', 1)[0]!.trim();
  }
  throw new Error('the server has ended without a word');
}

async function testClient(testee: Testee, cases: string): Promise<readonly CaseResult[]> {
  const server = await startFuzzingServer({ port: 0, cases });
  const child = start(testee.command(server.url, testee.id));
  child.stdout!.resume();
  const timer = setTimeout(() => child.kill('SIGKILL'), CLIENT_DEADLINE_MS);
  try {
    await once(child, 'exit');
    return server.report(testee.id).results;
  } finally {
    clearTimeout(timer);
    await server.close();
  }
}
