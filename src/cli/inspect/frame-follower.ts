/**
 * Follows the frames of one direction as they pass (§5.2): what each is, how its payload begins, and every rule that it
 * breaks. Unlike an endpoint it reads on behind a fault, as whoever receives it may do. It keeps a few bytes of each frame,
 * and leaves those that it is given as they are.
 */

import { type AgreedDeflate, directionOf } from '../../deflate/negotiate.ts';
import {
  closeFaults,
  headerFaults,
  isControlOpcode,
  MAX_HEADER_BYTES,
  mask,
  Opcode,
  type ReferenceFault,
  type ReferenceHeader,
  type Role,
  readHeader,
  Utf8Validator,
  type ViolationId,
} from '../../protocol/index.ts';
import { MessageInflater } from './message-inflater.ts';

/** A frame that has passed. */
export interface SeenFrame {
  readonly opcode: number;
  readonly fin: boolean;
  /** RSV1 counts 4, RSV2 counts 2, RSV3 counts 1. */
  readonly rsv: number;
  /** As the header has it. */
  readonly payloadLength: number;
  /** How many bytes of it have passed: fewer when the connection ended inside the frame. */
  readonly presentLength: number;
  /** The first bytes of the payload, unmasked; of a compressed message, of what it says. */
  readonly beginning: Uint8Array;
  /** Of data frames: its message, as far as it has come. */
  readonly message: SeenMessage | undefined;
  readonly faults: readonly ReferenceFault[];
}

export interface SeenMessage {
  readonly opcode: number;
  /** Its frames so far. */
  readonly frames: number;
  readonly isCompressed: boolean;
  /** Whether `beginning` and `contentLength` are about what it says, and not about its compressed bytes. */
  readonly isInflated: boolean;
  /** On the wire, in bytes. */
  readonly wireLength: number;
  readonly contentLength: number;
}

/** Of each payload so much is kept: a control frame's is never longer. */
const KEPT_BYTES = 512;
const PIECE_BYTES = 64 * 1024;

/** Where pieces are unmasked. */
const scratch = new Uint8Array(PIECE_BYTES);

interface OpenFrame {
  readonly header: ReferenceHeader;
  readonly payloadLength: number;
  readonly faults: ReferenceFault[];
  readonly beginning: Beginning;
  presentLength: number;
}

interface OpenMessage {
  readonly opcode: number;
  readonly isCompressed: boolean;
  /** Of text that nothing has been found wrong with. */
  validator: Utf8Validator | undefined;
  /** Of what it says; its frames have their own. */
  readonly content: Beginning;
  frames: number;
  wireLength: number;
}

export class FrameFollower {
  readonly #role: Role;
  readonly #inflater: MessageInflater | undefined;
  readonly #onFrame: (frame: SeenFrame) => void;
  /** The start of a header. */
  readonly #start = new Uint8Array(MAX_HEADER_BYTES);
  #startBytes = 0;
  #frame: OpenFrame | undefined;
  #message: OpenMessage | undefined;
  /** The messages behind the first that cannot be inflated are not to blame. */
  #isCompressionBlamed = false;

