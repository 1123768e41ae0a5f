/**
 * An echo server and an echo client that read frames by themselves, so that each of their checks can be left out. Without
 * a fault they conform; with one they show whether the conformance runner notices. Only masking, writing frames,
 * validating UTF-8 and the opening handshake are the project's own: none of those is at fault here.
 */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import {
  buildUpgradeRequest,
  buildUpgradeResponse,
  checkUpgradeRequest,
  HttpHeadParser,
} from '../../../src/handshake/index.ts';
import {
  encodeFrame,
  FIN,
  isControlOpcode,
  isReservedOpcode,
  isSendableCloseCode,
  isValidUtf8,
  mask,
  Opcode,
  type Role,
  Utf8Validator,
} from '../../../src/protocol/index.ts';
import { type Conduct, FAULTS, type Fault, type Reply, RIGHT, type Rule } from './conduct.ts';

export type { Fault } from './conduct.ts';

export interface EchoServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the server on a free port of the loopback interface. */
export async function startRawEchoServer(fault?: Fault): Promise<EchoServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    acceptUpgrade(socket, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function acceptUpgrade(socket: Socket, fault: Fault | undefined): void {
  const parser = new HttpHeadParser({ kind: 'request' });
  const takeHead = (chunk: Buffer): void => {
    const result = parser.push(chunk);
    if (result === undefined) return;
    const request = result.ok ? checkUpgradeRequest(result.head) : result;
    if (!result.ok || !request.ok || !('key' in request)) {
      socket.destroy();
      return;
    }
    socket.off('data', takeHead);
    socket.write(buildUpgradeResponse({ key: request.key }), 'latin1');
    startEcho(socket, 'server', fault, result.rest);
  };
  socket.on('data', takeHead);
}

function startEcho(socket: Socket, role: Role, fault: Fault | undefined, rest: Uint8Array): void {
  const peer = new EchoPeer(socket, role, fault === undefined ? RIGHT : { ...RIGHT, ...FAULTS[fault] });
  peer.greet();
  socket.on('data', (data: Buffer) => peer.receive(data));
  if (rest.length > 0) peer.receive(Buffer.from(rest));
}

/** Connects to a server and echoes what comes, until TCP is closed. Not for servers that refuse. */
export function runRawEchoClient(url: string, fault?: Fault): Promise<void> {
  const { hostname, port, host, pathname, search } = new URL(url);
  const parser = new HttpHeadParser({ kind: 'response' });
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true, allowHalfOpen: true });
    const takeHead = (chunk: Buffer): void => {
      const result = parser.push(chunk);
      if (!result?.ok) return;
      socket.off('data', takeHead);
      startEcho(socket, 'client', fault, result.rest);
    };
    socket.on('data', takeHead);
    socket.on('error', () => {});
    // §7.1.1: the server closes first; a client without fault follows.
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve());
    socket.write(buildUpgradeRequest({ host, target: pathname + search, key: 'dGhlIHNhbXBsZSBub25jZQ==' }));
  });
}

interface Frame {
  readonly fin: boolean;
  readonly rsv: number;
  readonly opcode: number;
  readonly masked: boolean;
  readonly length: number;
  readonly maskingKey: number;
  /** Bytes of payload that have arrived. */
  received: number;
}

/** The frame of a short payload with its length in two bytes more. */
function withLongLength(frame: Uint8Array): Uint8Array {
  const [byte0 = 0, byte1 = 0, ...rest] = frame;
  return Uint8Array.of(byte0, (byte1 & 0x80) | 126, 0, byte1 & 0x7f, ...rest);
}

function opensMessage(opcode: number): boolean {
  return opcode === Opcode.Text || opcode === Opcode.Binary;
}

const NORMAL_CLOSURE = [0x03, 0xe8];
/** Long enough for what the client has already sent after its Close frame. */
const LINGER_MS = 50;

