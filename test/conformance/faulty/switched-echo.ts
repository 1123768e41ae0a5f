/**
 * An echo server and an echo client that keep to RFC 6455, RFC 7692 and HTTP, and have a switch for each fault that the
 * cases with programs are about: with it they differ in that one thing.
 */

import { isUtf8 } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import type { SwitchedFault } from './switched-faults.ts';
import { type Has, judgeAnswer, judgeRequest, requestOf, type Terms } from './switched-handshake.ts';

export interface SwitchedServer {
  readonly port: number;
  close(): Promise<void>;
}

/** What the connections of a server share. */
interface World {
  readonly connections: Set<Connection>;
  /** After a crash nobody is served any more. */
  hasCrashed: boolean;
  announcedBytes: number;
}

export async function startSwitchedServer(fault?: SwitchedFault): Promise<SwitchedServer> {
  const world: World = { connections: new Set(), hasCrashed: false, announcedBytes: 0 };
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new Connection(socket, 'server', world, (name) => name === fault).start();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Connects and echoes until TCP is gone. */
export function runSwitchedClient(url: string, fault?: SwitchedFault): Promise<void> {
  const parsed = new URL(url);
  return new Promise((resolve) => {
    const options = { host: parsed.hostname, port: Number(parsed.port), noDelay: true, allowHalfOpen: true };
    const socket = connect(options);
    const world: World = { connections: new Set(), hasCrashed: false, announcedBytes: 0 };
    const connection = new Connection(socket, 'client', world, (name) => name === fault);
    socket.on('close', () => resolve());
    connection.request(parsed);
    connection.start();
  });
}

interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly key: Buffer;
  readonly length: number;
  readonly headerLength: number;
}

const [CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG] = [0, 1, 2, 8, 9, 10];
const NAMES: Readonly<Record<number, string>> = {
  0: 'continuation',
  1: 'text',
  2: 'binary',
  8: 'close',
  9: 'ping',
  10: 'pong',
};
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;
const MAX_FRAGMENTS = 50_000;
/** Of a message that has no limit. */
const MAX_KEPT_BYTES = 1024 * 1024;
/** The same of one that is compressed: less than a fragment of it. */
const MAX_KEPT_OF_BOMB_BYTES = 500;
const TAIL = Buffer.of(0, 0, 0xff, 0xff);
const NONE = Buffer.alloc(0);

class Connection {
  private readonly socket: Socket;
  private readonly role: 'server' | 'client';
  private readonly world: World;
  private readonly has: Has;
  private key = '';
  private state: 'head' | 'open' | 'done' = 'head';
  private pending: Buffer = NONE;
  /** In how many reads the frame at hand has come. */
  private reads = 0;
  private terms: Terms | undefined;
  /** Of the message that is open. */
  private opcode: number | undefined;
  private rsv = 0;
  private parts: Buffer[] = [];
  private partBytes = 0;
  private fragments = 0;
  private hasSentClose = false;
  private hasFrames = false;
  private inflateHistory: Buffer = NONE;
  private deflateHistory: Buffer = NONE;
  private wasCompressed = false;
  private nextKey = 0x01020304;
  private held: Buffer | undefined;

  constructor(socket: Socket, role: 'server' | 'client', world: World, has: Has) {
    this.socket = socket;
    this.role = role;
    this.world = world;
    this.has = has;
  }

  start(): void {
    const { socket, world } = this;
    if (world.hasCrashed) {
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    world.connections.add(this);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.endReceived());
    socket.on('error', () => {
      if (this.has(this.hasFrames ? 'resetCrash' : 'earlyResetCrash')) this.crash();
      socket.destroy();
    });
    socket.on('close', () => world.connections.delete(this));
  }

  request(url: URL): void {
    const { key, text } = requestOf(url, randomBytes(16).toString('base64'), this.has);
    this.key = key;
    this.socket.write(text, 'latin1');
  }

