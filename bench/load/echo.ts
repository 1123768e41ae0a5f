/** Echo, closed loop: each connection keeps a number of messages under way and sends one for each that has come back. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadConnection, openMany, READ_BYTES } from './connection.ts';
import type { EchoLoad, RunLoad, Target } from './contract.ts';
import { buildStream, type MessageStream } from './frames.ts';
import { meter } from './meter.ts';

/** Of the reads after a connection's first period, every so many-th is compared byte by byte; all are counted. */
const CHECK_INTERVAL = 32;
const DRAIN_TIMEOUT_MS = 20_000;

let reads = 0;

/** Counts the answers of one connection and compares them with what has to come. */
export class AnswerReader {
  received = 0;
  private readonly stream: MessageStream;
  private readonly periodBytes: number;

  constructor(stream: MessageStream) {
    this.stream = stream;
    this.periodBytes = stream.period * stream.answerBytes;
  }

  /** @returns how many answers are complete by now */
  take(bytes: Buffer, start: number, end: number): number {
    const { received, periodBytes, stream } = this;
    if (received < periodBytes || reads++ % CHECK_INTERVAL === 0) {
      const phase = received % periodBytes;
      if (bytes.compare(stream.answers, phase, phase + end - start, start, end) !== 0) {
        throw new Error(`The answers differ from what was sent, ${received} bytes after the handshake`);
      }
    }
    this.received = received + end - start;
    return Math.floor(this.received / stream.answerBytes);
  }
}

class EchoConnection {
  sent = 0;
  answers = 0;
  isStopping = false;
  readonly connection: LoadConnection;
  private readonly stream: MessageStream;
  private readonly reader: AnswerReader;

  constructor(connection: LoadConnection, stream: MessageStream) {
    this.connection = connection;
    this.stream = stream;
    this.reader = new AnswerReader(stream);
    connection.receive = (bytes, start, end) => this.receive(bytes, start, end);
  }

  get isDone(): boolean {
    return this.answers === this.sent && this.reader.received === this.sent * this.stream.answerBytes;
  }

  send(count: number): void {
    const { requests, requestBytes, period } = this.stream;
    const start = (this.sent % period) * requestBytes;
    this.sent += count;
    this.connection.write(requests.subarray(start, start + count * requestBytes));
  }

  private receive(bytes: Buffer, start: number, end: number): void {
    const answers = this.reader.take(bytes, start, end);
    const fresh = answers - this.answers;
    if (fresh === 0) return;
    this.answers = answers;
    if (!this.isStopping) this.send(fresh);
  }
}

export interface EchoTraffic {
  /** Answers so far. */
  count(): number;
  /** Waits for what is under way, and checks that nothing else came. */
  stop(): Promise<void>;
}

export async function startEcho(target: Target, load: Omit<EchoLoad, 'kind'>): Promise<EchoTraffic> {
  const { payloadBytes, connections, inFlight, isText = false } = load;
  const stream = buildStream({ payloadBytes, isText, burst: inFlight, isRaw: target.isRaw }, READ_BYTES);
  const echoes = (await openMany(target, connections)).map((connection) => new EchoConnection(connection, stream));
  for (const echo of echoes) echo.send(inFlight);
  return {
    count: () => echoes.reduce((sum, { answers }) => sum + answers, 0),
    async stop() {
      for (const echo of echoes) echo.isStopping = true;
      const deadline = performance.now() + DRAIN_TIMEOUT_MS;
      while (!echoes.every(({ isDone }) => isDone)) {
        if (performance.now() > deadline) throw new Error('answers are missing, or there are too many');
        await sleep(10);
      }
      for (const { connection } of echoes) connection.socket.destroy();
    },
  };
}

export const run: RunLoad<EchoLoad> = async (target, load, timing) => {
  const traffic = await startEcho(target, load);
  const figures = await meter(target, timing, traffic.count);
  await traffic.stop();
  return figures;
};
