/**
 * The sending half that ws exports: messages in, frames out to any stream (§5.2, §5.3). Programs prepare broadcasts with
 * its frame encoder. A WebSocket does not send through it.
 */

import type { Duplex } from 'node:stream';
import { inCallersContext } from '../deflate/async-context.ts';
import { PERMESSAGE_DEFLATE } from '../deflate/negotiate.ts';
import { viewOf } from '../memory/view.ts';
import { maskingKeyFrom } from '../options/connection-options.ts';
import { ANY, checkOptions } from '../options/option-check.ts';
import { doorOf } from '../options/option-table.ts';
import {
  buildClosePayload,
  checkControlPayload,
  firstByteOf,
  frameHeaderLength,
  mask,
  Opcode,
  writeFrameHeader,
} from '../protocol/index.ts';
import { type SendData, toPayload } from '../socket/payload.ts';
import { nextMaskingKey } from '../transport/masking-key.ts';
import { type Payload, payloadLength, SendOrder } from '../transport/send-order.ts';
import { cutOffError } from '../transport/write-batch.ts';
import type { PerMessageDeflate } from './per-message-deflate.ts';

/** Fills the four bytes it is given with a masking key. */
export type GenerateMask = (maskingKey: Buffer) => void;

export type SenderCallback = (error?: Error | null) => void;

export interface FrameOptions {
  readonly opcode: number;
  readonly fin?: boolean | undefined;
  readonly rsv1?: boolean | undefined;
  /** Whether to mask the payload (§5.3): in place, unless it is `readOnly`. */
  readonly mask?: boolean | undefined;
  /** Whether the data must be left as it is. */
  readonly readOnly?: boolean | undefined;
  /** Makes the masking key. Default: a random one. */
  readonly generateMask?: GenerateMask | undefined;
  /** Four bytes that the masking key is made in. */
  readonly maskBuffer?: Buffer | undefined;
}

export interface SenderSendOptions {
  readonly binary?: boolean | undefined;
  readonly compress?: boolean | undefined;
  readonly fin?: boolean | undefined;
  readonly mask?: boolean | undefined;
}

/** What a Sender asks of permessage-deflate; `PerMessageDeflate` has it. */
type Compressor = Pick<PerMessageDeflate, 'compress'> & Partial<Pick<PerMessageDeflate, 'compressionThreshold'>>;

type Extensions = Readonly<Record<string, Compressor | undefined>>;

/** The options of `send`. */
const DOOR = doorOf('Sender#send()', { binary: ANY, compress: ANY, fin: ANY, mask: ANY });

const keyBuffer = Buffer.alloc(4);

export class Sender {
  readonly _socket: Duplex;
  readonly _extensions: Extensions;
  /** Called when a Blob could not be read. */
  onerror: (error: Error) => void = () => {};
  readonly #generateMask: GenerateMask | undefined;
  readonly #order: SendOrder;

