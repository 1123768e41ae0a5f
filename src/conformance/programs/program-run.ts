/** Runs the program of a case on a connection to its end, and says what it comes to. */

import { type CaseResult, NOTHING_PLAYED, type RunOptions } from '../case-run.ts';
import { connectTo, connectToStream, HandshakeError, type Target } from '../dial.ts';
import type { WebSocketRequest } from '../receive-request.ts';
import type { Behavior } from '../verdict.ts';
import { NO_WIRE_LIMITS, WireLog } from '../wire-log.ts';
import { readHead } from './heads.ts';
import { Unavailable, Unexpected } from './outcome.ts';
import { Peer } from './peer.ts';
import type { Program, ProgramCase, Severity } from './program.ts';

/** What becomes of a testee that does something else than the clause asks. */
const WHEN_UNEXPECTED: Readonly<Record<Severity, Behavior>> = {
  MUST: 'FAILED',
  SHOULD: 'NON-STRICT',
  INFORMATIONAL: 'INFORMATIONAL',
};

/** Of these a stream of HTTP/2 has no equal: what stands in a head of HTTP/1.1, and half a head. */
export const IS_OF_HTTP1 = /^(?:H\..*|A\.2\.1|T\.3\.2)$/;

/** Runs a case against a server. Never rejects because of the testee. */
export async function runServerProgram(
  testCase: ProgramCase,
  target: Target,
  { keepsWholeWire = false }: RunOptions = {},
): Promise<CaseResult> {
  if (target.http2 && IS_OF_HTTP1.test(testCase.id)) return notOverHttp2(testCase);
  const { headers = [], origin } = target;
  const requestLines = headers.map(([name, value]) => `${name}: ${value}`);
  if (origin !== undefined) requestLines.push(`Origin: ${origin}`);
  const connect = async (): Promise<Peer> => {
    const { socket, host, resourceName } = await (target.http2 ? connectToStream : connectTo)(target);
    const log = new WireLog(keepsWholeWire ? NO_WIRE_LIMITS : undefined);
    return new Peer({ role: 'client', socket, host, target: resourceName, requestLines, connect, log });
  };
  try {
    return await runProgram(testCase, testCase.server!, await connect());
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return { ...unplayed(testCase, 'FAILED', error.message), handshakeError: error.message };
  }
}

/** Runs a case on the request of a client. Never rejects. @param earlierKeys those of requests before */
export async function runClientProgram(
  testCase: ProgramCase,
  { socket, connection, head, rest }: WebSocketRequest,
  earlierKeys: ReadonlySet<string>,
): Promise<CaseResult> {
  const request = readHead(Buffer.from(head, 'latin1'));
  const isHttp1 = 'localPort' in socket;
  if (request === undefined || (!isHttp1 && IS_OF_HTTP1.test(testCase.id))) {
    socket.destroy();
    return notOverHttp2(testCase);
  }
  const port = isHttp1 ? Number(socket.localPort) : 0;
  const options = { role: 'server', socket: connection(), request, rest, port, earlierKeys } as const;
  return runProgram(testCase, testCase.client!, new Peer(options));
}

/** The connection is dropped at the end. */
export async function runProgram({ id, severity }: ProgramCase, program: Program, peer: Peer): Promise<CaseResult> {
  const startedAt = Date.now();
  let behavior: Behavior = severity === 'INFORMATIONAL' ? severity : 'OK';
  let reason: string | undefined;
  try {
    await program(peer);
  } catch (error) {
    if (error instanceof Unavailable) behavior = 'UNIMPLEMENTED';
    else if (error instanceof Unexpected || error instanceof HandshakeError) behavior = WHEN_UNEXPECTED[severity];
    else throw error;
    reason = error.message;
  } finally {
    peer.destroy();
  }
  const { log, hasSentClose, hasReceivedClose, handshake } = peer;
  return {
    id,
    behavior,
    behaviorClose: severity === 'INFORMATIONAL' ? severity : 'OK',
    closedBy: hasSentClose ? 'fuzzer' : 'testee',
    isClean: hasSentClose && hasReceivedClose,
    remoteCloseCode: peer.closeCode,
    events: peer.seen,
    wireLog: log.entries,
    wireLogOmitted: log.omitted,
    wire: log.record,
    handshake,
    ...(reason !== undefined && { reason }),
    startedAt: new Date(startedAt).toISOString(),
    durationMs: Date.now() - startedAt,
  };
}

function notOverHttp2(testCase: ProgramCase): CaseResult {
  return unplayed(testCase, 'UNIMPLEMENTED', 'the case is about HTTP/1.1');
}

function unplayed({ id }: ProgramCase, behavior: Behavior, reason: string): CaseResult {
  return {
    id,
    behavior,
    behaviorClose: 'OK',
    ...NOTHING_PLAYED,
    reason,
    startedAt: new Date().toISOString(),
    durationMs: 0,
  };
}