  /** Whether what goes on at another connection keeps this one from being served. */
  private get isLocked(): boolean {
    const others = [...this.world.connections].filter((other) => other !== this);
    return (
      (this.has('oneMessageAtATime') && others.some((other) => other.isWithinShortFrame)) ||
      (this.has('oneRequestAtATime') && others.some((other) => other.isWithinHead)) ||
      (this.has('oneBacklogAtATime') && others.some((other) => other.isLarge))
    );
  }

  private get isWithinHead(): boolean {
    return this.state === 'head' && this.pending.length > 0;
  }

  private get isWithinShortFrame(): boolean {
    return this.state === 'open' && this.pending.length > 1 && (this.pending[1]! & 0x7f) < 126;
  }

  /** Whether a frame of 64 KiB has begun here. */
  private isLarge = false;

  private crash(): void {
    this.world.hasCrashed = true;
    for (const { socket } of this.world.connections) socket.destroy();
  }

  /** A server is gone then; a client answers nothing any more, which takes as long to show as there is patience. */
  private stall(): void {
    if (this.role === 'server') this.crash();
    else this.state = 'done';
  }

  private receive(chunk: Buffer): void {
    if (this.world.hasCrashed) {
      this.socket.destroy();
      return;
    }
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    this.reads++;
    if (this.state === 'head') this.readHead();
    this.readFrames(chunk);
  }

  // ---- The head --------------------------------------------------------------------------------------------------

  private readHead(): void {
    const text = this.pending.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    const isOneReadOnly = this.has(this.role === 'server' ? 'headInOneReadOnly' : 'answerInOneReadOnly');
    const maxBytes = this.has('largeFieldAccepted') ? 2 * 1024 * 1024 : MAX_HEAD_BYTES;
    const isTooLong = text.length > maxBytes && !(end === -1 && this.has('endlessHeadRead'));
    if (isTooLong || (end === -1 && isOneReadOnly) || /(?:^|[^\r])\n/.test(text.slice(0, end === -1 ? 2000 : end))) {
      this.refuse(isTooLong ? 431 : 400);
      return;
    }
    if (end === -1) return;
    this.pending = this.pending.subarray(end + 4);
    if (this.role === 'server') this.takeRequest(text.slice(0, end));
    else this.takeAnswer(text.slice(0, end));
  }

  private takeRequest(text: string): void {
    const judged = judgeRequest(text, this.has, () => this.crash());
    if (this.world.hasCrashed) return;
    if (this.isLocked) {
      this.refuse(503);
      return;
    }
    if ('status' in judged) {
      this.refuse(judged.status, judged.lines);
      return;
    }
    this.socket.write(`${judged.lines.join('\r\n')}\r\n\r\n`, 'latin1');
    const isWhole = this.pending.length > 4;
    if (this.has(isWhole ? 'earlyFrameLost' : 'earlyHalfFrameLost')) this.pending = NONE;
    this.open(judged.deflate);
  }

  private takeAnswer(text: string): void {
    const judged = judgeAnswer(text, this.key, this.has);
    if (judged === 'interim') {
      this.readHead();
      return;
    }
    if (judged === undefined) {
      this.state = 'done';
      this.socket.destroy();
      return;
    }
    const rest = this.pending.toString('latin1');
    const isLost =
      (this.has('earlyMessageLost') && rest.includes('early')) ||
      (this.has('earlyHalfMessageLost') && rest.startsWith('\x81\x05a')) ||
      (this.has('earlyCloseLost') && rest.startsWith('\x88\x02\x03\xe9'));
    if (isLost) this.pending = NONE;
    if (this.has('bodyOf101Read') && /content-length: 7/i.test(text)) this.pending = this.pending.subarray(7);
    this.open(judged.deflate);
  }

  private open(terms: Terms | undefined): void {
    this.state = 'open';
    this.terms = terms;
    this.reads = 1;
  }

  private refuse(status: number, lines: readonly string[] = []): void {
    this.state = 'done';
    if (this.role === 'server') {
      this.socket.end(
        [`HTTP/1.1 ${status} No`, 'Content-Length: 0', 'Connection: close', ...lines, '', ''].join('\r\n'),
      );
    } else this.socket.destroy();
  }