class EchoPeer {
  private readonly socket: Socket;
  private readonly role: Role;
  private readonly conduct: Conduct;
  private pending: Buffer = Buffer.alloc(0);
  private frame: Frame | undefined;
  private control: Buffer[] = [];
  /** The message that is open, its opcode and its pieces. */
  private messageOpcode: number | undefined;
  private message: Buffer[] = [];
  private validator = new Utf8Validator();
  private echoes = 0;
  private isStopped = false;
  private hasSentClose = false;

  constructor(socket: Socket, role: Role, conduct: Conduct) {
    this.socket = socket;
    this.role = role;
    this.conduct = conduct;
  }

  greet(): void {
    for (const reply of this.conduct.greeting) this.send(reply);
    this.closeWhenDue();
  }

  receive(chunk: Buffer): void {
    if (this.isStopped) return;
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (!this.isStopped) {
      this.frame ??= this.readHeader();
      const frame = this.frame;
      if (frame === undefined || this.isStopped) return;
      const piece = this.pending.subarray(0, frame.length - frame.received);
      this.pending = this.pending.subarray(piece.length);
      mask(piece, 0, piece.length, frame.maskingKey, frame.received);
      frame.received += piece.length;
      this.takePiece(frame, piece);
      if (frame.received < frame.length || this.isStopped) return;
      this.frame = undefined;
      this.endFrame(frame);
    }
  }

  private readHeader(): Frame | undefined {
    const bytes = this.pending;
    if (bytes.length < 2) return undefined;
    const shortLength = bytes[1]! & 0x7f;
    const start = shortLength === 127 ? 10 : shortLength === 126 ? 4 : 2;
    const masked = (bytes[1]! & 0x80) !== 0;
    const end = start + (masked ? 4 : 0);
    if (bytes.length < end) return undefined;
    const length = start === 2 ? shortLength : start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    const frame: Frame = {
      fin: (bytes[0]! & FIN) !== 0,
      rsv: (bytes[0]! >>> 4) & 7,
      opcode: bytes[0]! & 0xf,
      masked,
      length,
      maskingKey: masked ? bytes.readInt32BE(start) : 0,
      received: 0,
    };
    this.pending = bytes.subarray(end);
    const refusal = this.isIllegal(frame)
      ? 1002
      : this.conduct.refusesFrame(frame.opcode, length, this.messageOpcode !== undefined);
    if (refusal !== undefined) this.fail(refusal);
    else if (opensMessage(frame.opcode)) this.openMessage(frame.opcode);
    else if (frame.opcode === Opcode.Continuation && this.messageOpcode === undefined) this.openMessage(Opcode.Text);
    return frame;
  }

  private isIllegal({ fin, rsv, opcode, masked, length }: Frame): boolean {
    const isOpen = this.messageOpcode !== undefined;
    const isContinuation = opcode === Opcode.Continuation;
    const isControl = isControlOpcode(opcode);
    return (
      masked !== (this.role === 'server') ||
      (rsv !== 0 && this.refuses('rsv')) ||
      (isReservedOpcode(opcode) && this.refuses('reservedOpcode')) ||
      (isControl && !fin && this.refuses('fragmentedControl')) ||
      (isControl && length > 125 && this.refuses('longControl')) ||
      (isContinuation && !isOpen && this.refuses('orphanContinuation')) ||
      (opensMessage(opcode) && isOpen && this.refuses('dataInsideMessage'))
    );
  }

  private refuses(rule: Rule): boolean {
    return !this.conduct.accepts.includes(rule);
  }

  private openMessage(opcode: number): void {
    this.messageOpcode = opcode;
    this.message = [];
    this.validator = new Utf8Validator();
  }

  private takePiece(frame: Frame, piece: Buffer): void {
    if (isReservedOpcode(frame.opcode)) return;
    if (isControlOpcode(frame.opcode)) {
      this.control.push(piece);
      return;
    }
    this.message.push(piece);
    if (this.conduct.utf8 !== 'early' || this.messageOpcode !== Opcode.Text) return;
    if (this.validator.push(piece, 0, piece.length) !== -1) this.fail(1007);
  }

