/**
 * Plays one case against a testee, in either role: sends what the script says, records what comes, closes, and has
 * `verdict.ts` judge it once TCP is gone. Who connects to whom and what is agreed on is settled before. Every wait has a
 * deadline, so that a case always ends.
 */

import type { Duplex } from 'node:stream';
import { CloseCode, Opcode, type Role, readCloseCode } from '../protocol/index.ts';
import type { ConformanceCase, Expectation, Side, Step } from './case.ts';
import { corpusOf } from './corpora.ts';
import { type CompressedMessages, compressedMessages, knownEchoes } from './corpus-streams.ts';
import { Deadline } from './deadline.ts';
import type { DeflateDirection, DeflateTerms } from './deflate.ts';
import { offerOf, readAnswer } from './deflate-terms.ts';
import { abandon, dial, HandshakeError, type HandshakeRecord, type Target } from './dial.ts';
import { FrameSender } from './frame-sender.ts';
import { describeBytes, loggedText, payloadBytes } from './payload.ts';
import { TesteeReader, type TesteeReaderHandler } from './testee-reader.ts';
import { areExpected, judge, type Observation, type RecordedEvent, type Verdict } from './verdict.ts';
import { NO_WIRE_LIMITS, WireLog, type WireLogEntry, type WireRecord } from './wire-log.ts';

export interface CaseResult extends Verdict {
  readonly id: string;
  /** Who sent the first Close frame; the testee when TCP ended without one. */
  readonly closedBy: Side;
  readonly isClean: boolean;
  /** The code of the testee's Close frame, if it sent one. */
  readonly remoteCloseCode: number | undefined;
  /** What was recorded, in words. */
  readonly events: readonly string[];
  /** The same as Autobahn reports it, of cases that record each event. */
  readonly received?: readonly LoggedEvent[];
  /** The beginning of what passed on the wire. */
  readonly wireLog: readonly WireLogEntry[];
  readonly wireLogOmitted: number;
  /** The beginning of the octets in both directions; undefined without an opening handshake. */
  readonly wire?: WireRecord;
  /** The opening handshake, as far as it went. */
  readonly handshake?: HandshakeRecord;
  /** Undefined without a connection that was opened. */
  readonly ending?: Ending;
  /** Why the opening handshake failed, if it did. */
  readonly handshakeError?: string;
  /** Of a case with a program: what it has found wrong, or missing. */
  readonly reason?: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs: number;
}

/** An event as Autobahn reports it: a message and whether it is binary, a pong, or a point in time reached. */
export type LoggedEvent =
  | readonly [type: 'message', payload: string, isBinary: boolean]
  | readonly [type: 'pong', payload: string]
  | readonly [type: 'timeout', tag: string];

/** How a connection ended, in the terms in which Autobahn reports it. */
export interface Ending {
  /** Whether the fuzzer failed the connection. */
  readonly hasFailed: boolean;
  /** Whether it was the fuzzer that ended TCP. */
  readonly hasEndedTcp: boolean;
  /** Whether a second passed from the fuzzer's Close frame without one of the testee's. */
  readonly hasCloseTimedOut: boolean;
  /** Whether a second passed from the last Close frame without an end of TCP, which the server has to bring about. */
  readonly hasDropTimedOut: boolean;
  /** Of the fuzzer's Close frame. */
  readonly localCloseCode: number | undefined;
  readonly localCloseReason: string;
  readonly remoteCloseReason: string;
}

/** What there is of a case whose connection was never opened. */
export const NOTHING_PLAYED = {
  closedBy: 'testee',
  isClean: false,
  remoteCloseCode: undefined,
  events: [],
  wireLog: [],
  wireLogOmitted: 0,
} as const;

/** From the fuzzer's Close frame to the testee's. */
const CLOSE_HANDSHAKE_TIMEOUT_MS = 1000;
/**
 * From the last Close frame to the end of TCP, which the server has to bring about (§7.1.1). Autobahn has this deadline
 * for closing handshakes that it started, and calls them unclean when it passes. For those of the testee it waits without
 * one, and hangs when the testee leaves TCP open. Here the same second holds for both. Where the script sets a deadline
 * as short, that one began earlier and ends earlier: then the fuzzer drops TCP behind a clean closing handshake.
 */