  // ---- Frames ----------------------------------------------------------------------------------------------------

  private readFrames(chunk: Buffer): void {
    const framesInRead = { hasMessage: false };
    while (this.state === 'open') {
      const { pending, has } = this;
      const frame = this.readHeader();
      if (frame === undefined) break;
      if (!this.isAcceptable(frame)) {
        this.fail(1002);
        break;
      }
      const announced = this.announce(frame);
      if (announced === 'fail') {
        this.fail(1009);
        break;
      }
      const { headerLength, opcode, length } = frame;
      if (pending.length - headerLength < length) {
        if (opcode === CLOSE && has('cutCloseLost')) this.socket.destroy();
        break;
      }
      this.hasFrames = true;
      const payload = this.unmask(frame, pending.subarray(headerLength, headerLength + length));
      this.pending = pending.subarray(headerLength + length);
      if (has('longZeroLost') && length === 0 && headerLength - frame.key.length > 2) continue;
      const reads = this.reads;
      this.reads = this.pending.length > 0 ? 1 : 0;
      this.take(frame, payload, reads, framesInRead);
      if (this.pending.length === 1 && has('cutSecondHeaderLost') && chunk.length > 1) this.pending = NONE;
    }
    if (this.state === 'done') this.pending = NONE;
  }

  private readHeader(): Frame | undefined {
    const bytes = this.pending;
    if (bytes.length < 2) return undefined;
    const length7 = bytes[1]! & 0x7f;
    const masked = (bytes[1]! & 0x80) !== 0;
    const lengthBytes = length7 === 127 ? 8 : length7 === 126 ? 2 : 0;
    const headerLength = 2 + lengthBytes + (masked ? 4 : 0);
    if (bytes.length < 2 + lengthBytes && lengthBytes > 0) {
      if (this.has(lengthBytes === 2 ? 'cut16Lost' : 'cut64Lost')) this.fail(1002);
      return undefined;
    }
    if (bytes.length < headerLength) return undefined;
    return {
      fin: (bytes[0]! & 0x80) !== 0,
      rsv: (bytes[0]! >>> 4) & 7,
      opcode: bytes[0]! & 0xf,
      masked,
      key: masked ? bytes.subarray(headerLength - 4, headerLength) : NONE,
      length: this.readLength(bytes, lengthBytes, length7),
      headerLength,
    };
  }

  private readLength(bytes: Buffer, lengthBytes: number, length7: number): number {
    if (lengthBytes === 0) return length7;
    if (lengthBytes === 2) {
      const length = bytes.readUInt16BE(2);
      return this.has('long16ReadAsNone') && length > 0 && length < 126 ? 0 : length;
    }
    const length = bytes.readBigUInt64BE(2);
    if (this.has('long64ReadAsNone') && length < 126n) return 0;
    if (this.has('long64CutTo8Bits') && length < 65_536n) return Number(length & 0xffn);
    if (this.has('topBitIgnored') && length > 2n ** 63n) return Number(length - 2n ** 63n);
    if (this.has('high32Ignored') && length >> 32n === 1n) return Number(length & 0xffff_ffffn);
    return Number(length);
  }

