/**
 * `framewright conformance`: runs the conformance cases against a server that echoes, or serves them to a client that
 * does, and prints a report. This file reads arguments, writes files and shows progress; src/conformance has the cases
 * and judges them.
 */

import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  type CaseResult,
  HandshakeError,
  isPassing,
  parseIndexReport,
  parseTargetUrl,
  runSuite,
  type SuiteReport,
  selectCases,
  startFuzzingServer,
  toIndexReport,
  toTextReport,
} from '../conformance/index.ts';
import type { Command } from './command.ts';
import { explainListenFault, nextSignal, readHost, readPort } from './listening.ts';
import { complain, complainAboutUsage, print } from './terminal.ts';
import { isUsageFault, readNumber, UsageError } from './usage.ts';

const HELP = `Usage: framewright conformance --url <url> [options]
       framewright conformance --serve [options]

Tests a WebSocket server or client with the cases of the Autobahn test suite, 517 in all: same
numbers, same scripts, same verdicts. The testee has to echo every message, text as text and binary
as binary, and take messages of 16 MiB. Groups 12 and 13 are about permessage-deflate: a testee
without it gets UNIMPLEMENTED there, which is no fault. They take a minute or more; the others do
without: --cases '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*'

With --serve it is the client that comes: it asks for /getCaseCount, then opens
/runCase?case=1&agent=x (or casetuple=1.1.1) and so on, echoing until it is closed, and at last
/updateReports?agent=x. The test ends when all clients that came have done so and none has come
for five seconds (--linger), at /stopServer, and with Ctrl-C (SIGINT) or SIGTERM.

Options:
  --url <url>          test the server at this ws: or wss: URL
  --serve              serve the cases to a client
  --cases <patterns>   only these cases: ids with * for any characters, separated by commas, such as
                       '7.9.*,1.1.1'. Default '*'
  --exclude <patterns> not these of them, in the same form
  --h2                 over HTTP/2 (RFC 8441); without TLS, with prior knowledge
  --json <file>        write the verdicts as JSON, in the shape of Autobahn's index.json
  --expect <file>      compare with the verdicts in such a file, in place of asking that all pass

With --url:
  --concurrency <n>    connections at a time, 1 to 256; default 16. The large cases of group 9
                       always run one at a time, those with compression four
  --agent <name>       what the reports call the server. Default: its Server header, or its host
  --insecure           take any certificate of a wss: server, also a self-signed one

With --serve:
  --port <n>           port to listen on, 0 to 65535; 0 picks a free one. Default 9001
  --host <h>           address to listen on. Default 127.0.0.1: this machine only
  --linger <s>         how long to wait for another client, 0 to 3600 seconds; default 5

Exit status: 0 every case is OK, INFORMATIONAL or UNIMPLEMENTED, closing included, or just as
--expect has it; 1 some case is not, or was not run, or the server cannot be reached; 2 wrong
arguments.

Examples:
  framewright conformance --url ws://localhost:9001
  framewright conformance --url wss://echo.example/ws --cases '6.*,7.*' --json verdicts.json
  framewright conformance --serve --port 9001
`;

const OPTIONS = {
  url: { type: 'string' },
  serve: { type: 'boolean' },
  cases: { type: 'string', default: '*' },
  exclude: { type: 'string', default: '' },
  h2: { type: 'boolean', default: false },
  concurrency: { type: 'string' },
  agent: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  linger: { type: 'string' },
  json: { type: 'string' },
  expect: { type: 'string' },
  insecure: { type: 'boolean' },
} as const;

/** Options that mean nothing in the other mode. */
const FOR_URL_ONLY = ['concurrency', 'agent', 'insecure'] as const;
const FOR_SERVE_ONLY = ['port', 'host', 'linger'] as const;

type Verdicts = ReturnType<typeof parseIndexReport>;

export const conformance: Command = {
  name: 'conformance',
  summary: 'test a WebSocket server or client with the cases of the Autobahn test suite',
  help: HELP,
  async run(args) {
    let options: ReturnType<typeof parse>;
    try {
      options = parse(args);
    } catch (error) {
      if (isUsageFault(error)) return complainAboutUsage('conformance', error.message);
      throw error;
    }
    // Before the minutes that a run takes.
    if (options.json !== undefined && !canWrite(options.json)) return 1;
    const reports = options.serves ? await serveCases(options) : await testServer(options);
    if (process.stderr.isTTY) process.stderr.write(CLEAR_LINE);
    if (typeof reports === 'string') {
      complain(`conformance: ${reports}`);
      return 1;
    }
    for (const report of reports) await print(toTextReport(report));
    if (options.json !== undefined && !writeJson(options.json, reports)) return 1;
    let status = 0;
    for (const report of reports) status = Math.max(status, await conclude(report, options));
    return status;
  },
};

/** A report, or why there is none. */
async function testServer({
  url,
  target,
  cases,
  exclude,
  http2,
}: UrlOptions): Promise<readonly SuiteReport[] | string> {
  try {
    return [
      await runSuite({
        url,
        cases,
        exclude,
        http2,
        ...target,
        ...(process.stderr.isTTY && { onResult: showProgress }),
      }),
    ];
  } catch (error) {
    if (error instanceof HandshakeError) return error.message;
    throw error;
  }
}

