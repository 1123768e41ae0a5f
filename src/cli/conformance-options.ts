/** What `framewright conformance` is asked for: its help, and its arguments and configuration files read and checked. */

import { readFileSync } from 'node:fs';
import type { parseArgs } from 'node:util';
import {
  type Baseline,
  checkTarget,
  parseAutobahnSpec,
  parseBaseline,
  parseIndexReport,
  type SpecServer,
  selectAnyCases,
} from '../conformance/index.ts';
import { readHost, readPort } from './listening.ts';
import { selfSignedCertificate } from './self-signed.ts';
import { completeAddress } from './target-address.ts';
import { readPair, readPem } from './tls-options.ts';
import { readArgs, readNumber, UsageError } from './usage.ts';

export const CONFORMANCE_HELP = `Usage: framewright conformance --url <url> [options]
       framewright conformance --serve [options]
       framewright conformance --spec <file> [options]

Tests a WebSocket server or client with the cases of the Autobahn test suite, 517 in all: same
numbers, same scripts, same verdicts. The testee has to echo every message, text as text and binary
as binary, and take messages of 16 MiB. Groups 12 and 13 are about permessage-deflate: a testee
without it gets UNIMPLEMENTED there, which is no fault. They take a minute or more; the others do
without: --cases '1.*,2.*,3.*,4.*,5.*,6.*,7.*,9.*,10.*'

Beyond these there are cases for what Autobahn leaves out, of which each names its clause: H.* the
opening handshake, M.* masking, L.* lengths, D.* compression, A.* attacks, X.* gaps, T.* load.
--cases 'H.*' runs a namespace, and --cases all everything.

With --serve it is the client that comes: it asks for /getCaseCount, then opens
/runCase?case=1&agent=x (or casetuple=1.1.1) and so on, echoing until it is closed, and at last
/updateReports?agent=x. Then its report is printed, and the next client may come. The test ends at
/stopServer, with Ctrl-C (SIGINT) or SIGTERM, when the program of --command has ended, or with
--linger when nobody comes any more.

With --spec the cases, the servers and the folder for reports stand in Autobahn's own file,
fuzzingclient.json or fuzzingserver.json.

What is tested:
  --url <url>          the server at this ws:, wss: or ws+unix:/socket:/path URL, or host:port
  --serve              the clients that come
  -s, --spec <file>    what a fuzzingclient.json or fuzzingserver.json says
  -m, --mode <mode>    fuzzingclient or fuzzingserver: reads the file of that name, without --spec
  --command <command>  start this program, test it once the port answers, and stop it with all that
                       it has started. With --serve the client: it finds the address in
                       FRAMEWRIGHT_URL, and the test ends with it
  --command-timeout <s>  how long the port may take to answer, 1 to 3600 seconds; default 30
  --cases <patterns>   only these cases: ids with * for any characters, separated by commas, such as
                       '7.9.*,1.1.1' or 'H.*'. Default '*', Autobahn's 517; all: those beyond too
  --exclude <patterns> not these of them, in the same form
  --h2                 over HTTP/2 (RFC 8441); without TLS, with prior knowledge

Reports:
  --html <file>        one page with everything: what was expected, what came, each frame explained
  --json <file>        the verdicts as JSON, in the shape of Autobahn's index.json
  --outdir <folder>    what Autobahn writes: index.json, index.html, and a JSON file for each case
  --junit <file>       JUnit's XML
  --tap <file>         TAP; - prints it in place of the report
  In GitHub Actions a summary is added to the step's page, where GITHUB_STEP_SUMMARY says.

What passes:
  --baseline <file>    the cases in this file may fail as it says, and only these: each row has a
                       reason; with "sometimes": true the case may pass as well
  --update-baseline    write that file anew; reasons stay, and new rows wait for theirs
  --reason <text>      the reason for new rows
  --expect <file>      compare all verdicts with those in an index.json

With --url:
  --replay <case>      run this one case and print every octet of it
  --concurrency <n>    connections at a time, 1 to 256; default 16. The large cases of group 9
                       always run one at a time, those with compression four
  --agent <name>       what the reports call the server. Default: its Server header, or its host
  --header <field>     send this field, such as 'Authorization: Bearer abc'; may be repeated
  --cookie <cookie>    send this cookie, such as 'session=abc'; may be repeated
  --subprotocol <name> offer this subprotocol; may be repeated
  --origin <origin>    send this Origin
  --insecure           take any certificate of a wss: server, also a self-signed one
  --ca <file>          trust the certificates in this file (PEM), and no others
  --servername <name>  ask TLS for this name (SNI), and expect it in the certificate

With --serve:
  --port <n>           port to listen on, 0 to 65535; 0 picks a free one. Default 9001
  --host <h>           address to listen on. Default 127.0.0.1: this machine only
  --linger <s>         end when all clients that came have asked for their reports and are gone, and
                       none has come for so long, 0 to 3600 seconds
  --tls                with TLS: by a certificate of its own for localhost, or that of --cert
  --cert, --key <file> the certificate and its key (PEM)

Exit status: 0 every case is OK, INFORMATIONAL or UNIMPLEMENTED, closing included, or just as
--baseline or --expect has it; 1 some case is not, or was not run, or the testee cannot be reached;
2 wrong arguments.

Examples:
  framewright conformance --url ws://localhost:9001 --command 'python3 server.py' --html report.html
  framewright conformance --url wss://echo.example/ws --cases '6.*,7.*' --json verdicts.json
  framewright conformance --url ws://localhost:9001 --replay 7.9.1
  framewright conformance --serve --port 9001
`;