  /** Whether it keeps to the rules of headers. */
  private isAcceptable({ fin, rsv, opcode, masked, key, length }: Frame): boolean {
    const { has, role, terms } = this;
    const isControl = opcode >= 8;
    const name = NAMES[opcode];
    if (name === undefined) return false;
    const isEmptyData = !isControl && length === 0;
    const maskFault = `${isEmptyData ? 'empty' : name}WithAnyMask` as SwitchedFault;
    if (masked !== (role === 'server') && !has(maskFault)) return false;
    if (masked && opcode === TEXT && key.readUInt32BE() === 0 && has('zeroKeyRefused')) return false;
    if (opcode === PING && rsv !== 0 && has(terms ? 'rsv1OnPingAccepted' : 'rsvOnPingAccepted')) return true;
    if (opcode === PONG && rsv !== 0 && has(terms ? 'rsv1OnPongAccepted' : 'rsvOnPongAccepted')) return true;
    if (opcode === PONG && !fin && has('fragmentedPongAccepted')) return true;
    if (opcode === CLOSE && !fin && has('fragmentedCloseAccepted')) return true;
    if (opcode === PONG && length > 125 && has('longPongAccepted')) return true;
    if (isControl) return fin && rsv === 0 && length < 126;
    const isContinuation = opcode === CONTINUATION;
    const mayBeCompressed = terms !== undefined && !isContinuation;
    const isRsvAccepted =
      rsv === 0 ||
      (rsv === 4 && mayBeCompressed) ||
      (rsv === 6 && mayBeCompressed && has('rsv2BesideAccepted')) ||
      (isContinuation && terms !== undefined && has('rsv1OnContinuationAccepted')) ||
      (isContinuation && terms === undefined && has('rsvOnContinuationAccepted'));
    if (length === 0 && rsv === 4 && !fin && has('emptyFragmentRefused')) return false;
    const isExpected = isContinuation === (this.opcode !== undefined);
    return isRsvAccepted && (isExpected || (isContinuation && has('messageStaysOpen')));
  }

  /** What an announced length comes to, before the payload is there. */
  private announce({ length, opcode, fin, rsv }: Frame): 'fail' | 'wait' {
    const { has, world } = this;
    if (length === 65_536 && opcode === BINARY) this.isLarge = true;
    if (length === 16 * 1024 * 1024 && has('announcedAllocated')) {
      world.announcedBytes += length;
      if (world.announcedBytes > 1024 ** 3) this.crash();
    }
    const isAwaited =
      (has('hugeAwaited') && length === 2 ** 62) ||
      (has('inexactAwaited') && length > 2 ** 52 && length < 2 ** 54) ||
      (has('noMessageLimit') && length < 2 ** 24 && rsv === 0);
    const isBomb = has('fragmentedBombInflated') && this.rsv === 4;
    if (isAwaited || isBomb) {
      if (this.partBytes > (isBomb ? MAX_KEPT_OF_BOMB_BYTES : MAX_KEPT_BYTES)) [this.parts, this.partBytes] = [[], 0];
      return 'wait';
    }
    const isManyFragments = !fin && ++this.fragments > MAX_FRAGMENTS;
    if (isManyFragments && has('manyFragmentsCrash')) {
      this.stall();
      return 'wait';
    }
    return this.partBytes + length > MAX_MESSAGE_BYTES || isManyFragments ? 'fail' : 'wait';
  }

  private unmask({ masked, key, opcode, length }: Frame, bytes: Buffer): Buffer {
    const payload = Buffer.from(bytes);
    if (!masked) return payload;
    const { has } = this;
    const isThird = opcode === CONTINUATION && this.opcode === TEXT && this.parts.length === 2;
    const used = isThird && has('keyOfThirdFragmentIgnored') ? NONE : key;
    if (used.length === 0 || (length === 11 && has('elevenBytesWrong'))) return payload;
    if (key[0]! >= 0x80 && has('highKeySigned')) return payload;
    // Payload of one octet a read: each read starts with the first octet of the key.
    const isRestarted = has('maskRestartsWithRead') && opcode === BINARY && length < 64 && this.reads > 2;
    const end = has('maskEndsAt32KiB') && opcode === BINARY ? Math.min(length, 32_768) : length;
    for (let i = 0; i < end; i++) payload[i]! ^= key[isRestarted ? 0 : i & 3]!;
    return payload;
  }

  private take({ opcode, fin, rsv }: Frame, payload: Buffer, reads: number, read: { hasMessage: boolean }): void {
    if (opcode === PING) this.answerPing(payload);
    else if (opcode === PONG) {
      if (this.has('pongAnswered')) this.send(PONG, payload);
    } else if (opcode === CLOSE) this.answerClose(payload, read.hasMessage);
    else this.takeData(opcode, fin, rsv, payload, reads, read);
  }

