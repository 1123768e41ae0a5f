/**
 * `framewright conformance`: runs the conformance cases against servers that echo, or serves them to clients that do, and
 * reports. This file goes through a run from its arguments to its exit status; src/conformance has the cases and judges them.
 */

import { constants } from 'node:os';
import { isatty } from 'node:tty';
import {
  type Baseline,
  type CaseResult,
  compareWithBaseline,
  endpointOf,
  type FuzzingServer,
  formatBaseline,
  HandshakeError,
  isPassing,
  runAnyCase,
  runSuite,
  type SpecServer,
  type SuiteReport,
  selectAnyCases,
  startFuzzingServer,
  toTapReport,
  toTextReport,
  updateBaseline,
} from '../conformance/index.ts';
import type { Command } from './command.ts';
import {
  type ClientTest,
  CONFORMANCE_HELP,
  type Expected,
  parseConformanceArgs,
  type ServerTest,
} from './conformance-options.ts';
import { replayText } from './conformance-replay.ts';
import { canWriteReports, STANDARD_OUTPUT, write, writeReports } from './conformance-reports.ts';
import { explainListenFault, nextSignal } from './listening.ts';
import { complain, complainAboutUsage, print } from './terminal.ts';
import { answers, placeOf, startCommand, type TesteeCommand, waitForEndpoints } from './testee-command.ts';
import { isUsageFault } from './usage.ts';

export const conformance: Command = {
  name: 'conformance',
  summary: 'test a WebSocket server or client with the cases of the Autobahn test suite',
  help: CONFORMANCE_HELP,
  async run(args) {
    let test: ServerTest | ClientTest;
    try {
      test = parseConformanceArgs(args);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('conformance', error.message);
      throw error;
    }
    for (const remark of test.remarks) complain(`conformance: ${remark}`);
    const { paths, expected } = test;
    // Before the minutes that a run takes.
    if (!canWriteReports(paths, expected.kind === 'update' ? expected.path : undefined)) return 1;
    return test.testee === 'client' ? testClients(test) : testServers(test);
  },
};

// ---- Servers -------------------------------------------------------------------------------------------------------

async function testServers(test: ServerTest): Promise<number> {
  const { command, servers } = test;
  if (command === undefined) return runServers(test);
  const endpoints = servers.map(({ url }) => endpointOf(url));
  for (const endpoint of endpoints) {
    if (!(await answers(endpoint))) continue;
    return fail(
      `something listens at ${placeOf(endpoint)} already, and would be tested in place of the command: stop it, or use another port`,
    );
  }
  const testee = startCommand(command.line);
  const interruption = new AbortController();
  const stayOnSignal = exitOnSignal(testee, interruption);
  try {
    const fault = await waitForEndpoints(testee, endpoints, command.timeoutMs);
    if (interruption.signal.aborted) return 1;
    if (fault !== undefined) return failWithOutput(testee, fault);
    let end: string | undefined;
    void testee.ended.then((how) => {
      end = how;
    });
    const status = await runServers(test, interruption.signal);
    return end === undefined || end === 'status 0' || interruption.signal.aborted
      ? status
      : failWithOutput(testee, `the command ended with ${end} while it was tested`);
  } finally {
    await testee.stop();
    stayOnSignal();
  }
}

/** What ends a process that has started others. Where there is no terminal, as under nohup, none can be closed. */
function endingSignals(): NodeJS.Signals[] {
  return [0, 1, 2].some(isatty) ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM'];
}

/** Such a signal ends the command, and then this process; a second one ends both at once. @returns what takes that back */
function exitOnSignal(testee: TesteeCommand, interruption: AbortController): () => void {
  const exit = (signal: NodeJS.Signals): void => {
    const status = 128 + constants.signals[signal];
    if (interruption.signal.aborted) process.exit(status);
    interruption.abort();
    void testee.stop().then(() => process.exit(status));
  };
  const signals = endingSignals();
  for (const signal of signals) process.on(signal, exit);
  return () => {
    for (const signal of signals) process.off(signal, exit);
  };
}

