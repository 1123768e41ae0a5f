/**
 * The fuzzer as server. A client under test connects once for each case, as clients do with the Autobahn test suite: the
 * request-target says what it wants, and cases are numbered from 1 in the order of the list.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { answered, type Step } from './case.ts';
import { type CaseResult, playCase } from './case-run.ts';
import { type AnyCase, selectAnyCases } from './cases/index.ts';
import { ClientRegister } from './client-register.ts';
import { answerOffers } from './deflate-terms.ts';
import { NOTHING, text } from './payload.ts';
import { isProgramCase } from './programs/program.ts';
import { runClientProgram } from './programs/program-run.ts';
import { receiveRequest, receiveStream, type WebSocketRequest } from './receive-request.ts';
import type { SuiteReport } from './suite.ts';

export interface FuzzingServerOptions {
  /** 0 to 65535; 0 picks a free one. Default 9001. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  /** With TLS: certificate and key in PEM. Default: without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Over HTTP/2 (RFC 8441): by ALPN with TLS, else with prior knowledge. Default false. */
  readonly http2?: boolean;
  /** Ids with `*` for any characters, separated by commas: `7.9.*,1.1.1`. Default `*`, all of them. */
  readonly cases?: string;
  /** Ids of the same form that are left out of those. Default: none. */
  readonly exclude?: string;
  /** Whether a client is spared a case: it is closed at once and nothing is recorded. Default: none is. */
  readonly skips?: (agent: string, id: string) => boolean;
  /**
   * How long the server waits for another client once all that came have asked for their reports and are gone; then it is
   * `finished`. In milliseconds. Default: it waits for /stopServer.
   */
  readonly lingerMs?: number;
  /** Hears of each case as it ends. */
  readonly onResult?: (agent: string, result: CaseResult) => void;
  /** Hears of each client that asks for its report, which is answered when this is done. */
  readonly onReport?: (agent: string) => void | Promise<void>;
}

export interface FuzzingServer {
  /** `ws://host:port`, without a path. */
  readonly url: string;
  /** The cases chosen; the first of them is number 1. */
  readonly cases: readonly AnyCase[];
  /** Names of the clients that have run a case, in order of appearance. */
  readonly agents: readonly string[];
  /**
   * Fulfilled when there is nothing more to wait for: somebody has asked for /stopServer; or, with `lingerMs`, every client
   * that has run a case has asked for its report and is gone, and none has come since. The server goes on until `close`.
   */
  readonly finished: Promise<void>;
  /**
   * What a client has run so far.
   * @throws {RangeError} when no client of that name has run a case
   */
  report(agent: string): SuiteReport;
  /** Stops listening, and drops what is still connected. */
  close(): Promise<void>;
}

/** A request that cannot be met: the status and the text of the refusal. */
class RequestFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const DEFAULT_PORT = 9001;
const DEFAULT_HOST = '127.0.0.1';

/**
 * Starts the server. Rejects when it cannot listen, with the error of Node.
 * @throws {RangeError} when `cases` and `exclude` leave none
 */
