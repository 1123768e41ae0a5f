/**
 * The fuzzer's sending half: takes the steps of a case, writes their frames, counts them and logs them. The caller
 * decides whether the connection is in a state to send.
 */

import type { Duplex } from 'node:stream';
import { FIN, maskReference, Opcode, type Role } from '../protocol/index.ts';
import { dataOpcode, type FrameStep, type Step } from './case.ts';
import { FrameEncoder, fragmentCount, rawFirstByte } from './frame-encoding.ts';
import { describeBytes, describePayload, payloadBytes } from './payload.ts';
import { SendQueue } from './send-queue.ts';
import { closeNote } from './testee-reader.ts';
import type { WireLog } from './wire-log.ts';

/** RFC 7692 §6.1: on the first frame of a message it says that the message is compressed. */
const RSV1_ONLY = 4;

export class FrameSender {
  /** How many frames the script has sent, by opcode. */
  readonly sentFrames = new Map<number, number>();
  private readonly queue: SendQueue;
  private readonly encoder: FrameEncoder;
  private readonly log: WireLog;
  /** Of the frame whose payload the script sends in parts. */
  private partMaskingKey: number | undefined;
  private partPosition = 0;
  private partBytesLeft = 0;
  private readonly waitingPongs: Uint8Array[] = [];

  constructor(socket: Duplex, role: Role, log: WireLog) {
    this.queue = new SendQueue(socket, (bytes) => log.octets('sent', bytes));
    this.encoder = new FrameEncoder(role);
    this.log = log;
  }

  /** Ends the connection's outgoing half behind what has been sent. */
  end(): void {
    this.queue.end();
  }

  frame({ opcode, fin, rsv, payload, chopBytes, isAlone }: FrameStep): void {
    const bytes = payloadBytes(payload);
    const note = chopBytes === undefined ? '' : `, written ${chopBytes} bytes at a time`;
    this.count(opcode, 1);
    this.log.frame('sent', { opcode, fin, rsv }, bytes, closeNote({ opcode }, bytes) + note, this.queue.totalBytes);
    const frame = this.encoder.frame(rawFirstByte(opcode, fin, rsv), bytes);
    if (chopBytes !== undefined || isAlone) this.queue.sendApart(frame, chopBytes);
    else this.queue.send(frame);
  }

  frameHeader(opcode: number, payloadLength: number): void {
    this.count(opcode, 1);
    this.say(`header of a text frame, FIN clear, ${payloadLength} bytes to follow`);
    const { bytes, maskingKey } = this.encoder.header(opcode, payloadLength);
    this.partMaskingKey = maskingKey;
    this.partPosition = 0;
    this.partBytesLeft = payloadLength;
    this.queue.sendApart(bytes);
  }

  framePart(part: Uint8Array): void {
    this.say(`part of the payload, ${describeBytes(part)}`);
    if (this.partMaskingKey !== undefined) maskReference(part, 0, part.length, this.partMaskingKey, this.partPosition);
    this.partPosition += part.length;
    this.partBytesLeft -= part.length;
    this.queue.sendApart(part);
    if (this.partBytesLeft === 0) for (const payload of this.waitingPongs.splice(0)) this.control(Opcode.Pong, payload);
  }

  /** §5.4: no frame stands inside another. Where the script sends a payload in parts, it waits for the last of them. */
  pong(payload: Uint8Array): void {
    if (this.partBytesLeft > 0) this.waitingPongs.push(payload);
    else this.control(Opcode.Pong, payload);
  }

  message({ isBinary, payload, fragmentBytes = payload.lengthBytes }: Step & { do: 'message' }): void {
    const count = fragmentCount(payload.lengthBytes, fragmentBytes);
    this.say(`${messageWords(isBinary)}, ${describePayload(payload)}${frameWords(count)}`);
    this.fragments(isBinary, 0, payloadBytes(payload), fragmentBytes);
  }

  /** A message that is compressed already. */
  compressedMessage(isBinary: boolean, compressed: Uint8Array, lengthBytes: number, fragmentBytes?: number): void {
    const maxFragmentBytes = fragmentBytes ?? compressed.length;
    const count = fragmentCount(compressed.length, maxFragmentBytes);
    const size = `${lengthBytes} bytes compressed to ${compressed.length}`;
    this.say(`${messageWords(isBinary)}, ${size}${frameWords(count)}`);
    this.fragments(isBinary, RSV1_ONLY, compressed, maxFragmentBytes);
  }

  control(opcode: number, payload: Uint8Array): void {
    const header = { opcode, fin: true, rsv: 0 };
    this.log.countFrames('sent', opcode, 1);
    this.log.frame('sent', header, payload, closeNote(header, payload), this.queue.totalBytes);
    this.queue.send(this.encoder.frame(FIN | opcode, payload));
  }

  private say(text: string): void {
    this.log.add('sent', text, this.queue.totalBytes);
  }

  private fragments(isBinary: boolean, rsv: number, payload: Uint8Array, fragmentBytes: number): void {
    const opcode = dataOpcode(isBinary);
    this.count(opcode, 1);
    this.count(Opcode.Continuation, fragmentCount(payload.length, fragmentBytes) - 1);
    this.queue.send(this.encoder.fragments(opcode, rsv, payload, fragmentBytes));
  }

  private count(opcode: number, frames: number): void {
    this.sentFrames.set(opcode, (this.sentFrames.get(opcode) ?? 0) + frames);
    this.log.countFrames('sent', opcode, frames);
  }
}

function messageWords(isBinary: boolean): string {
  return `${isBinary ? 'binary' : 'text'} message`;
}

function frameWords(count: number): string {
  return count === 1 ? '' : ` in ${count} frames`;
}