  private takeData(
    opcode: number,
    fin: boolean,
    rsv: number,
    payload: Buffer,
    reads: number,
    read: { hasMessage: boolean },
  ): void {
    if (opcode !== CONTINUATION) [this.opcode, this.rsv, this.parts, this.partBytes] = [opcode, rsv, [], 0];
    this.parts.push(payload);
    this.partBytes += payload.length;
    if (!fin) return;
    const isCompressed = (this.rsv & 4) !== 0;
    const [type, count, joined] = [this.opcode ?? TEXT, this.parts.length, Buffer.concat(this.parts)];
    this.opcode = undefined;
    [this.parts, this.partBytes, this.fragments] = [[], 0, 0];
    const message = isCompressed ? this.inflate(joined, count) : joined;
    if (!isCompressed && this.has('plainInContext')) this.inflateHistory = Buffer.concat([this.inflateHistory, joined]);
    this.wasCompressed = isCompressed;
    if (message === undefined || this.state !== 'open') return;
    read.hasMessage = true;
    this.takeMessage(type, message, { isCompressed, count, reads });
  }

  private takeMessage(
    opcode: number,
    message: Buffer,
    { isCompressed, count, reads }: { isCompressed: boolean; count: number; reads: number },
  ): void {
    const { has } = this;
    const isUnchecked = has(isCompressed ? 'compressedTextUnchecked' : 'textEndUnchecked');
    const isChecked = opcode === TEXT ? !isUnchecked : count === 2 && !isCompressed && has('binaryTakenForText');
    if (isChecked && !isUtf8(message)) {
      this.fail(1007);
      return;
    }
    const text = message.toString('latin1');
    const isLost =
      (has('slowMessageLost') && text.startsWith('slowly') && reads > 10) ||
      (has('hundredthLost') && text === 'message 99') ||
      (has('backlogCut') && opcode === BINARY && message.length === 65_536 && message.readUInt32BE() === 77);
    if (isLost) return;
    if (has('messagesSwapped') && text === 'number 7') {
      this.held = message;
      return;
    }
    this.echo(opcode, this.mangled(opcode, message, text));
    if (has('messagesSwapped') && text === 'number 8') this.echo(opcode, this.held!);
  }

  private mangled(opcode: number, message: Buffer, text: string): Buffer {
    const { has } = this;
    if (has('markStripped') && text.startsWith('\xef\xbb\xbf')) return message.subarray(3);
    if (has('nulStripped') && opcode === TEXT) return Buffer.from(text.replaceAll('\0', ''), 'latin1');
    if (has('connectionsMixedUp') && text === 'connection 7') return Buffer.from('connection 8');
    return message;
  }

  private answerPing(payload: Buffer): void {
    const { has, terms } = this;
    const text = payload.toString('latin1');
    const isForgotten =
      (has('pingForgetsMessage') && this.rsv === 0 && this.opcode === BINARY) ||
      (has('pingForgetsCompressed') && this.rsv !== 0);
    if (isForgotten) [this.parts, this.partBytes] = [[], 0];
    if (has('pingResetsUtf8') && this.opcode === TEXT && !isUtf8(Buffer.concat(this.parts))) {
      this.fail(1007);
      return;
    }
    if ((has('pongBehindBacklogLost') && text === 'behind') || (has('pongsSwapped') && text === '101')) return;
    const isText = has('pongAsText') && !isUtf8(payload);
    const answer = isText ? Buffer.from(payload.toString()).subarray(0, 125) : payload;
    this.send(PONG, answer, terms && has('rsv1OnPongSent') ? 4 : 0);
    if (has('pongsSwapped') && text === '102') this.send(PONG, Buffer.from('101'));
  }