const SERVER_DROP_TIMEOUT_MS = 1000;
/** More than any case expects: a longer list is wrong whatever follows. */
const MAX_EVENTS = 100;

/** A connection whose opening handshake is done. */
interface OpenConnection {
  /** The fuzzer's. */
  readonly role: Role;
  /** Paused. */
  readonly socket: Duplex;
  /** Bytes that came behind the handshake. */
  readonly rest: Uint8Array;
  /** Undefined without compression. */
  readonly deflate: DeflateTerms | undefined;
  readonly handshake: HandshakeRecord;
}

export interface RunOptions {
  /** Keep the whole wire log and all octets, and not only their beginning. Default false. */
  readonly keepsWholeWire?: boolean;
}

/**
 * Runs a case against a server to its end. Never rejects because of the testee: a handshake that fails is a FAILED case.
 */
export async function runCase(
  testCase: ConformanceCase,
  target: Target,
  options: RunOptions = {},
): Promise<CaseResult> {
  const startedAt = Date.now();
  try {
    return await playCase(testCase, await connect(testCase, target), startedAt, options);
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    return {
      id: testCase.id,
      ...judge(testCase, NOTHING_OBSERVED),
      ...NOTHING_PLAYED,
      ...(error.handshake && { handshake: error.handshake }),
      handshakeError: error.message,
      ...timing(startedAt),
    };
  }
}

async function connect({ wishes = [] }: ConformanceCase, target: Target): Promise<OpenConnection> {
  const { socket, rest, extensions, handshake } = await dial(target, wishes.map(offerOf));
  const deflate = readAnswer(extensions);
  if (typeof deflate !== 'string') return { role: 'client', socket, rest, deflate, handshake };
  abandon(socket);
  throw new HandshakeError(`${target.url}: ${deflate}`, handshake);
}

function timing(startedAt: number): Pick<CaseResult, 'startedAt' | 'durationMs'> {
  return { startedAt: new Date(startedAt).toISOString(), durationMs: Date.now() - startedAt };
}

/** Runs a case on a connection to its end. Never rejects. */
export function playCase(
  testCase: ConformanceCase,
  connection: OpenConnection,
  startedAt = Date.now(),
  { keepsWholeWire = false }: RunOptions = {},
): Promise<CaseResult> {
  const log = new WireLog(keepsWholeWire ? NO_WIRE_LIMITS : undefined);
  return new CaseRun(testCase, connection, startedAt, log).play(connection.rest);
}

const NOTHING_OBSERVED: Observation = {
  isHandshakeComplete: false,
  isCompressing: false,
  events: [],
  echo: 'none',
  closedBy: 'testee',
  isClean: false,
  remoteCloseCode: undefined,
  hasDroppedTcp: false,
  sentFrames: new Map(),
};

class CaseRun implements TesteeReaderHandler {
  private readonly testCase: ConformanceCase;
  private readonly role: Role;
  private readonly socket: Duplex;
  private readonly deflate: DeflateTerms | undefined;
  private readonly handshake: HandshakeRecord;
  private readonly startedAt: number;
  private readonly log: WireLog;
  private readonly sender: FrameSender;
  private readonly reader: TesteeReader;
  private readonly deadlines = new Set<Deadline>();

  private state: 'open' | 'closing' | 'closed' = 'open';
  private closedBy: Side = 'testee';
  private hasSentClose = false;
  private hasReceivedClose = false;
  private hasTimedOut = false;
  /** Whether the fuzzer has failed the connection: messages no longer count. */
  private hasFailed = false;
  /** Whether the script's deadline comes before `SERVER_DROP_TIMEOUT_MS` in any case. */
  private hasShortDeadline = false;
  private hasDroppedTcp = false;
  private remoteCloseCode: number | undefined;
  private remoteCloseReason: Uint8Array = NO_BYTES;
  private sentCloseBody: Uint8Array = NO_BYTES;
  private readonly events: RecordedEvent[] = [];
  /** How many messages have come, and how many were there to be echoed: a corpus goes on also where nothing is sent. */
  private echoes = 0;
  private messages = 1;
  private echo: Observation['echo'] = 'none';
  private compressed: CompressedMessages | undefined;
  private closeDeadline: Deadline | undefined;
  private finish: () => void = () => {};