const OPTIONS = {
  url: { type: 'string' },
  serve: { type: 'boolean' },
  spec: { type: 'string', short: 's' },
  mode: { type: 'string', short: 'm' },
  command: { type: 'string' },
  'command-timeout': { type: 'string' },
  cases: { type: 'string' },
  exclude: { type: 'string', default: '' },
  h2: { type: 'boolean', default: false },
  html: { type: 'string' },
  json: { type: 'string' },
  outdir: { type: 'string' },
  junit: { type: 'string' },
  tap: { type: 'string' },
  baseline: { type: 'string' },
  'update-baseline': { type: 'boolean', default: false },
  reason: { type: 'string' },
  expect: { type: 'string' },
  replay: { type: 'string' },
  concurrency: { type: 'string' },
  agent: { type: 'string' },
  header: { type: 'string', multiple: true },
  cookie: { type: 'string', multiple: true },
  subprotocol: { type: 'string', multiple: true },
  origin: { type: 'string' },
  insecure: { type: 'boolean' },
  ca: { type: 'string' },
  servername: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  linger: { type: 'string' },
  tls: { type: 'boolean' },
  cert: { type: 'string' },
  key: { type: 'string' },
} as const;

/** Options that mean nothing in the other mode. */
const FOR_URL_ONLY = [
  ...(['replay', 'concurrency', 'agent', 'header', 'cookie', 'subprotocol', 'origin', 'insecure', 'ca'] as const),
  'servername',
] as const;
const FOR_SERVE_ONLY = ['port', 'host', 'linger', 'tls', 'cert', 'key'] as const;

/** Verdicts by case id. */
type Verdicts = ReturnType<typeof parseIndexReport>;

/** Where reports go. */
export interface ReportPaths {
  readonly html: string | undefined;
  readonly json: string | undefined;
  readonly outdir: string | undefined;
  readonly junit: string | undefined;
  readonly tap: string | undefined;
  /** GitHub's, which is added to. */
  readonly summary: string | undefined;
}

/** The verdicts that count as right, in place of asking that all cases pass. */
export type Expected =
  | { readonly kind: 'passes' }
  | { readonly kind: 'verdicts'; readonly verdicts: Verdicts }
  | { readonly kind: 'baseline'; readonly baseline: Baseline }
  | { readonly kind: 'update'; readonly path: string; readonly baseline: Baseline; readonly reason: string };

interface CommonOptions {
  readonly cases: string;
  readonly exclude: string;
  readonly skips: (agent: string, id: string) => boolean;
  readonly http2: boolean;
  readonly paths: ReportPaths;
  readonly expected: Expected;
  readonly command: { readonly line: string; readonly timeoutMs: number } | undefined;
  /** What stands in a configuration file and does nothing here. */
  readonly remarks: readonly string[];
}

export interface ServerTest extends CommonOptions {
  readonly testee: 'server';
  readonly servers: readonly SpecServer[];
  readonly concurrency: number | undefined;
  /** The id of the one case to run and print. */
  readonly replay: string | undefined;
}