  private answerClose(body: Buffer, hasMessage: boolean): void {
    const { has, socket, pending } = this;
    const code = body.length < 2 ? undefined : body.readUInt16BE();
    const isUnanswered =
      (has('closeBehindMessageLost') && hasMessage) || (has('emptyCloseUnanswered') && body.length === 0);
    if (isUnanswered) {
      this.state = 'done';
      socket.end();
      return;
    }
    const isBadReason = code !== undefined && !isUtf8(body.subarray(2));
    const isSentBack = (has('oneByteSentBack') && body.length === 1) || (has('badReasonSentBack') && isBadReason);
    if (isSentBack) this.close(body);
    else if (body.length === 1) this.fail(1002);
    else if (isBadReason) this.fail(1007);
    else this.hasAnsweredClose = true;
    if (this.hasAnsweredClose)
      this.close(code === 3456 && has('codeInvented') ? Buffer.of(3, 243) : body.subarray(0, 2));
    // A frame behind the Close frame: only a fault looks at it.
    if (has('echoesBehindClose') && pending.length > 0) this.socket.write(this.encode(TEXT, Buffer.from('hello'), 0));
  }

  private fail(code: number): void {
    const [first = 0] = this.pending;
    const isReserved = (first & 0xf) === 0xb;
    const isTwice = this.has('closesTwice') && (first & 0x70) === 0x70;
    this.close(Buffer.of(code >>> 8, code & 0xff), this.has('tcpLeftOpenBehindFailure') && isReserved);
    if (isTwice) this.socket.write(this.encode(CLOSE, Buffer.of(3, 232), 0));
  }

  /** Sends a Close frame; the server then ends TCP (§7.1.1). */
  private close(body: Buffer, leavesOpen = false): void {
    const { has, socket, role } = this;
    this.state = 'done';
    if (this.hasSentClose) return;
    this.send(CLOSE, body);
    this.hasSentClose = true;
    if (leavesOpen) {
      this.staysOpen = true;
      return;
    }
    const isNormal = body.length === 2 && body.readUInt16BE() === 1000;
    if (role === 'client' || (has('tcpLeftToClient') && isNormal)) return;
    // What a fault sends behind it still goes out.
    setImmediate(() => socket.end());
  }

  private staysOpen = false;
  /** Whether a Close frame without fault has come. */
  private hasAnsweredClose = false;

  private endReceived(): void {
    const { has, socket, pending, state } = this;
    const isPartial = pending.length > 0 || this.opcode !== undefined;
    if (state === 'open') {
      if (!isPartial && has('finIgnored')) return;
      if (this.opcode === TEXT && has('halfMessageDelivered')) this.echo(TEXT, Buffer.concat(this.parts));
      const frame = pending.length > 0 ? this.readHeader() : undefined;
      const rest =
        frame &&
        this.unmask({ ...frame, length: pending.length - frame.headerLength }, pending.subarray(frame.headerLength));
      if (frame?.opcode === TEXT && has('halfFrameDelivered')) this.echo(TEXT, rest!);
      if (frame?.opcode === PING && has('halfPingAnswered')) this.send(PONG, rest!);
    }
    if (this.staysOpen || (has('tcpLeftOpenBehindClose') && this.hasAnsweredClose)) return;
    socket.end();
  }

  // ---- Compression -----------------------------------------------------------------------------------------------