  constructor(testCase: ConformanceCase, connection: OpenConnection, startedAt: number, log: WireLog) {
    const { role, socket, deflate, handshake } = connection;
    const { expectation } = testCase;
    this.testCase = testCase;
    this.role = role;
    this.socket = socket;
    this.deflate = deflate;
    this.handshake = handshake;
    this.startedAt = startedAt;
    this.log = log;
    this.sender = new FrameSender(socket, role, log);
    this.reader = new TesteeReader(this, log, {
      role,
      deflate: deflate?.receiving,
      ...(expectation.kind === 'corpusLoop' && deflate && expectedEchoes(expectation, deflate.receiving)),
    });
  }

  async play(rest: Uint8Array): Promise<CaseResult> {
    const { socket } = this;
    const ended = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    const take = (chunk: Uint8Array): void => {
      this.log.octets('received', chunk);
      this.reader.push(chunk);
    };
    socket.on('data', take);
    // The end of what the testee sends is the end of the connection: nothing that it could still receive would matter.
    socket.on('end', () => this.transportEnded('TCP closed by the testee'));
    socket.on('error', (error) => this.log.add('note', `TCP: ${error.message}`));
    socket.on('close', () => this.transportEnded('TCP closed'));
    // What came with the handshake is read behind the first step, as whatever comes later is.
    const script = this.runScript();
    if (rest.length > 0) take(rest);
    socket.resume();
    await script;
    await ended;
    return this.result();
  }

  private result(): CaseResult {
    const { closedBy, remoteCloseCode, hasDroppedTcp, echo, events, log } = this;
    const isClean = this.hasSentClose && this.hasReceivedClose && !this.hasTimedOut;
    const observation: Observation = {
      isHandshakeComplete: true,
      isCompressing: this.deflate !== undefined,
      events,
      echo,
      closedBy,
      isClean,
      remoteCloseCode,
      hasDroppedTcp: hasDroppedTcp && this.role === 'client',
      sentFrames: this.sender.sentFrames,
    };
    return {
      id: this.testCase.id,
      ...judge(this.testCase, observation),
      closedBy,
      isClean,
      remoteCloseCode,
      events: this.describeEvents(),
      received: events.map(logEvent),
      wireLog: log.entries,
      wireLogOmitted: log.omitted,
      wire: log.record,
      handshake: this.handshake,
      ending: this.ending(),
      ...timing(this.startedAt),
    };
  }

  private ending(): Ending {
    const { hasFailed, hasDroppedTcp, hasTimedOut, hasReceivedClose, sentCloseBody, remoteCloseReason } = this;
    return {
      hasFailed,
      // The server ends TCP (§7.1.1), whether it drops it or not.
      hasEndedTcp: hasDroppedTcp || (this.role === 'server' && hasReceivedClose),
      hasCloseTimedOut: hasTimedOut && !hasReceivedClose,
      hasDropTimedOut: hasTimedOut && hasReceivedClose,
      localCloseCode: sentCloseBody.length < 2 ? undefined : readCloseCode(sentCloseBody),
      localCloseReason: decodeText(sentCloseBody.subarray(2)),
      remoteCloseReason: decodeText(remoteCloseReason),
    };
  }

  private describeEvents(): string[] {
    if (this.testCase.expectation.kind === 'events') return this.events.map(describeEvent);
    return [`${this.echoes} message${this.echoes === 1 ? '' : 's'}`];
  }

  // ---- The script ------------------------------------------------------------------------------------------------

  private async runScript(): Promise<void> {
    if (this.testCase.wishes !== undefined && this.deflate === undefined) {
      this.startClosingHandshake(codeBody(CloseCode.NormalClosure));
      return;
    }
    for (const step of this.testCase.steps) {
      if (this.state === 'closed') return;
      if (step.do !== 'pause') {
        this.take(step);
        continue;
      }
      await this.pause(step.delayMs);
      if (step.tag === undefined) continue;
      if (this.state !== 'open') return;
      this.log.add('note', `point ${step.tag} of the script: the connection is still open`);
      this.record({ event: 'waited', tag: step.tag });
    }
  }