  private endFrame(frame: Frame): void {
    if (isReservedOpcode(frame.opcode)) return;
    if (!isControlOpcode(frame.opcode)) {
      if (frame.fin || this.conduct.echoesFragments) this.endMessage(frame.fin);
      else if (this.conduct.utf8 === 'perFrame') this.checkText(Buffer.concat(this.message));
      return;
    }
    const payload = Buffer.concat(this.control);
    this.control = [];
    if (frame.opcode === Opcode.Close) this.receiveClose(payload);
    else for (const reply of this.answersTo(frame.opcode, payload)) this.send(reply);
  }

  private answersTo(opcode: number, payload: Buffer): readonly Reply[] {
    return opcode === Opcode.Ping ? this.conduct.pong(payload) : this.conduct.whenPonged;
  }

  /** @returns whether it is in order */
  private checkText(payload: Buffer): boolean {
    const isText = this.messageOpcode === Opcode.Text;
    if (!isText || this.conduct.utf8 === 'never' || isValidUtf8(payload)) return true;
    this.fail(1007);
    return false;
  }

  /** @param isWhole false for a fragment that is echoed by itself */
  private endMessage(isWhole: boolean): void {
    const payload = Buffer.concat(this.message);
    const isText = this.messageOpcode === Opcode.Text;
    const isInOrder = !isWhole || this.checkText(payload);
    if (isWhole) this.messageOpcode = undefined;
    this.message = [];
    if (!isInOrder) return;
    const refusal = this.conduct.refusesMessage(payload, isText);
    if (refusal !== undefined) {
      this.fail(refusal);
      return;
    }
    for (const reply of this.conduct.echo(payload, isText)) this.send(reply);
    this.echoes++;
    this.closeWhenDue();
  }

  private closeWhenDue(): void {
    if (this.echoes < this.conduct.closesAfter) return;
    this.isStopped = true;
    this.sendClose(Buffer.from(NORMAL_CLOSURE));
  }

  private receiveClose(body: Buffer): void {
    const rejection = this.closeBodyFault(body);
    if (rejection !== undefined) {
      this.fail(rejection);
      return;
    }
    const { goesOnAfterClose, answersClose } = this.conduct;
    if (!goesOnAfterClose) this.isStopped = true;
    if (answersClose === 'close') this.sendClose(body.subarray(0, 2));
    else if (answersClose === 'end') this.socket.end();
    else if (answersClose === 'reset') this.socket.resetAndDestroy();
  }

  private closeBodyFault(body: Buffer): 1002 | 1007 | undefined {
    if (body.length === 0) return undefined;
    if (body.length === 1) return this.refuses('closeOneByte') ? 1002 : undefined;
    if (!isSendableCloseCode(body.readUInt16BE(0)) && this.refuses('closeCode')) return 1002;
    if (!isValidUtf8(body, 2) && this.refuses('closeReason')) return 1007;
    return undefined;
  }

  private fail(statusCode: number): void {
    const { fails } = this.conduct;
    if (fails === 'never') return;
    this.isStopped = true;
    if (fails === 'end') this.socket.end();
    else this.sendClose(Buffer.from([statusCode >>> 8, statusCode & 0xff]));
  }

  private sendClose(body: Buffer): void {
    if (this.hasSentClose) return;
    this.hasSentClose = true;
    const { closeBody, behindClose, goesOnAfterClose, endsTcp } = this.conduct;
    this.send({ opcode: Opcode.Close, payload: closeBody(body) });
    for (const reply of behindClose) this.send(reply);
    // §7.1.1: ending TCP is the server's business.
    if (this.role === 'client') return;
    if (goesOnAfterClose) setTimeout(() => this.socket.end(), LINGER_MS);
    else if (endsTcp) this.socket.end();
  }

  private send({ opcode, payload, fin = true, rsv = 0, isLong = false }: Reply): void {
    if (!this.socket.writable) return;
    const { masks } = this.conduct;
    const isRight = masks === 'right' || (masks === 'wrongControl' && !isControlOpcode(opcode));
    const isMasked = (this.role === 'client') === isRight;
    const frame = encodeFrame((fin ? FIN : 0) | (rsv << 4) | opcode, payload, isMasked ? 0x01020304 : undefined);
    this.socket.write(isLong ? withLongLength(frame) : frame);
  }
}
