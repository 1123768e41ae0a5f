/**
 * Echo of compressed JSON text, one message in flight on each connection: frames made beforehand, answers counted by
 * their headers; some of each connection's answers are inflated and compared.
 */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import {
  type Chunk,
  encodeFrame,
  FIN,
  type FrameHeader,
  FrameParser,
  Opcode,
  RSV1,
  resolveLimits,
} from '../../src/protocol/index.ts';
import { jsonPayload } from '../support/json-payload.ts';
import { type LoadConnection, openMany } from './connection.ts';
import type { DeflateLoad, RunLoad } from './contract.ts';
import { meter } from './meter.ts';

const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);
const WINDOW_BYTES = 32_768;
/** The first answers of each connection are inflated, and then every so many-th. */
const CHECKED_FIRST = 2;
const CHECK_INTERVAL = 512;

/** Messages that differ, compressed each for itself: more than a window of them, or a kept context would know them all. */
interface Messages {
  readonly texts: readonly Buffer[];
  readonly requests: readonly Uint8Array[];
}

function buildMessages({ payloadBytes, windowBits }: DeflateLoad): Messages {
  const count = Math.max(4, Math.ceil((2 * WINDOW_BYTES) / payloadBytes));
  const texts = Array.from({ length: count }, (_, i) => Buffer.from(jsonPayload(payloadBytes, 1 + i * payloadBytes)));
  const requests = texts.map((text) => {
    const compressed = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH, windowBits });
    return encodeFrame(FIN | RSV1 | Opcode.Text, compressed.subarray(0, -TAIL.length), 0x37fa213d);
  });
  return { texts, requests };
}

class DeflateConnection {
  answers = 0;
  private readonly connection: LoadConnection;
  private readonly messages: Messages;
  private readonly pieces: Buffer[] = [];
  private readonly parser: FrameParser;

  constructor(connection: LoadConnection, messages: Messages) {
    this.connection = connection;
    this.messages = messages;
    const limits = resolveLimits({ maxMessageBytes: 2 ** 24 });
    this.parser = new FrameParser(this, { role: 'client', limits, allowsRsv1: true });
    connection.receive = (bytes, start, end) => this.parser.push(bytes.subarray(start, end));
    this.send();
  }

  framePart(header: FrameHeader, { bytes }: Chunk, start: number, end: number): void {
    if (!header.rsv1 || !header.fin) throw new Error('an answer is not one compressed frame');
    if (this.isChecked) this.pieces.push(Buffer.from(bytes.subarray(start, end)));
    if (header.position + end - start < header.payloadLength) return;
    if (this.isChecked) this.check();
    this.answers++;
    this.send();
  }

  violation(id: string): void {
    throw new Error(id);
  }

  private send(): void {
    const { requests } = this.messages;
    this.connection.write(requests[this.answers % requests.length]!);
  }

  private get isChecked(): boolean {
    return this.answers < CHECKED_FIRST || this.answers % CHECK_INTERVAL === 0;
  }

  /** RFC 7692 §7.2.2: a context that is kept holds the answers before. */
  private check(): void {
    const { texts } = this.messages;
    const textAt = (answer: number) => texts[answer % texts.length]!;
    const known = Math.min(this.answers, Math.ceil(WINDOW_BYTES / textAt(0).length));
    const before = Array.from({ length: known }, (_, i) => textAt(this.answers - known + i));
    const dictionary = Buffer.concat(before).subarray(-WINDOW_BYTES);
    const options = { finishFlush: constants.Z_SYNC_FLUSH, ...(known > 0 && { dictionary }) };
    const text = inflateRawSync(Buffer.concat([...this.pieces, TAIL]), options);
    if (!text.equals(textAt(this.answers))) throw new Error('an answer differs from what was sent');
    this.pieces.length = 0;
  }
}

export const run: RunLoad<DeflateLoad> = async (target, load, timing) => {
  const messages = buildMessages(load);
  const opened = await openMany(target, load.connections, load.offer);
  const connections = opened.map((connection) => new DeflateConnection(connection, messages));
  return await meter(target, timing, () => connections.reduce((sum, { answers }) => sum + answers, 0));
};