async function runServers(test: ServerTest, interruption?: AbortSignal): Promise<number> {
  const { servers, replay, expected } = test;
  if (replay !== undefined) return replayCase(replay, servers);
  const reports: SuiteReport[] = [];
  let status = 0;
  for (const server of servers) {
    const report = await runServer(server, test);
    clearProgress();
    // Whoever has stopped it wants no report of what is left.
    if (interruption?.aborted) return 1;
    if (typeof report === 'string') status = fail(report);
    else reports.push(report);
  }
  if (reports.length === 0) return status;
  const gone = await findGone(reports);
  if (gone === undefined) return Math.max(status, await conclude(reports, test));
  // What failed says nothing about the testee, and must not become what is known of it.
  await conclude(reports, { ...test, expected: expected.kind === 'update' ? { kind: 'passes' } : expected });
  const consequence = expected.kind === 'update' ? `; ${expected.path} stays as it was` : '';
  return fail(`nobody answers at ${gone} any more: the server went away while it was tested${consequence}`);
}

/** Where nobody answers any more, if there is such a place. */
async function findGone(reports: readonly SuiteReport[]): Promise<string | undefined> {
  for (const { url } of reports) {
    const endpoint = endpointOf(url);
    if (!(await answers(endpoint))) return placeOf(endpoint);
  }
  return undefined;
}

/** A report, or why there is none. */
async function runServer(server: SpecServer, test: ServerTest): Promise<SuiteReport | string> {
  const { cases, exclude, skips, concurrency } = test;
  try {
    return await runSuite({
      ...server,
      cases,
      exclude,
      skips,
      ...(concurrency !== undefined && { concurrency }),
      ...(process.stderr.isTTY && { onResult: showProgress }),
    });
  } catch (error) {
    if (error instanceof HandshakeError) return error.message;
    throw error;
  }
}

async function replayCase(id: string, servers: readonly SpecServer[]): Promise<number> {
  const [testCase] = selectAnyCases(id);
  let status = 0;
  for (const server of servers) {
    const result = await runAnyCase(testCase!, server, { keepsWholeWire: true });
    for (const part of replayText(result)) await print(part);
    if (!isPassing(result)) status = 1;
  }
  return status;
}

// ---- Clients -------------------------------------------------------------------------------------------------------

async function testClients(test: ClientTest): Promise<number> {
  const { port, host, tls, lingerMs, cases, exclude, skips, http2, command } = test;
  /** Clients whose reports have been printed since they last ran a case. */
  const printed = new Set<string>();
  let server: FuzzingServer;
  const allReports = (): SuiteReport[] => server.agents.map((agent) => server.report(agent));
  try {
    server = await startFuzzingServer({
      ...{ port, host, cases, exclude, skips, http2 },
      ...(tls && { tls }),
      ...(lingerMs !== undefined && { lingerMs }),
      onResult: (agent, result) => {
        printed.delete(agent);
        if (process.stderr.isTTY) showProgress(result);
      },
      onReport: async (agent) => {
        if (!server.agents.includes(agent)) return;
        clearProgress();
        printed.add(agent);
        await printReport(server.report(agent), test);
        // GitHub's summary is added to, so it waits for the end.
        writeReports(allReports(), { ...test.paths, summary: undefined }, baselineOf(test.expected));
      },
    });
  } catch (error) {
    return fail(explainListenFault(error as NodeJS.ErrnoException, port, host));
  }
  const stopped = nextSignal(command === undefined ? undefined : endingSignals());
  await print(
    `framewright: ${server.cases.length} case${server.cases.length === 1 ? '' : 's'} for clients${http2 ? ' over HTTP/2' : ''} at ${server.url}\n`,
  );
  const client = command && startCommand(command.line, { FRAMEWRIGHT_URL: server.url });
  const end = await Promise.race([server.finished, stopped, ...(client ? [client.ended] : [])]);
  await client?.stop();
  await server.close();
  clearProgress();
  const reports = allReports();
  const hasFailed = typeof end === 'string' && end !== 'status 0';
  const clientStatus = client && hasFailed ? failWithOutput(client, `the command ended with ${end}`) : 0;
  if (reports.length === 0) return client && hasFailed ? 1 : fail('no client has run a case');
  return Math.max(clientStatus, await conclude(reports, test, printed));
}

// ---- What comes of it ----------------------------------------------------------------------------------------------

type Test = ServerTest | ClientTest;

/** Prints and writes the reports. @returns the exit status */
async function conclude(reports: readonly SuiteReport[], test: Test, printed = new Set<string>()): Promise<number> {
  const { paths, expected } = test;
  for (const report of reports) if (!printed.has(report.agent)) await printReport(report, test);
  if (paths.tap === STANDARD_OUTPUT) await print(toTapReport(reports, baselineOf(expected)));
  let status = expected.kind === 'update' ? await rewriteBaseline(reports, expected, test) : 0;
  if (!writeReports(reports, paths, baselineOf(expected))) status = 1;
  for (const report of reports) status = Math.max(status, await judge(report, test));
  return status;
}