export interface ClientTest extends CommonOptions {
  readonly testee: 'client';
  readonly port: number;
  readonly host: string;
  readonly lingerMs: number | undefined;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
}

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

/** @throws {UsageError} and what `parseArgs` throws */
export function parseConformanceArgs(args: readonly string[]): ServerTest | ClientTest {
  const { values, positionals } = readArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  if (positionals.length > 0) {
    throw new UsageError(
      `what is ${JSON.stringify(positionals[0])}? A server's address goes with --url, a command in quotes`,
    );
  }
  const specPath = specPathOf(values);
  const given = [values.url, values.serve, specPath].filter((value) => value !== undefined);
  if (given.length > 1) throw new UsageError('give one of --url, --serve and --spec, not several');
  if (given.length === 0) {
    throw new UsageError(
      'give the URL of a server, --url ws://host:port/path, or --serve for clients, or --spec and an Autobahn file',
    );
  }
  const spec = specPath === undefined ? undefined : readSpec(specPath);
  const isServing = values.serve === true || spec?.url !== undefined;
  for (const name of isServing ? FOR_URL_ONLY : FOR_SERVE_ONLY) {
    if (values[name] !== undefined) throw new UsageError(`--${name} goes with ${isServing ? '--url' : '--serve'} only`);
  }
  if (spec !== undefined && values.cases !== undefined) {
    throw new UsageError(`--cases: the cases stand in ${specPath}: change them there, or leave --spec out`);
  }
  const common: CommonOptions = {
    cases: spec?.cases ?? values.cases ?? '*',
    exclude: values.exclude,
    skips: spec?.skips ?? (() => false),
    http2: values.h2,
    paths: reportPaths(values, spec === undefined ? undefined : (spec.outdir ?? defaultOutdir(isServing))),
    expected: readExpected(values),
    command: readCommand(values),
    remarks: (spec?.ignored ?? []).map((name) => `${specPath}: ${JSON.stringify(name)} has no effect here`),
  };
  asUsage(() => selectAnyCases(common.cases, common.exclude, isServing ? 'client' : 'server'));
  return isServing ? readClientTest(values, common, spec) : readServerTest(values, common, spec);
}

/** As Autobahn has it. */
function defaultOutdir(isServing: boolean): string {
  return `./reports/${isServing ? 'clients' : 'servers'}/`;
}

function specPathOf({ spec, mode }: Values): string | undefined {
  if (mode === undefined) return spec;
  if (mode !== 'fuzzingclient' && mode !== 'fuzzingserver') {
    throw new UsageError(`--mode takes fuzzingclient or fuzzingserver, not ${JSON.stringify(mode)}`);
  }
  return spec ?? `${mode}.json`;
}