  private take(step: Exclude<Step, { do: 'pause' }>): void {
    const { sender } = this;
    if (step.do === 'frame') sender.frame(step);
    else if (step.do === 'frameHeader') sender.frameHeader(step.opcode, step.payloadLength);
    else if (step.do === 'framePart') sender.framePart(payloadBytes(step.payload));
    else if (step.do === 'corpusMessage') this.sendCorpusMessage(step.fragmentBytes);
    else if (step.do === 'close') this.startClosingHandshake(payloadBytes(step.body));
    else if (step.do === 'closeAfter') this.after(step.delayMs, () => this.startClosingHandshake(new Uint8Array(0)));
    else if (step.do === 'failAfter') {
      this.hasShortDeadline = step.delayMs <= SERVER_DROP_TIMEOUT_MS;
      this.after(step.delayMs, () => this.failConnection(CloseCode.GoingAway, 'out of time'));
    } else if (this.state === 'open') sender.message(step);
  }

  private sendCorpusMessage(fragmentBytes: number | undefined): void {
    const { expectation } = this.testCase;
    if (expectation.kind !== 'corpusLoop' || this.deflate === undefined) return;
    const { corpus, units, isBinary } = expectation;
    this.compressed ??= compressedMessages(corpus, units, this.deflate.sending);
    const index = this.messages - 1;
    const { length } = corpusOf(corpus).message(index, units);
    const send = (message: Uint8Array): void => {
      if (this.state === 'open') this.sender.compressedMessage(isBinary, message, length, fragmentBytes);
    };
    const compressed = this.compressed.at(index);
    if (compressed instanceof Uint8Array) send(compressed);
    else void compressed.then(send);
  }

