/**
 * The fuzzer's end of one connection, as programs use it: writes any octets, and reads heads and frames without judging
 * them. Each wait ends: when nothing has come for the whole of the patience, the testee is said never to have answered.
 */

import { randomBytes, randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { acceptValue, generateKey } from '../../handshake/index.ts';
import {
  isControlOpcode,
  maskReference,
  Opcode,
  opcodeName,
  type Role,
  readCloseCode,
  readHeader,
} from '../../protocol/index.ts';
import { Deadline } from '../deadline.ts';
import { Inflater } from '../deflate.ts';
import type { HandshakeRecord } from '../dial.ts';
import { describeBytes } from '../payload.ts';
import { MAX_MESSAGE_BYTES } from '../testee-reader.ts';
import { WireLog } from '../wire-log.ts';
import { formatLines, type Head, type HeadChange, readHead, valuesOf } from './heads.ts';
import { Silence, Unexpected } from './outcome.ts';
import { type RawFrame, rawFrame } from './raw-frame.ts';

/** A frame of the testee, as it came; its payload unmasked. */
export interface PeerFrame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly maskingKey: number | undefined;
  readonly length7: number;
  readonly payload: Uint8Array;
}

/** A whole message, a pong, a Close frame, or the end of TCP. */
export interface PeerEvent {
  readonly type: 'text' | 'binary' | 'pong' | 'close' | 'end';
  readonly payload: Uint8Array;
}

export interface PeerOptions {
  /** The fuzzer's. */
  readonly role: Role;
  readonly socket: Duplex;
  /** Of the URL, when the testee is a server. */
  readonly host?: string;
  readonly target?: string;
  /** Further lines of each request, such as a cookie. */
  readonly requestLines?: readonly string[];
  /** The testee's request, when it is a client. */
  readonly request?: Head;
  /** What came behind it. */
  readonly rest?: Uint8Array;
  /** Where the testee, a client, has come to. */
  readonly port?: number;
  /** Keys of earlier requests, when the testee is a client. */
  readonly earlierKeys?: ReadonlySet<string>;
  /** Connects to the same server once more. */
  readonly connect?: () => Promise<Peer>;
  readonly patienceMs?: number;
  readonly log?: WireLog;
}

type FrameChange = Partial<Omit<RawFrame, 'opcode' | 'payload'>>;

const PATIENCE_MS = 5000;
const NOTHING = new Uint8Array(0);
/** Few enough that no testee runs out of patience, however busy the machine is. */
const DRIBBLED_BYTES = 8;
/** Of a head, for reports. */
const MAX_RECORDED_BYTES = 4096;
const ANY_DEFLATE = { windowBits: 15, keepsContext: true };

export class Peer {
  readonly role: Role;
  readonly log: WireLog;
  /** What has come, in words. */
  readonly seen: string[] = [];
  readonly request: Head | undefined;
  closeCode: number | undefined;
  hasSentClose = false;
  hasReceivedClose = false;
  /** Inflates what the testee compresses, in any way that it may have agreed to; a case puts a stricter one in its place. */
  inflater = new Inflater(ANY_DEFLATE, MAX_MESSAGE_BYTES);
  readonly #options: PeerOptions;
  readonly #socket: Duplex;
  readonly #key = generateKey((lengthBytes) => randomBytes(lengthBytes));
  readonly #others: Peer[] = [];
  /** The heads of both sides, as far as they have come, and which side's octets are frames by now. */
  #heads = { request: '', response: '' };
  #readsFrames: boolean;
  #writesFrames = false;
  #chunks: Uint8Array[] = [];
  #lengthBytes = 0;
  /** Of a message whose end is to come: pongs may stand between them. */
  #fragments: PeerFrame[] = [];
  #isEnded = false;
  #wake: () => void = () => {};