  /** @returns undefined when the connection has been failed, or nothing is to be echoed */
  private inflate(payload: Buffer, count: number): Buffer | undefined {
    const { has } = this;
    const [first = 0] = payload;
    const isShort = payload.length < 100;
    const isFault =
      (has('emptyCompressedRefused') && payload.length === 1 && first === 0) ||
      (has('storedRefused') && isShort && payload.length > 1 && first === 0) ||
      (has('dynamicRefused') && (first & 7) === 4 && !isShort) ||
      (has('finalRefused') && isShort && (first & 1) === 1 && first !== 7);
    if (isFault) return this.failed(1007);
    if (has('emptyBlocksStall') && payload.length > 400_000) {
      this.stall();
      return undefined;
    }
    const isBomb = payload.length > 100_000;
    if (isBomb && has(count > 1 ? 'fragmentedBombInflated' : 'bombInflated')) {
      this.echo(BINARY, Buffer.from('a bomb'));
      return undefined;
    }
    const cut = has('secondBlockLost') && isShort ? payload.indexOf(TAIL) : -1;
    const keepsContext = this.role === 'server' ? this.terms!.clientKeepsContext : this.terms!.serverKeepsContext;
    const isForgotten = has('contextForgotten') && this.wasCompressed;
    const dictionary = isForgotten || !keepsContext ? NONE : this.inflateHistory;
    try {
      const message = inflateRawSync(Buffer.concat([cut === -1 ? payload : payload.subarray(0, cut), TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_MESSAGE_BYTES,
        ...(dictionary.length > 0 && { dictionary }),
      });
      this.inflateHistory = Buffer.concat([this.inflateHistory, message]).subarray(-32_768);
      if (message.length === 32_300 && has('farRefused')) return this.failed(1007);
      return message;
    } catch (error) {
      if (has('badBlockIgnored') && first === 7) return undefined;
      if (has('badReferenceIgnored') && first !== 7) return undefined;
      return this.failed((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 1009 : 1007);
    }
  }

  private failed(code: number): undefined {
    this.fail(code);
    return undefined;
  }

  private deflate(message: Buffer): Buffer {
    const { terms, role, has } = this;
    const bits = role === 'server' ? terms!.serverBits : terms!.clientBits;
    const isBroken = (bits === 9 && has('window9Broken')) || (bits === 8 && has('window8Broken'));
    const dictionary = has('contextKept') ? this.deflateHistory : NONE;
    const compressed = deflateRawSync(message, {
      windowBits: isBroken ? 15 : Math.max(9, bits),
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 && { dictionary }),
    });
    this.deflateHistory = message;
    return has('tailSent') ? compressed : compressed.subarray(0, -TAIL.length);
  }

  // ---- Sending ---------------------------------------------------------------------------------------------------

  private echo(opcode: number, message: Buffer): void {
    const isCompressed = this.terms !== undefined && message.length >= 300;
    const isUnasked = this.terms === undefined && message.length === 4000 && this.has('rsv1Unasked');
    this.send(opcode, isCompressed ? this.deflate(message) : message, isCompressed || isUnasked ? 4 : 0);
  }

  private send(opcode: number, payload: Buffer, rsv = 0): void {
    if (this.hasSentClose || !this.socket.writable) return;
    this.socket.write(this.encode(opcode, payload, rsv));
  }

  private encode(opcode: number, payload: Buffer, rsv: number): Buffer {
    const { has, role } = this;
    const { length } = payload;
    const isWrong =
      (opcode === TEXT && has('masksTextWrongly')) ||
      (opcode === PONG && has('masksPongWrongly')) ||
      (opcode === CLOSE && has('masksCloseWrongly'));
    const masked = (role === 'client') !== isWrong;
    const isLong16 =
      (opcode === BINARY && length === 125 && has('sends16ForShort')) ||
      (opcode === PONG && length === 125 && has('sends16ForPong'));
    const isLong64 = opcode === BINARY && length === 127 && has('sends64ForMedium');
    const lengthBytes = length > 65_535 || isLong64 ? 8 : length > 125 || isLong16 ? 2 : 0;
    const head = Buffer.alloc(2 + lengthBytes);
    head[0] = 0x80 | (rsv << 4) | opcode;
    head[1] = (masked ? 0x80 : 0) | (lengthBytes === 8 ? 127 : lengthBytes === 2 ? 126 : length);
    if (lengthBytes === 2) head.writeUInt16BE(length, 2);
    if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
    if (!masked) return Buffer.concat([head, payload]);
    const key = randomBytes(4);
    if (has('oneKeyForAll')) key.writeUInt32BE(0x01020304);
    if (has('keysCounted')) key.writeUInt32BE(this.nextKey++);
    const bytes = Buffer.from(payload);
    for (let i = 0; i < bytes.length; i++) bytes[i]! ^= key[i & 3]!;
    return Buffer.concat([head, key, bytes]);
  }
}