function readSpec(path: string): ReturnType<typeof parseAutobahnSpec> {
  try {
    return parseAutobahnSpec(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--spec: ${path} cannot be used: ${(error as Error).message}`);
  }
}

function reportPaths({ html, json, outdir, junit, tap }: Values, specOutdir: string | undefined): ReportPaths {
  return {
    html,
    json,
    outdir: outdir ?? specOutdir,
    junit,
    tap,
    summary: process.env.GITHUB_STEP_SUMMARY || undefined,
  };
}

function readCommand({ command, 'command-timeout': timeout }: Values): CommonOptions['command'] {
  if (command === undefined) {
    if (timeout !== undefined) throw new UsageError('--command-timeout goes with --command only');
    return undefined;
  }
  if (command.trim() === '') throw new UsageError('--command takes a command line, not an empty string');
  return { line: command, timeoutMs: 1000 * readNumber('command-timeout', timeout ?? '30', 1, 3600) };
}

function readExpected(values: Values): Expected {
  const { expect, baseline: path, 'update-baseline': isUpdate, reason } = values;
  if (isUpdate && path === undefined) throw new UsageError('--update-baseline needs the file: --baseline FILE');
  if (reason !== undefined && !isUpdate) throw new UsageError('--reason goes with --update-baseline only');
  if (expect !== undefined && path !== undefined) throw new UsageError('use either --expect or --baseline, not both');
  if (expect !== undefined) return { kind: 'verdicts', verdicts: readVerdicts(expect) };
  if (path === undefined) return { kind: 'passes' };
  if (!isUpdate) return { kind: 'baseline', baseline: readBaseline(path, false) };
  return { kind: 'update', path, baseline: readBaseline(path, true), reason: reason ?? '' };
}

function readVerdicts(path: string): Verdicts {
  try {
    return parseIndexReport(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new UsageError(`--expect: ${path} holds no verdicts as --json writes them: ${(error as Error).message}`);
  }
}

/** @param isUpdate whether it will be written anew: it need not exist then, nor have all its reasons */
function readBaseline(path: string, isUpdate: boolean): Baseline {
  try {
    return parseBaseline(readFileSync(path, 'utf8'), isUpdate);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new UsageError(`--baseline: ${path} cannot be used: ${message}`);
    if (isUpdate) return new Map();
    throw new UsageError(`--baseline: there is no ${path}: --update-baseline writes one`);
  }
}

// ---- A server ------------------------------------------------------------------------------------------------------

function readServerTest(
  values: Values,
  common: CommonOptions,
  spec: ReturnType<typeof parseAutobahnSpec> | undefined,
): ServerTest {
  const { concurrency, replay, agent } = values;
  const target = readTarget(values);
  const servers = (spec?.servers ?? [{ url: completeAddress(values.url!) }]).map((server) => ({
    ...server,
    ...target,
  }));
  for (const server of servers) asUsage(() => checkTarget(server));
  if (agent !== undefined && servers.length > 1) {
    throw new UsageError('--agent names one server, and the file has several: give each its "agent" there');
  }
  const isOne = replay === undefined || selectOne(replay);
  if (!isOne) throw new UsageError(`--replay takes the id of one case, such as 7.9.1, not ${JSON.stringify(replay)}`);
  return {
    ...common,
    testee: 'server',
    servers,
    replay,
    concurrency: concurrency === undefined ? undefined : readNumber('concurrency', concurrency, 1, 256),
  };
}

function selectOne(id: string): boolean {
  return asUsage(() => selectAnyCases(id)).length === 1;
}

function readTarget(values: Values): Omit<SpecServer, 'url'> {
  const { agent, insecure, ca, origin, subprotocol, servername: serverName, h2 } = values;
  const { header = [], cookie = [] } = values;
  const headers = header.map(readHeader);
  if (cookie.length > 0) headers.push(['Cookie', cookie.join('; ')]);
  return {
    http2: h2,
    ...(agent !== undefined && { agent }),
    ...(insecure === true && { rejectUnauthorized: false }),
    ...(ca !== undefined && { ca: readPem('ca', ca), rejectUnauthorized: true }),
    ...(serverName !== undefined && { serverName }),
    ...(headers.length > 0 && { headers }),
    ...(subprotocol !== undefined && { subprotocols: subprotocol }),
    ...(origin !== undefined && { origin }),
  };
}

function readHeader(field: string): readonly [name: string, value: string] {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(field) ?? [];
  if (name !== undefined && value !== undefined) return [name, value];
  throw new UsageError(`--header takes 'Name: value', not ${JSON.stringify(field)}`);
}

// ---- Clients -------------------------------------------------------------------------------------------------------

function readClientTest(
  values: Values,
  common: CommonOptions,
  spec: ReturnType<typeof parseAutobahnSpec> | undefined,
): ClientTest {
  const { hostname, port, protocol } = spec?.url ?? { hostname: '127.0.0.1', port: '9001', protocol: 'ws:' };
  const usualPort = protocol === 'wss:' ? '443' : '80';
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    ...common,
    testee: 'client',
    port: readPort(values.port ?? (port || usualPort)),
    host: readHost(values.host ?? host),
    lingerMs: values.linger === undefined ? undefined : 1000 * readNumber('linger', values.linger, 0, 3600),
    tls: readTls(values.cert ?? spec?.cert, values.key ?? spec?.key, values.tls === true || protocol === 'wss:'),
  };
}

function readTls(certPath: string | undefined, keyPath: string | undefined, isWanted: boolean): ClientTest['tls'] {
  const { cert, key } = readPair(['cert', certPath], ['key', keyPath]);
  if (cert !== undefined && key !== undefined) return { cert, key };
  return isWanted ? selfSignedCertificate() : undefined;
}

/** What the library says of its arguments, as a fault of usage. */
function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