  private after(delayMs: number, act: () => void): Deadline {
    const deadline = new Deadline(delayMs, act);
    this.deadlines.add(deadline);
    return deadline;
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
      this.socket.once('close', resolve);
    });
  }

  // ---- Closing ---------------------------------------------------------------------------------------------------

  private startClosingHandshake(body: Uint8Array): void {
    if (this.state !== 'open') return;
    this.state = 'closing';
    this.closedBy = 'fuzzer';
    this.sendClose(body);
    this.closeDeadline = this.after(CLOSE_HANDSHAKE_TIMEOUT_MS, () => {
      this.hasTimedOut = true;
      this.drop('no Close frame in answer within a second');
    });
  }

  private sendClose(body: Uint8Array): void {
    this.hasSentClose = true;
    this.sentCloseBody = body;
    this.sender.control(Opcode.Close, body);
  }

  /** §7.1.7 for this side; a second fault ends it for good. */
  private failConnection(statusCode: number, reason: string): void {
    this.hasFailed = true;
    this.log.add('note', `the fuzzer fails the connection: ${reason}`);
    if (this.state === 'open') this.startClosingHandshake(codeBody(statusCode));
    else this.drop('the closing handshake was under way already');
  }

  private drop(reason: string): void {
    if (this.state === 'closed') return;
    this.hasDroppedTcp = true;
    this.transportEnded(`TCP dropped by the fuzzer: ${reason}`);
  }

  private transportEnded(note: string): void {
    if (this.state === 'closed') return;
    this.leave(note);
    this.socket.destroy();
  }

  /** §7.1.1: the server closes TCP, and first, so that it is the one to hold TIME_WAIT. */
  private endTransport(): void {
    this.leave('TCP closed by the fuzzer');
    this.sender.end();
    const timer = setTimeout(() => this.socket.destroy(), SERVER_DROP_TIMEOUT_MS);
    this.socket.on('close', () => clearTimeout(timer));
  }

  private leave(note: string): void {
    this.state = 'closed';
    this.log.add('note', note);
    this.reader.stop();
    for (const deadline of this.deadlines) deadline.cancel();
    this.finish();
  }

  // ---- What the testee sends -------------------------------------------------------------------------------------

  message(payload: Uint8Array, isBinary: boolean): void {
    if (this.hasFailed) return;
    if (this.testCase.expectation.kind === 'events') this.record({ event: 'message', isBinary, payload });
    else this.compareEcho(payload, isBinary);
  }

  ping(payload: Uint8Array): void {
    if (this.state === 'open') this.sender.pong(payload);
  }

  /** Where no events are expected, Autobahn takes a pong for the last of them and closes. */
  pong(payload: Uint8Array): void {
    if (this.testCase.expectation.kind === 'events') this.record({ event: 'pong', payload });
    else this.startClosingHandshake(codeBody(CloseCode.NormalClosure));
  }

  close(statusCode: number | undefined, reason: Uint8Array): void {
    this.remoteCloseCode = statusCode;
    this.remoteCloseReason = reason;
    // Its breaches may have been the end.
    this.hasReceivedClose = this.state !== 'closed';
    if (this.state === 'closed') return;
    if (this.state === 'open') {
      this.state = 'closing';
      this.sendClose(codeBody(CloseCode.NormalClosure));
    }
    this.closeDeadline?.cancel();
    if (this.role === 'server') {
      this.endTransport();
      return;
    }
    if (this.hasShortDeadline) return;
    this.closeDeadline = this.after(SERVER_DROP_TIMEOUT_MS, () => {
      this.hasTimedOut = true;
      this.drop('the testee left TCP open for a second after the closing handshake');
    });
  }

  breach(closeCode: number, message: string): void {
    this.failConnection(closeCode, message);
  }

  corruption(message: string): void {
    this.drop(`a compressed message cannot be decompressed: ${message}`);
  }

  /** Events count until TCP is gone, also behind Close frames: pongs in any case, messages unless the fuzzer failed. */
  private record(event: RecordedEvent): void {
    if (this.events.length < MAX_EVENTS) this.events.push(event);
    const { expectation, closesWhenSatisfied, close } = this.testCase;
    if (!closesWhenSatisfied || expectation.kind !== 'events') return;
    if (areExpected(expectation.strict, this.events)) this.startClosingHandshake(codeBody(close.codes[0]!));
  }

  /**
   * Judges messages as they come, also behind the fuzzer's Close frame: the last one decides, but for group 9.1 to 9.6, where
   * one that is right is enough.
   */
  private compareEcho(payload: Uint8Array, isBinary: boolean): void {
    const { expectation, steps } = this.testCase;
    if (expectation.kind === 'events') return;
    this.echoes++;
    const isRight =
      this.hasAnythingToEcho && isBinary === expectation.isBinary && isEchoOf(expectation, this.messages - 1, payload);
    const count = expectation.kind === 'firstMessage' ? 1 : expectation.count;
    if (isRight && this.messages < count) {
      this.messages++;
      for (const step of steps)
        if (step.do === 'frame' || (step.do === 'corpusMessage' && this.state === 'open')) this.take(step);
      return;
    }
    if (isRight) this.echo = 'complete';
    else if (expectation.kind !== 'firstMessage' || this.echo === 'none') this.echo = 'wrong';
    this.startClosingHandshake(codeBody(CloseCode.NormalClosure));
  }

  /** Nothing is sent to a testee that has not agreed to compress. */
  private get hasAnythingToEcho(): boolean {
    return this.testCase.wishes === undefined || this.deflate !== undefined;
  }
}

function expectedEchoes({ corpus, units }: Extract<Expectation, { kind: 'corpusLoop' }>, receiving: DeflateDirection) {
  return { expectedBytes: units, expected: knownEchoes(corpus, units, receiving) };
}

/** Whether this is the echo of the `index`-th message: of group 9 the length decides. */
function isEchoOf(expectation: Exclude<Expectation, { kind: 'events' }>, index: number, payload: Uint8Array): boolean {
  if (expectation.kind !== 'corpusLoop') return payload.length === expectation.lengthBytes;
  return Buffer.compare(payload, corpusOf(expectation.corpus).message(index, expectation.units)) === 0;
}

const NO_BYTES = new Uint8Array(0);

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function codeBody(statusCode: number): Uint8Array {
  return Uint8Array.of(statusCode >>> 8, statusCode);
}

/** An event in words, for reports. */
function describeEvent(event: RecordedEvent): string {
  if (event.event === 'waited') return `still open at point ${event.tag}`;
  const type = event.event === 'pong' ? 'pong' : `${event.isBinary ? 'binary' : 'text'} message`;
  return `${type}, ${describeBytes(event.payload)}`;
}

function logEvent(event: RecordedEvent): LoggedEvent {
  if (event.event === 'waited') return ['timeout', event.tag];
  const payload = loggedText(event.payload);
  return event.event === 'pong' ? ['pong', payload] : ['message', payload, event.isBinary];
}
