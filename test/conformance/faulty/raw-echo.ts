/**
 * An echo server that reads frames by itself, so that each of its checks can be left out. Without a fault it conforms;
 * with one it shows whether the conformance runner notices. Only masking, writing frames, validating UTF-8 and the
 * opening handshake are the project's own: none of those is at fault here.
 */

import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { buildUpgradeResponse, checkUpgradeRequest, HttpHeadParser } from '../../../src/handshake/index.ts';
import {
  encodeFrame,
  FIN,
  isControlOpcode,
  isReservedOpcode,
  isSendableCloseCode,
  isValidUtf8,
  mask,
  Opcode,
  Utf8Validator,
} from '../../../src/protocol/index.ts';

/** What a server can get wrong; each is one check or one answer of `EchoPeer`. */
export type Fault =
  | 'noUtf8Check'
  | 'utf8CheckedAtMessageEnd'
  | 'rsvAccepted'
  | 'reservedOpcodesIgnored'
  | 'fragmentedControlAccepted'
  | 'longControlAccepted'
  | 'orphanContinuationAccepted'
  | 'dataInsideMessageAccepted'
  | 'invalidCloseCodesAccepted'
  | 'badCloseReasonAccepted'
  | 'goesOnAfterClose'
  | 'noPong'
  | 'emptyPong'
  | 'neverAnswersClose'
  | 'closesWith1011'
  | 'textEchoedAsBinary'
  | 'leavesTcpOpen'
  | 'masksItsFrames';

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
    const peer = new EchoPeer(socket, fault);
    socket.on('data', (data: Buffer) => peer.receive(data));
    if (result.rest.length > 0) peer.receive(Buffer.from(result.rest));
  };
  socket.on('data', takeHead);
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

/** Long enough for what the client has already sent after its Close frame. */
const LINGER_MS = 50;

class EchoPeer {
  private readonly socket: Socket;
  private readonly fault: Fault | undefined;
  private pending: Buffer = Buffer.alloc(0);
  private frame: Frame | undefined;
  private control: Buffer[] = [];
  /** The message that is open, its opcode and its pieces. */
  private messageOpcode: number | undefined;
  private message: Buffer[] = [];
  private readonly validator = new Utf8Validator();
  private isStopped = false;
  private hasSentClose = false;

  constructor(socket: Socket, fault: Fault | undefined) {
    this.socket = socket;
    this.fault = fault;
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
    if (this.isIllegal(frame)) {
      this.fail(1002);
      return undefined;
    }
    if (frame.opcode === Opcode.Text || frame.opcode === Opcode.Binary) this.openMessage(frame.opcode);
    if (frame.opcode === Opcode.Continuation && this.messageOpcode === undefined) this.openMessage(Opcode.Text);
    return frame;
  }

  private isIllegal({ fin, rsv, opcode, masked, length }: Frame): boolean {
    const isOpen = this.messageOpcode !== undefined;
    const isContinuation = opcode === Opcode.Continuation;
    const isControl = isControlOpcode(opcode);
    const isData = opcode === Opcode.Text || opcode === Opcode.Binary;
    return (
      !masked ||
      (rsv !== 0 && this.checks('rsvAccepted')) ||
      (isReservedOpcode(opcode) && this.checks('reservedOpcodesIgnored')) ||
      (isControl && !fin && this.checks('fragmentedControlAccepted')) ||
      (isControl && length > 125 && this.checks('longControlAccepted')) ||
      (isContinuation && !isOpen && this.checks('orphanContinuationAccepted')) ||
      (isData && isOpen && this.checks('dataInsideMessageAccepted'))
    );
  }

  /** Whether the check that this fault would leave out is there. */
  private checks(fault: Fault): boolean {
    return this.fault !== fault;
  }

  private openMessage(opcode: number): void {
    this.messageOpcode = opcode;
    this.message = [];
    this.validator.reset();
  }

  private takePiece(frame: Frame, piece: Buffer): void {
    if (isReservedOpcode(frame.opcode)) return;
    if (isControlOpcode(frame.opcode)) {
      this.control.push(piece);
      return;
    }
    this.message.push(piece);
    const isCheckedNow = this.checks('noUtf8Check') && this.checks('utf8CheckedAtMessageEnd');
    if (!isCheckedNow || this.messageOpcode !== Opcode.Text) return;
    if (this.validator.push(piece, 0, piece.length) !== -1) this.fail(1007);
  }

  private endFrame(frame: Frame): void {
    if (isReservedOpcode(frame.opcode)) return;
    if (!isControlOpcode(frame.opcode)) {
      if (frame.fin) this.endMessage();
      return;
    }
    const payload = Buffer.concat(this.control);
    this.control = [];
    if (frame.opcode === Opcode.Close) this.receiveClose(payload);
    else if (frame.opcode === Opcode.Ping) this.answerPing(payload);
  }

  private endMessage(): void {
    const payload = Buffer.concat(this.message);
    const isText = this.messageOpcode === Opcode.Text;
    this.messageOpcode = undefined;
    this.message = [];
    if (isText && this.checks('noUtf8Check') && !isValidUtf8(payload)) {
      this.fail(1007);
      return;
    }
    const isEchoedAsText = isText && this.checks('textEchoedAsBinary');
    this.send(isEchoedAsText ? Opcode.Text : Opcode.Binary, payload);
  }

  private answerPing(payload: Buffer): void {
    if (!this.checks('noPong')) return;
    this.send(Opcode.Pong, this.checks('emptyPong') ? payload : Buffer.alloc(0));
  }

  private receiveClose(body: Buffer): void {
    const rejection = this.closeBodyFault(body);
    if (rejection !== undefined) {
      this.fail(rejection);
      return;
    }
    if (this.checks('goesOnAfterClose')) this.isStopped = true;
    if (this.checks('neverAnswersClose')) this.sendClose(body.subarray(0, 2));
  }

  private closeBodyFault(body: Buffer): 1002 | 1007 | undefined {
    if (body.length === 0) return undefined;
    if (body.length === 1) return 1002;
    if (!isSendableCloseCode(body.readUInt16BE(0)) && this.checks('invalidCloseCodesAccepted')) return 1002;
    if (!isValidUtf8(body, 2) && this.checks('badCloseReasonAccepted')) return 1007;
    return undefined;
  }

  private fail(statusCode: number): void {
    this.isStopped = true;
    this.sendClose(Buffer.from([statusCode >>> 8, statusCode & 0xff]));
  }

  private sendClose(body: Buffer): void {
    if (this.hasSentClose) return;
    this.hasSentClose = true;
    this.send(Opcode.Close, this.checks('closesWith1011') ? body : Buffer.from([0x03, 0xf3]));
    if (!this.checks('goesOnAfterClose')) setTimeout(() => this.socket.end(), LINGER_MS);
    else if (this.checks('leavesTcpOpen')) this.socket.end();
  }

  private send(opcode: number, payload: Buffer): void {
    const maskingKey = this.checks('masksItsFrames') ? undefined : 0x01020304;
    if (this.socket.writable) this.socket.write(encodeFrame(FIN | opcode, payload, maskingKey));
  }
}