export async function startFuzzingServer(options: FuzzingServerOptions = {}): Promise<FuzzingServer> {
  const { port = DEFAULT_PORT, host = DEFAULT_HOST } = options;
  const { lingerMs } = options;
  const desk = new FuzzingDesk(selectAnyCases(options.cases, options.exclude, 'client'), options);
  const connections = new Set<Socket>();
  let lingering: NodeJS.Timeout | undefined;
  const keep = (socket: Socket): void => {
    clearTimeout(lingering);
    connections.add(socket);
    socket.on('close', () => {
      connections.delete(socket);
      const isIdle = connections.size === 0 && desk.register.isReported;
      if (isIdle && lingerMs !== undefined) lingering = setTimeout(desk.finish, lingerMs);
    });
    socket.on('error', () => socket.destroy());
  };
  const server = options.http2 ? createForHttp2(desk, options) : createForHttp1(desk, options);
  server.on('connection', keep);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { address, family, port: actualPort } = server.address() as AddressInfo;
  const url = `${options.tls ? 'wss' : 'ws'}://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`;
  return {
    url,
    cases: desk.cases,
    get agents() {
      return desk.register.agents;
    },
    finished: desk.finished,
    report: (agent) => desk.register.report(agent, url),
    async close() {
      clearTimeout(lingering);
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function createForHttp1(desk: FuzzingDesk, { tls }: FuzzingServerOptions): Server {
  const take = (socket: Socket): void => {
    socket.on('error', () => socket.destroy());
    receiveRequest(socket, (request) => desk.serve(request));
  };
  return tls ? createTlsServer({ ...tls, noDelay: true }, take) : createServer({ noDelay: true }, take);
}

function createForHttp2(desk: FuzzingDesk, { tls }: FuzzingServerOptions): Server {
  const { createServer, createSecureServer } = process.getBuiltinModule('node:http2');
  const settings = { enableConnectProtocol: true };
  const server = tls ? createSecureServer({ ...tls, settings }) : createServer({ settings });
  server.on('stream', (stream, headers) => receiveStream(stream, headers, (request) => desk.serve(request)));
  return server;
}

/** Serves one request; whatever is not about a case is answered with at most one message. */
type Endpoint = (request: WebSocketRequest) => Promise<void>;

class FuzzingDesk {
  readonly cases: readonly AnyCase[];
  readonly register: ClientRegister;
  readonly finished: Promise<void>;
  finish: () => void = () => {};
  private readonly options: FuzzingServerOptions;
  /** Of all requests so far. */
  private readonly keys = new Set<string>();
  private readonly endpoints: ReadonlyMap<string, Endpoint>;

  constructor(cases: readonly AnyCase[], options: FuzzingServerOptions) {
    this.cases = cases;
    this.register = new ClientRegister(cases);
    this.options = options;
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.endpoints = new Map<string, Endpoint>([
      ['/getCaseCount', (request) => say(request, () => String(this.cases.length))],
      ['/getCaseInfo', (request) => this.tellInfo(request)],
      ['/runCase', (request) => this.runCase(request)],
      ['/getCaseStatus', (request) => this.tellStatus(request)],
      ['/updateReports', (request) => this.updateReports(request)],
      ['/stopServer', (request) => say(request).then(this.finish)],
    ]);
  }

  async serve(request: WebSocketRequest): Promise<void> {
    try {
      const endpoint = this.endpoints.get(request.path);
      if (endpoint === undefined) {
        throw new RequestFault(404, `There is no ${request.path}: use ${[...this.endpoints.keys()].join(', ')}`);
      }
      // What is wrong with a request is the business of cases with programs.
      const isForgiven = request.path === '/runCase' && isProgramCase(this.caseOf(request));
      if (request.fault !== undefined && !isForgiven) request.refuse(request.fault);
      else await endpoint(request);
      this.keys.add(request.key);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      request.refuse({ status: error.status, message: `${error.message}\n` });
    }
  }

  private async runCase(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    const testCase = this.caseOf(request);
    if (this.options.skips?.(agent, testCase.id)) {
      await say(request);
      return;
    }
    const result = await this.register.run(agent, testCase, () => {
      if (isProgramCase(testCase)) return runClientProgram(testCase, request, new Set(this.keys));
      const answer = testCase.wishes && answerOffers(request.extensions, testCase.wishes);
      const handshake = request.accept(answer ? [answer.extension] : []);
      const { socket, rest } = request;
      return playCase(testCase, { role: 'server', socket, rest, deflate: answer?.terms, handshake });
    });
    this.options.onResult?.(agent, result);
  }

  private tellInfo(request: WebSocketRequest): Promise<void> {
    const { id, summary } = this.caseOf(request);
    return say(request, () => formatJson({ id, description: summary }));
  }

  /** Waits for the case, when it has not been run. */
  private tellStatus(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    const { id } = this.caseOf(request);
    return say(request, async () => {
      const { behavior } = await this.register.resultOf(agent, id);
      return formatJson({ behavior });
    });
  }

  private async updateReports(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    this.register.markReported(agent);
    await say(request, async () => {
      await this.options.onReport?.(agent);
      return undefined;
    });
    const { query } = request;
    if (/^(true|yes)$/i.test(query.get('shutdownOnComplete') ?? '')) this.finish();
  }

  private caseOf({ query }: WebSocketRequest): AnyCase {
    const number = query.get('case')?.trim() ?? '';
    const id = query.get('casetuple')?.trim();
    const testCase = /^\d+$/.test(number) ? this.cases[Number(number) - 1] : this.cases.find((one) => one.id === id);
    if (testCase !== undefined) return testCase;
    const { length } = this.cases;
    const example = this.cases[0]!.id;
    throw new RequestFault(400, `Give the number of a case, 1 to ${length}, or its id: case=1, casetuple=${example}`);
  }
}

function agentOf({ query }: WebSocketRequest): string {
  const agent = query.get('agent');
  if (!agent) throw new RequestFault(400, 'Give the client a name: agent=name');
  return agent;
}

/** As Autobahn writes it, with spaces and in ASCII: drivers that look for a text find it. */
function formatJson(members: Readonly<Record<string, string>>): string {
  const json = Object.entries(members).map(([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
  const toEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `{${json.join(', ')}}`.replace(/[\u007f-\uffff]/g, toEscape);
}

/**
 * Accepts, sends what `words` comes to, if anything, as one text message, and closes without a code: played like a case,
 * so that no client can keep it waiting.
 */
async function say(
  request: WebSocketRequest,
  words: () => string | undefined | Promise<string | undefined> = () => undefined,
): Promise<void> {
  const handshake = request.accept([]);
  const said = await words();
  const message: Step[] = said === undefined ? [] : [{ do: 'message', isBinary: false, payload: text(said) }];
  const script = answered('', 'a message', [...message, { do: 'close', body: NOTHING }], []);
  const { socket, rest } = request;
  await playCase(script, { role: 'server', socket, rest, deflate: undefined, handshake });
}