/** A report for each client, or why there is none. */
async function serveCases({ serves: _, ...given }: ServeOptions): Promise<readonly SuiteReport[] | string> {
  const { port, host } = given;
  const progress = (_agent: string, result: CaseResult): void => showProgress(result);
  const server = await startFuzzingServer({ ...given, ...(process.stderr.isTTY && { onResult: progress }) }).catch(
    (error: NodeJS.ErrnoException) => explainListenFault(error, port, host),
  );
  if (typeof server === 'string') return server;
  const stopped = nextSignal();
  await print(
    `framewright: ${server.cases.length} cases for clients${given.http2 ? ' over HTTP/2' : ''} at ${server.url}\n`,
  );
  await Promise.race([server.finished, stopped]);
  await server.close();
  return server.agents.length === 0 ? 'no client has run a case' : server.agents.map((agent) => server.report(agent));
}

/** The exit status for one report. */
async function conclude({ agent, results }: SuiteReport, { cases, exclude, expected }: CommonOptions): Promise<number> {
  const missing = selectCases(cases, exclude).length - results.length;
  if (missing > 0) complain(`conformance: ${agent} has not run ${missing} of the cases`);
  if (expected === undefined) return missing === 0 && results.every(isPassing) ? 0 : 1;
  const differences = compare(results, expected);
  await print(differences.length === 0 ? 'All verdicts are as expected.\n' : `${differences.join('\n')}\n`);
  return missing === 0 && differences.length === 0 ? 0 : 1;
}

const CLEAR_LINE = '\r\u001b[K';

function showProgress({ id }: CaseResult, done?: number, total?: number): void {
  process.stderr.write(`${CLEAR_LINE}${done === undefined ? id : `${done} of ${total} (${id})`}`);
}

interface CommonOptions {
  readonly cases: string;
  readonly exclude: string;
  readonly http2: boolean;
  readonly json: string | undefined;
  readonly expected: Verdicts | undefined;
}

interface UrlOptions extends CommonOptions {
  readonly serves: false;
  readonly url: string;
  readonly target: { readonly concurrency?: number; readonly agent?: string; readonly rejectUnauthorized: boolean };
}

interface ServeOptions extends CommonOptions {
  readonly serves: true;
  readonly port: number;
  readonly host: string;
  readonly lingerMs: number;
}

function parse(args: readonly string[]): UrlOptions | ServeOptions {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  const { url, serve, cases, exclude, json, h2: http2 } = values;
  if ((url === undefined) === (serve === undefined)) {
    throw new UsageError('give the URL of a server, --url ws://host:port/path, or --serve for clients');
  }
  for (const name of serve ? FOR_URL_ONLY : FOR_SERVE_ONLY) {
    if (values[name] !== undefined) throw new UsageError(`--${name} goes with ${serve ? '--url' : '--serve'} only`);
  }
  try {
    if (url !== undefined) parseTargetUrl(url);
    selectCases(cases, exclude);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const expected = values.expect === undefined ? undefined : readVerdicts(values.expect);
  const common = { cases, exclude, http2, json, expected };
  if (url === undefined) {
    const { port = '9001', host = '127.0.0.1', linger = '5' } = values;
    const lingerMs = 1000 * readNumber('linger', linger, 0, 3600);
    return { serves: true, ...common, port: readPort(port), host: readHost(host), lingerMs };
  }
  const { concurrency, agent, insecure = false } = values;
  const target = {
    rejectUnauthorized: !insecure,
    ...(concurrency !== undefined && { concurrency: readNumber('concurrency', concurrency, 1, 256) }),
    ...(agent !== undefined && { agent }),
  };
  return { serves: false, ...common, url, target };
}

function readVerdicts(path: string): Verdicts {
  try {
    return parseIndexReport(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--expect: ${path} holds no verdicts as --json writes them: ${(error as Error).message}`);
  }
}

function canWrite(path: string): boolean {
  const isNew = !existsSync(path);
  try {
    closeSync(openSync(path, 'a'));
    if (isNew) unlinkSync(path);
    return true;
  } catch (error) {
    complain(`conformance: cannot write ${path}: ${(error as Error).message}`);
    return false;
  }
}

function writeJson(path: string, reports: readonly SuiteReport[]): boolean {
  try {
    writeFileSync(path, `${JSON.stringify(Object.assign({}, ...reports.map(toIndexReport)), null, 2)}\n`);
    return true;
  } catch (error) {
    complain(`conformance: cannot write ${path}: ${(error as Error).message}`);
    return false;
  }
}

/** A line for each case whose verdict is not the one expected. */
function compare(results: readonly CaseResult[], expected: Verdicts): string[] {
  return results.flatMap(({ id, behavior, behaviorClose }) => {
    const wanted = expected.get(id);
    const is = `${behavior}, close ${behaviorClose}`;
    if (wanted === undefined) return [`${id}  is ${is}, and is not in the file of --expect`];
    const was = `${wanted.behavior}, close ${wanted.behaviorClose}`;
    return is === was ? [] : [`${id}  is ${is}, expected ${was}`];
  });
}