async function printReport(report: SuiteReport, { paths }: Test): Promise<void> {
  if (paths.tap !== STANDARD_OUTPUT) await print(toTextReport(report));
}

/** Beside TAP, what is said to people goes to the other stream. */
async function tell(words: string, { paths }: Test): Promise<void> {
  if (paths.tap === STANDARD_OUTPUT) process.stderr.write(words);
  else await print(words);
}

function baselineOf(expected: Expected): Baseline {
  return expected.kind === 'baseline' || expected.kind === 'update' ? expected.baseline : new Map();
}

/** The exit status for one report. */
async function judge(report: SuiteReport, test: Test): Promise<number> {
  const { cases, exclude, skips, expected } = test;
  const { agent, testee, results } = report;
  const missing = selectAnyCases(cases, exclude, testee).filter(({ id }) => !skips(agent, id)).length - results.length;
  if (missing > 0) complain(`conformance: ${agent} has not run ${missing} of the cases`);
  if (expected.kind === 'update') return missing > 0 ? 1 : 0;
  if (expected.kind === 'passes') return missing === 0 && results.every(isPassing) ? 0 : 1;
  const differences =
    expected.kind === 'baseline'
      ? compareWithBaseline(results, expected.baseline)
      : compare(results, expected.verdicts);
  const known = expected.kind === 'baseline' ? results.filter((result) => !isPassing(result)).length : 0;
  const asExpected =
    known > 0 ? `All verdicts are as the baseline has them, ${known} not passing.` : 'All verdicts are as expected.';
  const words = differences.length === 0 ? `${asExpected}\n` : `${differences.join('\n')}\n`;
  await tell(words, test);
  return missing === 0 && differences.length === 0 ? 0 : 1;
}

async function rewriteBaseline(
  reports: readonly SuiteReport[],
  { path, baseline, reason }: Extract<Expected, { kind: 'update' }>,
  test: Test,
): Promise<number> {
  let rows = baseline;
  for (const { results } of reports) rows = updateBaseline(results, rows);
  const reasoned = new Map([...rows].map(([id, row]) => [id, { ...row, reason: row.reason || reason }]));
  if (!write(path, () => formatBaseline(reasoned))) return 1;
  const waiting = [...reasoned.values()].filter((row) => row.reason === '').length;
  const count = `${reasoned.size} row${reasoned.size === 1 ? '' : 's'}`;
  await tell(`${path} has ${count} now${waiting > 0 ? `: write a reason into ${waiting} of them` : ''}.\n`, test);
  return 0;
}

/** A line for each case whose verdict is not the one expected. */
function compare(
  results: readonly CaseResult[],
  expected: Extract<Expected, { kind: 'verdicts' }>['verdicts'],
): string[] {
  return results.flatMap(({ id, behavior, behaviorClose }) => {
    const wanted = expected.get(id);
    const is = `${behavior}, close ${behaviorClose}`;
    if (wanted === undefined) return [`${id}  is ${is}, and is not in the file of --expect`];
    const was = `${wanted.behavior}, close ${wanted.behaviorClose}`;
    return is === was ? [] : [`${id}  is ${is}, expected ${was}`];
  });
}

function fail(message: string): 1 {
  complain(`conformance: ${message}`);
  return 1;
}

function failWithOutput({ output }: TesteeCommand, message: string): 1 {
  complain(
    `conformance: ${message}; ${output === '' ? 'it has printed nothing' : `the last of what it has printed:\n${output.trimEnd()}`}`,
  );
  return 1;
}

// ---- Progress ------------------------------------------------------------------------------------------------------

const CLEAR_LINE = '\r\u001b[K';

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
}

function showProgress({ id }: CaseResult, done?: number, total?: number, leftMs = 0): void {
  const left = leftMs < 2000 ? '' : `, ${describeDuration(leftMs)} left`;
  process.stderr.write(`${CLEAR_LINE}${done === undefined ? id : `${done} of ${total} (${id})${left}`}`);
}

/** `1 min 20 s`, `40 s` */
function describeDuration(durationMs: number): string {
  const seconds = Math.round(durationMs / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