  /** @param role of whoever receives the frames */
  constructor(role: Role, deflate: AgreedDeflate | undefined, onFrame: (frame: SeenFrame) => void) {
    this.#role = role;
    this.#onFrame = onFrame;
    if (deflate === undefined) return;
    const { contextTakeover } = directionOf(deflate.agreed, role === 'server' ? 'client' : 'server');
    this.#inflater = new MessageInflater(contextTakeover, (piece) => this.#takeContent(piece));
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#frame === undefined) at = this.#readHeader(bytes, at);
      const frame = this.#frame;
      if (frame === undefined) return;
      const end = Math.min(bytes.length, at + frame.payloadLength - frame.presentLength);
      for (; at < end; at = Math.min(end, at + PIECE_BYTES)) {
        this.#takePayload(frame, bytes.subarray(at, Math.min(end, at + PIECE_BYTES)));
      }
      if (frame.presentLength === frame.payloadLength) this.#end(frame);
    }
  }

  /** No more bytes come. */
  finish(): void {
    if (this.#frame !== undefined) this.#tell(this.#frame);
    this.#inflater?.close();
  }

  /** @returns where the payload begins; the end of the bytes when the header goes on behind them */
  #readHeader(bytes: Uint8Array, at: number): number {
    if (this.#startBytes === 0) {
      const header = readHeader(bytes, at);
      if (header !== 'more' && header.isHeaderWhole) {
        this.#begin(header);
        return at + header.headerLength;
      }
    }
    for (let next = at; next < bytes.length; ) {
      this.#start[this.#startBytes++] = bytes[next++]!;
      const header = readHeader(this.#start.subarray(0, this.#startBytes));
      if (header === 'more' || !header.isHeaderWhole) continue;
      this.#startBytes = 0;
      this.#begin(header);
      return next;
    }
    return bytes.length;
  }

  #begin(header: ReferenceHeader): void {
    const { opcode, payloadLength = 0 } = header;
    const context = { role: this.#role, allowsRsv1: this.#inflater !== undefined };
    const faults = headerFaults(header, context, { frames: this.#message?.frames ?? 0, bytes: 0 });
    this.#frame = { header, payloadLength, faults, beginning: new Beginning(payloadLength), presentLength: 0 };
    if (isControlOpcode(opcode)) return;
    if (this.#message === undefined || opcode !== Opcode.Continuation) this.#message = this.#beginMessage(header);
    this.#message.frames++;
  }

  #beginMessage({ opcode, rsv }: ReferenceHeader): OpenMessage {
    return {
      opcode,
      isCompressed: rsv === 4 && this.#inflater !== undefined,
      validator: opcode === Opcode.Text ? new Utf8Validator() : undefined,
      content: new Beginning(Number.POSITIVE_INFINITY),
      frames: 0,
      wireLength: 0,
    };
  }

  #takePayload(frame: OpenFrame, wire: Uint8Array): void {
    const { opcode, maskingKey } = frame.header;
    let piece = wire;
    if (maskingKey !== undefined) {
      scratch.set(wire);
      mask(scratch, 0, wire.length, maskingKey, frame.presentLength);
      piece = scratch.subarray(0, wire.length);
    }
    frame.beginning.push(piece);
    frame.presentLength += piece.length;
    const message = isControlOpcode(opcode) ? undefined : this.#message;
    if (message === undefined) return;
    message.wireLength += piece.length;
    if (message.isCompressed) this.#inflater!.push(piece);
    else this.#takeContent(piece);
  }

  /** The next of what the message says. */
  #takeContent(piece: Uint8Array): void {
    const message = this.#message!;
    message.content.push(piece);
    if (message.validator === undefined || message.validator.push(piece, 0, piece.length) === -1) return;
    message.validator = undefined;
    this.#blame('invalidText');
  }

  #blame(id: ViolationId): void {
    this.#frame?.faults.push({ id, detail: 0 });
  }

  #end(frame: OpenFrame): void {
    const { opcode, fin } = frame.header;
    const message = isControlOpcode(opcode) ? undefined : this.#message;
    if (opcode === Opcode.Close && frame.payloadLength !== 1)
      frame.faults.push(...closeFaults(frame.beginning.bytes()));
    if (message !== undefined && fin) {
      if (message.isCompressed) this.#inflateEnd();
      if (message.validator?.isComplete === false) this.#blame('invalidText');
    }
    this.#tell(frame);
    if (message !== undefined && fin) this.#message = undefined;
  }

  #inflateEnd(): void {
    const inflater = this.#inflater!;
    inflater.finish();
    if (!inflater.hasFailed || this.#isCompressionBlamed) return;
    this.#isCompressionBlamed = true;
    this.#blame('invalidCompression');
  }

  #tell(frame: OpenFrame): void {
    const { header, payloadLength, presentLength, faults } = frame;
    const { opcode, fin, rsv } = header;
    const message = isControlOpcode(opcode) ? undefined : this.#message;
    const isInflated = message?.isCompressed === true && this.#inflater!.works;
    this.#frame = undefined;
    this.#onFrame({
      opcode,
      fin,
      rsv,
      payloadLength,
      presentLength,
      beginning: (isInflated ? message.content : frame.beginning).bytes(),
      message: message && {
        opcode: message.opcode,
        frames: message.frames,
        isCompressed: message.isCompressed,
        isInflated,
        wireLength: message.wireLength,
        contentLength: message.content.length,
      },
      faults,
    });
  }
}

/** The first of some bytes, and how many there were. */
class Beginning {
  length = 0;
  readonly #announcedBytes: number;
  #bytes = NOTHING;

  constructor(announcedBytes: number) {
    this.#announcedBytes = announcedBytes;
  }

  push(piece: Uint8Array): void {
    const kept = Math.min(piece.length, KEPT_BYTES - this.length);
    if (kept > 0) {
      if (this.#bytes === NOTHING) this.#bytes = new Uint8Array(Math.min(this.#announcedBytes, KEPT_BYTES));
      this.#bytes.set(piece.subarray(0, kept), this.length);
    }
    this.length += piece.length;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

const NOTHING = new Uint8Array(0);