  constructor(options: PeerOptions) {
    const { role, socket, request, rest = NOTHING, log = new WireLog() } = options;
    this.#options = options;
    this.role = role;
    this.log = log;
    this.#readsFrames = role === 'server';
    this.#socket = socket;
    this.request = request;
    if (request !== undefined)
      this.#heads.request = [request.start, ...request.fields.map((field) => field.join(': '))].join('\r\n');
    if (rest.length > 0) this.#take(rest);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('end', () => this.#end('TCP ended'));
    socket.on('error', ({ message }) => this.#end(`TCP: ${message}`));
    socket.on('close', () => this.#end('TCP closed'));
    socket.resume();
  }

  // ---- Sending ---------------------------------------------------------------------------------------------------

  /** @returns whether the kernel has taken all of it, with the patience there is */
  write(bytes: Uint8Array, words = describeBytes(bytes)): Promise<boolean> {
    this.#logSent(words, bytes);
    return new Promise((resolve) => {
      const deadline = new Deadline(this.#patienceMs, () => resolve(false));
      this.#socket.write(bytes, (error) => {
        deadline.cancel();
        resolve(!error);
      });
    });
  }

  /** Octet by octet at its start and at its end, each a write in a turn of its own, and the middle in one. */
  async dribble(bytes: Uint8Array): Promise<void> {
    this.#logSent(`${describeBytes(bytes)}, octet by octet at both ends`, bytes);
    for (let at = 0; at < bytes.length && !this.#socket.destroyed; ) {
      const isMiddle = at === DRIBBLED_BYTES && bytes.length > 2 * DRIBBLED_BYTES;
      const end = isMiddle ? bytes.length - DRIBBLED_BYTES : at + 1;
      await new Promise((resolve) => this.#socket.write(bytes.subarray(at, end), resolve));
      await this.turn();
      at = end;
    }
  }

  #logSent(words: string, bytes: Uint8Array): void {
    this.log.add('sent', words);
    if (this.#writesFrames) this.log.octets('sent', bytes);
    // The first that a server writes is its answer.
    if (this.role === 'server') this.#writesFrames = true;
  }

  /** A turn of the event loop, in which sockets are read: what is written behind it is likely to arrive by itself. */
  async turn(): Promise<void> {
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }

  /** A frame as this role masks it, unless the change says otherwise: with a key whose highest bit is clear, which is a case of its own. */
  frame(opcode: number, payload: Uint8Array, change: FrameChange = {}): Uint8Array {
    const maskingKey = this.role === 'client' ? randomInt(1, 2 ** 31) : undefined;
    return rawFrame({ opcode, payload, maskingKey, ...change });
  }

  async send(opcode: number, payload: Uint8Array, change: FrameChange = {}): Promise<void> {
    const { fin = true, rsv = 0 } = change;
    if (opcode === Opcode.Close) this.hasSentClose = true;
    const flags = `${fin ? '' : ', FIN clear'}${rsv === 0 ? '' : `, RSV ${rsv.toString(2).padStart(3, '0')}`}`;
    await this.write(this.frame(opcode, payload, change), `${opcodeName(opcode)}${flags}, ${describeBytes(payload)}`);
  }

  /** The request (§4.1) of this connection, when the testee is a server. */
  requestBytes(change: HeadChange = {}): Buffer {
    const { host = '', target = '/', requestLines = [] } = this.#options;
    const lines = [
      `GET ${target} HTTP/1.1`,
      `Host: ${host}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${this.#key}`,
      'Sec-WebSocket-Version: 13',
      ...requestLines,
    ];
    return this.#recorded('request', formatLines(lines, change));
  }

  /** The answer (§4.2.2) to the testee's request. */
  responseBytes(change: HeadChange = {}): Buffer {
    const lines = [
      'HTTP/1.1 101 Switching Protocols',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${this.accept}`,
    ];
    return this.#recorded('response', formatLines(lines, change));
  }

  #recorded(side: 'request' | 'response', head: Buffer): Buffer {
    this.#heads[side] = head.toString('latin1', 0, MAX_RECORDED_BYTES);
    return head;
  }

  get handshake(): HandshakeRecord {
    return this.#heads;
  }

  /** What has to stand in Sec-WebSocket-Accept. */
  get accept(): string {
    const [key = ''] = this.request === undefined ? [this.#key] : valuesOf(this.request, 'sec-websocket-key');
    return acceptValue(key);
  }

  get key(): string {
    return this.#key;
  }

  get port(): number {
    return this.#options.port ?? 0;
  }

  get earlierKeys(): ReadonlySet<string> {
    return this.#options.earlierKeys ?? new Set();
  }

  get host(): string {
    return this.#options.host ?? '';
  }

  get target(): string {
    return this.#options.target ?? '/';
  }

  /** Sends FIN: nothing more follows. */
  end(): void {
    this.log.add('sent', 'FIN');
    this.#socket.end();
  }

  /** Reads nothing until `resume`. */
  pause(): void {
    this.log.add('note', 'the fuzzer stops reading');
    this.#socket.pause();
  }

  resume(): void {
    this.log.add('note', 'the fuzzer reads on');
    this.#socket.resume();
  }

  /** Drops the connection, and those that `another` made. */
  destroy(): void {
    this.#socket.destroy();
    for (const peer of this.#others) peer.destroy();
  }

  /** Resets the connection, where the transport can. */
  reset(): void {
    this.log.add('sent', 'RST');
    const { resetAndDestroy } = this.#socket as Duplex & { resetAndDestroy?: () => void };
    if (resetAndDestroy !== undefined) resetAndDestroy.call(this.#socket);
    else this.#socket.destroy();
  }

  /** A connection more to the same server. */
  async another(): Promise<Peer> {
    const peer = await this.#options.connect!();
    this.#others.push(peer);
    return peer;
  }

  // ---- Receiving -------------------------------------------------------------------------------------------------

  /** Whether something of the testee waits to be read, or TCP has ended. */
  get hasNews(): boolean {
    return this.#lengthBytes > 0 || this.#isEnded;
  }

  /** The head of a response; undefined when TCP ends without one. */
  async head(): Promise<Head | undefined> {
    for (let wanted = 1; await this.#fill(wanted); wanted = this.#lengthBytes + 1) {
      const head = readHead(this.#chunks[0]!);
      if (head === undefined) continue;
      this.#recorded('response', Buffer.from(this.#chunks[0]!.subarray(0, head.lengthBytes)));
      this.#drop(head.lengthBytes);
      this.#see(head.start);
      [this.#readsFrames, this.#writesFrames] = [true, true];
      for (const chunk of this.#chunks) this.log.octets('received', chunk);
      return head;
    }
    return undefined;
  }

  /** The next frame; undefined at the end of TCP, also within a frame. */
  async nextFrame(): Promise<PeerFrame | undefined> {
    let wanted = 2;
    while (await this.#fill(wanted)) {
      const header = readHeader(this.#chunks[0]!);
      if (header === 'more' || !header.isHeaderWhole) {
        wanted++;
        continue;
      }
      const { payloadLength = 0, headerLength, maskingKey } = header;
      if (payloadLength > MAX_MESSAGE_BYTES) throw new Unexpected(`a frame of ${payloadLength} bytes came`);
      if (!(await this.#fill(headerLength + payloadLength))) return undefined;
      const payload = Uint8Array.from(this.#chunks[0]!.subarray(headerLength, headerLength + payloadLength));
      this.#drop(headerLength + payloadLength);
      if (maskingKey !== undefined) maskReference(payload, 0, payload.length, maskingKey);
      this.log.frame('received', header, payload);
      return { ...header, payload };
    }
    return undefined;
  }

  /** The next message, pong, Close frame or end. Pings are answered on the way. */
  async next(): Promise<PeerEvent> {
    for (;;) {
      const frame = await this.nextFrame();
      if (frame === undefined) return this.#event('end', NOTHING);
      const { opcode, payload } = frame;
      if (opcode === Opcode.Ping) await this.send(Opcode.Pong, payload);
      else if (opcode === Opcode.Pong) return this.#event('pong', payload);
      else if (opcode === Opcode.Close) {
        this.hasReceivedClose = true;
        this.closeCode = payload.length < 2 ? undefined : readCloseCode(payload);
        return this.#event('close', payload);
      } else if (!isControlOpcode(opcode)) {
        this.#fragments.push(frame);
        if (!frame.fin) continue;
        const [first = frame, ...others] = this.#fragments;
        this.#fragments = [];
        const whole = others.length === 0 ? payload : Buffer.concat([first, ...others].map((part) => part.payload));
        const message = (first.rsv & 4) === 0 ? whole : this.#inflate(whole);
        return this.#event(first.opcode === Opcode.Binary ? 'binary' : 'text', message);
      }
    }
  }

  /** The same; undefined when nothing comes as long as there is patience. */
  async nextIfAny(): Promise<PeerEvent | undefined> {
    try {
      return await this.next();
    } catch (error) {
      if (error instanceof Silence) return undefined;
      throw error;
    }
  }

  #inflate(payload: Uint8Array): Uint8Array {
    try {
      return this.inflater.decompress([payload], 0);
    } catch (error) {
      throw new Unexpected(`a message came that cannot be inflated: ${(error as Error).message}`);
    }
  }

  #event(type: PeerEvent['type'], payload: Uint8Array): PeerEvent {
    const code = type === 'close' && this.closeCode !== undefined ? ` ${this.closeCode}` : '';
    this.#see(type === 'end' ? 'TCP ended' : `${type}${code}, ${describeBytes(payload)}`);
    return { type, payload };
  }

  #see(words: string): void {
    if (this.seen.length < 20) this.seen.push(words);
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  #take(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#lengthBytes += chunk.length;
    if (this.#readsFrames) this.log.octets('received', chunk);
    this.#wake();
  }

  #end(note: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.log.add('note', note);
    this.#wake();
  }

  /** Waits for so many bytes, which then stand in one chunk. @returns false when TCP ends before */
  async #fill(lengthBytes: number): Promise<boolean> {
    while (this.#lengthBytes < lengthBytes) {
      if (this.#isEnded) return false;
      await this.#news();
    }
    if (this.#chunks[0]!.length < lengthBytes) this.#chunks = [Buffer.concat(this.#chunks)];
    return true;
  }

  #news(): Promise<void> {
    return new Promise((resolve, reject) => {
      const seconds = this.#patienceMs / 1000;
      const deadline = new Deadline(this.#patienceMs, () => reject(new Silence(`nothing came for ${seconds} s`)));
      this.#wake = () => {
        deadline.cancel();
        resolve();
      };
    });
  }

  #drop(lengthBytes: number): void {
    const [first = NOTHING, ...others] = this.#chunks;
    this.#lengthBytes -= lengthBytes;
    this.#chunks = first.length === lengthBytes ? others : [first.subarray(lengthBytes), ...others];
  }
}
