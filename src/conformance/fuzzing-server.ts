/**
 * The fuzzer as server. A client under test connects once for each case, as clients do with the Autobahn test suite: the
 * request-target says what it wants, and cases are numbered from 1 in the order of the list.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { CloseCode } from '../protocol/index.ts';
import { answered, type ConformanceCase, type Step } from './case.ts';
import { type CaseResult, playCase } from './case-run.ts';
import { closeStep } from './cases/close-step.ts';
import { selectCases } from './cases/index.ts';
import { ClientRegister } from './client-register.ts';
import { answerOffers } from './deflate-terms.ts';
import { text } from './payload.ts';
import { receiveRequest, receiveStream, type WebSocketRequest } from './receive-request.ts';
import type { SuiteReport } from './suite.ts';

export interface FuzzingServerOptions {
  /** 0 to 65535; 0 picks a free one. Default 9001. */
  readonly port?: number;
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  /** Over HTTP/2 (RFC 8441), without TLS, with prior knowledge. Default false. */
  readonly http2?: boolean;
  /** Ids with `*` for any characters, separated by commas: `7.9.*,1.1.1`. Default `*`, all of them. */
  readonly cases?: string;
  /** Ids of the same form that are left out of those. Default: none. */
  readonly exclude?: string;
  /**
   * How long the server waits for another client once all that came have asked for their reports and are gone; then it is
   * `finished`. In milliseconds, default 5000.
   */
  readonly lingerMs?: number;
  /** Hears of each case as it ends. */
  readonly onResult?: (agent: string, result: CaseResult) => void;
}

export interface FuzzingServer {
  /** `ws://host:port`, without a path. */
  readonly url: string;
  /** The cases chosen; the first of them is number 1. */
  readonly cases: readonly ConformanceCase[];
  /** Names of the clients that have run a case, in order of appearance. */
  readonly agents: readonly string[];
  /**
   * Fulfilled when there is nothing more to wait for: every client that has run a case has asked for its report and is
   * gone, and none has come for `lingerMs`; or somebody has asked for /stopServer. The server goes on until `close`.
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
const DEFAULT_LINGER_MS = 5000;

/**
 * Starts the server. Rejects when it cannot listen, with the error of Node.
 * @throws {RangeError} when `cases` and `exclude` leave none
 */
export async function startFuzzingServer(options: FuzzingServerOptions = {}): Promise<FuzzingServer> {
  const { port = DEFAULT_PORT, host = DEFAULT_HOST } = options;
  const { lingerMs = DEFAULT_LINGER_MS } = options;
  const desk = new FuzzingDesk(selectCases(options.cases, options.exclude), options);
  const connections = new Set<Connection>();
  let lingering: NodeJS.Timeout | undefined;
  const keep = (connection: Connection): void => {
    clearTimeout(lingering);
    connections.add(connection);
    connection.on('close', () => {
      connections.delete(connection);
      if (connections.size === 0 && desk.register.isReported) lingering = setTimeout(desk.finish, lingerMs);
    });
    connection.on('error', () => connection.destroy());
  };
  const server = options.http2 ? startHttp2(keep, desk) : startHttp1(keep, desk);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { address, family, port: actualPort } = server.address() as AddressInfo;
  const url = `ws://${family === 'IPv6' ? `[${address}]` : address}:${actualPort}`;
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
      for (const connection of connections) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A socket, or a session of HTTP/2. */
interface Connection {
  on(event: 'close' | 'error', listener: () => void): unknown;
  destroy(): void;
}

function startHttp1(keep: (connection: Connection) => void, desk: FuzzingDesk): Server {
  return createServer({ noDelay: true }, (socket) => {
    keep(socket);
    receiveRequest(socket, (request) => desk.serve(request));
  });
}

function startHttp2(keep: (connection: Connection) => void, desk: FuzzingDesk): Server {
  const { createServer } = process.getBuiltinModule('node:http2');
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on('session', keep);
  server.on('stream', (stream, headers) => receiveStream(stream, headers, (request) => desk.serve(request)));
  return server;
}

/** Serves one request; whatever is not about a case is answered with at most one message. */
type Endpoint = (request: WebSocketRequest) => Promise<void>;

class FuzzingDesk {
  readonly cases: readonly ConformanceCase[];
  readonly register: ClientRegister;
  readonly finished: Promise<void>;
  finish: () => void = () => {};
  private readonly options: FuzzingServerOptions;
  private readonly endpoints: ReadonlyMap<string, Endpoint>;

  constructor(cases: readonly ConformanceCase[], options: FuzzingServerOptions) {
    this.cases = cases;
    this.register = new ClientRegister(cases);
    this.options = options;
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.endpoints = new Map<string, Endpoint>([
      ['/getCaseCount', (request) => say(request, String(this.cases.length))],
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
      await endpoint(request);
    } catch (error) {
      if (!(error instanceof RequestFault)) throw error;
      request.refuse({ status: error.status, message: `${error.message}\n` });
    }
  }

  private async runCase(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    const testCase = this.caseOf(request);
    const result = await this.register.run(agent, testCase, () => {
      const answer = testCase.wishes && answerOffers(request.extensions, testCase.wishes);
      request.accept(answer ? [answer.extension] : []);
      const { socket, rest } = request;
      return playCase(testCase, { role: 'server', socket, rest, deflate: answer?.terms });
    });
    this.options.onResult?.(agent, result);
  }

  private tellInfo(request: WebSocketRequest): Promise<void> {
    const { id, summary } = this.caseOf(request);
    return say(request, JSON.stringify({ id, description: summary }));
  }

  private async tellStatus(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    const { id } = this.caseOf(request);
    const result = await this.register.resultOf(agent, id);
    if (result === undefined) throw new RequestFault(404, `${agent} has not run case ${id}: ask /runCase first`);
    await say(request, JSON.stringify({ behavior: result.behavior }));
  }

  private async updateReports(request: WebSocketRequest): Promise<void> {
    const agent = agentOf(request);
    if (!this.register.agents.includes(agent)) throw new RequestFault(404, `${agent} has not run any case`);
    this.register.markReported(agent);
    await say(request);
  }

  private caseOf({ query }: WebSocketRequest): ConformanceCase {
    const number = query.get('case') ?? '';
    const id = query.get('casetuple');
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

/** Sends one text message, or none, and closes: played like a case, so that no client can keep it waiting. */
async function say(request: WebSocketRequest, words?: string): Promise<void> {
  request.accept([]);
  const message: Step[] = words === undefined ? [] : [{ do: 'message', isBinary: false, payload: text(words) }];
  const script = answered('', 'a message', [...message, closeStep(CloseCode.NormalClosure)], []);
  await playCase(script, { role: 'server', socket: request.socket, rest: request.rest, deflate: undefined });
}