  constructor(socket: Duplex, extensions?: Extensions, generateMask?: GenerateMask) {
    this._socket = socket;
    this._extensions = extensions ?? {};
    this.#generateMask = generateMask;
    this.#order = new SendOrder({
      get isGone() {
        return socket.destroyed;
      },
      compress: (bytes, fin, done) =>
        // A copy: the thread pool may read it later.
        this._extensions[PERMESSAGE_DEFLATE]!.compress(Buffer.from(bytes), fin, (_error, output) => {
          if (output !== undefined) done(undefined, output);
          // Cut short, which happens when the connection ends.
          else process.nextTick(() => this.#order.abandon());
        }),
      blobFailed: (error) => {
        this.#order.abandon(error);
        this.onerror(error);
      },
    });
  }

  /** Bytes of payload that wait to be compressed or read. */
  get _bufferedBytes(): number {
    return this.#order.bufferedBytes;
  }

  /**
   * Encodes a frame (§5.2): its header alone, header and payload, or both in one when the payload had to be copied to be
   * masked. A masking key of zeros leaves the payload as it is.
   */
  static frame(data: Uint8Array | string, options: FrameOptions): Buffer[] {
    const payload = (typeof data === 'string' ? Buffer.from(data) : data) as Buffer;
    const isMasked = options.mask === true;
    const maskingKey = isMasked ? makeKey(options) : undefined;
    const copies =
      maskingKey !== undefined && maskingKey !== 0 && options.readOnly === true && typeof data !== 'string';
    const headerLength = frameHeaderLength(payload.length, isMasked);
    const header = Buffer.allocUnsafe(copies ? headerLength + payload.length : headerLength);
    const firstByte = firstByteOf(options.opcode, options.fin === true, options.rsv1 === true);
    writeFrameHeader(header, 0, firstByte, payload.length, maskingKey);
    if (payload.length === 0) return [header];
    if (copies) {
      header.set(payload, headerLength);
      mask(header, headerLength, header.length, maskingKey);
      return [header];
    }
    if (maskingKey !== undefined) mask(payload, 0, payload.length, maskingKey);
    return [header, payload];
  }

  /**
   * Sends a message, or a fragment of one.
   * @throws {TypeError} for data that has no bytes, and for an option of ours that is taken elsewhere only
   */
  send(data: SendData, options: SenderSendOptions, callback?: SenderCallback): void {
    checkSendOptions(options);
    const payload = toPayload(data);
    const fin = options.fin === true;
    const isFirst = this.#order.isMessageStart;
    const mayCompress = isFirst && options.compress === true;
    const isCompressed = this.#order.nextFragment(fin, mayCompress && this.#isWorthCompressing(payload));
    const firstOpcode = options.binary === true ? Opcode.Binary : Opcode.Text;
    const frame: FrameOptions = {
      opcode: isFirst ? firstOpcode : Opcode.Continuation,
      fin,
      rsv1: isFirst && isCompressed,
      mask: options.mask,
      readOnly: true,
      generateMask: this.#generateMask,
    };
    this.#enqueue(payload, isCompressed, frame, callback);
  }

  /**
   * Sends a ping (§5.5.2).
   * @throws {RangeError} when the data is over 125 bytes
   */
  ping(data: SendData, mask?: boolean, callback?: SenderCallback): void {
    this.#sendControl(Opcode.Ping, data, mask, callback);
  }

  /** Sends a pong (§5.5.3); otherwise as `ping`. */
  pong(data: SendData, mask?: boolean, callback?: SenderCallback): void {
    this.#sendControl(Opcode.Pong, data, mask, callback);
  }

  /**
   * Sends a Close frame (§5.5.1).
   * @throws {TypeError} when code or reason are of the wrong kind
   * @throws {RangeError} when the reason is over 123 bytes
   */
  close(code?: number, reason?: string | Uint8Array, mask?: boolean, callback?: SenderCallback): void {
    this.#enqueueControl(Opcode.Close, buildClosePayload(code, reason), mask, callback);
  }

  /**
   * Writes an encoded frame: what is in `list` during this call.
   * @param callback runs when the frame has been written out, or with the reason why that is not known
   */
  sendFrame(list: readonly (Uint8Array | string)[], callback?: SenderCallback): void {
    const socket = this._socket;
    const parts = list.map((part) => (typeof part === 'string' ? part : Buffer.from(part)));
    let isTaken = false;
    const done = callback && inCallersContext(callback);
    const onWritten = (error?: Error | null) => {
      // Destroyed in the middle of a write, a net.Socket says that it went well (Node 20).
      if (isTaken || error || !socket.destroyed) done?.(isTaken ? null : error);
      else done?.(cutOffError());
    };
    const canTake = !socket.destroyed;
    socket.cork();
    for (const part of parts.slice(0, -1)) socket.write(part);
    socket.write(parts.at(-1)!, done && onWritten);
    socket.uncork();
    isTaken = canTake && socket.writableLength === 0 && !socket.errored;
  }

  #sendControl(opcode: number, data: SendData, mask: boolean | undefined, callback: SenderCallback | undefined): void {
    const payload = toPayload(data);
    checkControlPayload(payloadLength(payload));
    this.#enqueueControl(opcode, payload, mask, callback);
  }

  #enqueueControl(
    opcode: number,
    payload: Payload,
    mask: boolean | undefined,
    callback: SenderCallback | undefined,
  ): void {
    const options = { opcode, fin: true, mask, readOnly: true, generateMask: this.#generateMask };
    this.#enqueue(payload, false, options, callback);
  }

  /** RFC 7692 §7.3 leaves the choice: without a context to keep, a short message is not worth it. */
  #isWorthCompressing(payload: Payload): boolean {
    const deflate = this._extensions[PERMESSAGE_DEFLATE];
    return deflate !== undefined && payloadLength(payload) >= (deflate.compressionThreshold ?? 0);
  }

  #enqueue(payload: Payload, isCompressed: boolean, options: FrameOptions, callback: SenderCallback | undefined): void {
    const fin = options.fin === true;
    this.#order.send(payload, isCompressed, fin, (bytes) => this.#write(bytes, options, callback), callback);
  }

  /** The socket gets Buffers, whatever was given; and text that is not masked as text, to encode it itself. */
  #write(payload: string | Uint8Array, options: FrameOptions, callback: SenderCallback | undefined): void {
    const data = typeof payload === 'string' ? payload : viewOf(payload, 0, payload.length);
    const list: (Buffer | string)[] = Sender.frame(data, options);
    if (typeof data === 'string' && options.mask !== true && list.length === 2) list[1] = data;
    this.sendFrame(list, callback);
  }
}

/** Looks closely at names that it does not know, and that say something. */
function checkSendOptions(options: object): void {
  for (const [name, value] of Object.entries(options)) {
    if (value && !Object.hasOwn(DOOR.kinds, name)) checkOptions(DOOR, { [name]: value });
  }
}

function makeKey({ generateMask, maskBuffer = keyBuffer }: FrameOptions): number {
  return generateMask ? maskingKeyFrom(generateMask, maskBuffer) : nextMaskingKey();
}
