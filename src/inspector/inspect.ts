/**
 * Reads the bytes of one direction of a connection and tells what they say: the opening handshake if they begin with one
 * (§4), and frame by frame (§5). The recorder and the handshake folder read; this file turns what they find into views.
 */

import {
  closeCodeName,
  isControlOpcode,
  MASK,
  Opcode,
  opcodeName,
  type Role,
  VIOLATIONS,
  violationMessage,
} from '../protocol/index.ts';
import { concat, plainBytes } from './bytes.ts';
import {
  countLikelyFrames,
  FrameRecorder,
  type RecordedFrame,
  type RecordedMessage,
  type RecordedViolation,
} from './frame-recorder.ts';
import {
  type HeadView,
  type HttpMessageView,
  headKindOf,
  mayReadOn,
  type Opening,
  readOpening,
  receiverOf,
} from './handshake.ts';
import {
  declaredHeaderLength,
  declaredPayloadLength,
  type LayoutContext,
  layOutHeader,
  layOutPayload,
  plural,
  summarize,
} from './header-layout.ts';
import { formatHex, parseHex } from './hex.ts';
import type {
  DeflateView,
  FieldView,
  FrameView,
  IgnoredView,
  IncompleteView,
  InflatedView,
  InspectionView,
  MessageView,
  PayloadView,
  ViolationView,
} from './view.ts';

export interface InspectOptions {
  /**
   * Who receives the bytes: `server` for what a client sends. `auto` goes by the HTTP head if there is one, else by the
   * MASK bit of the first frame (§5.1). Default `auto`.
   */
  readonly role?: Role | 'auto' | undefined;
  /**
   * Whether permessage-deflate is in use, which gives RSV1 a meaning (RFC 7692 §6.1). Default: when the handshake in front
   * of the frames agrees to it, or offers it.
   */
  readonly allowsRsv1?: boolean | undefined;
  /** Take a payload length that is not in its shortest form as a violation (§5.2). Default false. */
  readonly strictLengths?: boolean;
  /** How many bytes of each payload the views hold; lengths count all. Default: all of them. */
  readonly maxPayloadBytes?: number;
  /** How many bytes of what each message says. Default: `maxPayloadBytes`. */
  readonly maxMessageBytes?: number;
  /** Read on behind a violation and behind a Close frame, as no receiver does. Default false. */
  readonly readsOn?: boolean;
}

/** Looks at `bytes`, which stay as they are. Never throws, whatever they hold. */
export function inspect(bytes: Uint8Array, options: InspectOptions = {}): InspectionView {
  const inspector = new StreamInspector(options);
  const frames = [...inspector.push(bytes), ...inspector.finish()];
  return viewInspection(inspector, frames, bytes);
}

/** What an inspector has found, once it is finished. */
export function viewInspection(
  inspector: StreamInspector,
  frames: readonly FrameView[],
  bytes: Uint8Array,
): InspectionView {
  const { role, roleFrom, deflate, handshake, preceding, violation, unfinished } = inspector;
  const messages = frames.flatMap(({ completed }) => completed ?? []);
  return {
    role,
    roleFrom,
    length: bytes.length,
    ...(preceding.length > 0 && { preceding }),
    ...(handshake && { handshake }),
    ...(deflate && { deflate }),
    frames,
    messages: unfinished === undefined ? messages : [...messages, unfinished],
    ...(violation && { violation }),
    ...viewEnd(bytes, inspector, frames.at(-1)),
  };
}

/** Whether the bytes are whole frames, all of them legal: the view names no violation and nothing is missing. */
export function isWholeAndLegal(view: InspectionView): boolean {
  return view.violation === undefined && view.incomplete === undefined && view.handshake?.fault === undefined;
}

const NO_FRAMES: readonly RecordedFrame[] = [];

/**
 * An inspection that goes on: bytes go in as they pass, and the frames that they complete come out. Each byte is looked
 * at once and no frame is kept, so it can follow a connection for as long as that lives.
 */
export class StreamInspector {
  role: Role = 'server';
  roleFrom: InspectionView['roleFrom'] = 'default';
  /** The first, where several are read. */
  violation: ViolationView | undefined;
  /**
   * What the other direction says of permessage-deflate: whoever sees that may set it until the first frame comes.
   * Undefined when nobody sees it.
   */
  answer: DeflateView | 'none' | undefined;
  /** Bytes among the frames that were passed over, because it was not known where the next frame begins. */
  unreadBytes = 0;
  readonly #options: InspectOptions;
  /** All bytes so far, until it is clear where frames begin: those that have been read, and then the others. */
  #front: Uint8Array[] | undefined = [];
  #frontBytes = 0;
  #readBytes = 0;
  #opening: Opening | undefined;
  #recorder: FrameRecorder | undefined;
  /** Whether it is not known where the next frame begins. */
  #isLost = false;
  #recorded: RecordedFrame[] = [];

  constructor(options: InspectOptions = {}) {
    this.#options = options;
  }

  /** What stands in front of the frames did not come as bytes of this stream: frames begin with the next byte. */
  beginBehind(opening: Opening): void {
    this.#opening = opening;
    this.#setRole('handshake');
    this.#readFrames(0);
  }

  /** The opening handshake, once its head is there. */
  get handshake(): HeadView | undefined {
    return this.#opening?.handshake;
  }

  /** HTTP messages that came before it on the connection. */
  get preceding(): readonly HttpMessageView[] {
    return this.#opening?.preceding ?? [];
  }

  /** Whether permessage-deflate is in use, and who said so. */
  get deflate(): DeflateView | undefined {
    const { allowsRsv1 } = this.#options;
    if (allowsRsv1 !== undefined) return allowsRsv1 ? { from: 'option', parameters: '' } : undefined;
    if (this.answer !== undefined) return this.answer === 'none' ? undefined : this.answer;
    return this.#opening?.deflate;
  }

  /** The message that more fragments may follow. */
  get unfinished(): MessageView | undefined {
    const { unfinished } = this.#recorder ?? {};
    return unfinished && viewMessage(unfinished);
  }

  /** Where the bytes that are read as frames end, in bytes from the first; undefined when none are. */
  get end(): number | undefined {
    return this.#recorder && (this.#opening?.framesAt ?? 0) + this.#recorder.end;
  }

  /** @internal */
  get options(): InspectOptions {
    return this.#options;
  }

  /** @internal what stands in front of the frames */
  get opening(): Opening | undefined {
    return this.#opening;
  }

  /** Takes the next bytes, which stay as they are. @returns the frames that end in them */
  push(bytes: Uint8Array): readonly FrameView[] {
    return this.record(bytes).map((frame) => this.view(frame));
  }

  /** No more bytes come. @returns the frame that was cut by that, if one was */
  finish(): readonly FrameView[] {
    return this.recordEnd().map((frame) => this.view(frame));
  }

  /** Like `push`, with frames as they were recorded: for whoever looks at few of many. */
  record(given: Uint8Array): readonly RecordedFrame[] {
    const bytes = plainBytes(given);
    if (this.#front !== undefined) this.#takeFront(this.#front, bytes);
    else if (this.#isLost) this.#seek(bytes);
    else this.#recorder?.push(bytes);
    return this.#takeRecorded();
  }

  /** Like `finish`, with the frame as it was recorded. */
  recordEnd(): readonly RecordedFrame[] {
    if (this.#front !== undefined) this.#readFront(concat(this.#front), true);
    this.#recorder?.finish();
    return this.#takeRecorded();
  }

  /**
   * Bytes passed here that were not recorded. Unless they lay inside one payload, frames are read on from the next push
   * that seems to begin with one. At the start: the recording begins somewhere inside the stream.
   * @returns the frame that was cut by that, if one was
   */
  recordLoss(byteCount: number): readonly RecordedFrame[] {
    if (this.#recorder === undefined) {
      this.#setRole('option');
      // Who knows what the handshake agreed to.
      this.answer ??= { from: 'guess', parameters: '' };
      this.#readFrames(0);
      this.#isLost = true;
    } else if (this.#isLost) {
      this.#recorder.passOver(byteCount);
    } else {
      this.#isLost = !this.#recorder.lose(byteCount);
    }
    return this.#takeRecorded();
  }

  /** What a frame says that this inspector has recorded. */
  view(frame: RecordedFrame): FrameView {
    return viewFrame(frame, {
      role: this.role,
      allowsRsv1: this.deflate !== undefined,
      isMessageOpen: frame.isMessageOpen,
      fault: frame.violation?.id,
    });
  }

  #seek(bytes: Uint8Array): void {
    if (countLikelyFrames(bytes, this.role) > 0) {
      this.#isLost = false;
      this.#recorder!.beginAnew();
      this.#recorder!.push(bytes);
    } else {
      this.unreadBytes += bytes.length;
      this.#recorder!.passOver(bytes.length);
    }
  }

  #takeRecorded(): readonly RecordedFrame[] {
    if (this.#recorded.length === 0) return NO_FRAMES;
    const frames = this.#recorded;
    this.#recorded = [];
    return frames;
  }

  #takeFront(front: Uint8Array[], bytes: Uint8Array): void {
    front.push(bytes.slice());
    this.#frontBytes += bytes.length;
    const newBytes = this.#frontBytes - this.#readBytes;
    const saysMore = this.#opening === undefined || mayReadOn(this.#opening, bytes, newBytes, this.#frontBytes);
    if (saysMore) this.#readFront(concat(front), false);
  }

  #readFront(front: Uint8Array, isAll: boolean): void {
    this.#front = [front];
    this.#readBytes = front.length;
    const opening = readOpening(front);
    this.#opening = opening;
    Object.assign(this, findRole(front, this.#options.role ?? 'auto'));
    const { framesAt } = opening;
    // The MASK bit is in the second byte.
    const isSettled = opening.isSettled && (this.roleFrom !== 'default' || front.length >= 2);
    if (!isAll && !isSettled) return;
    this.#front = undefined;
    if (framesAt === undefined || !opening.opensFrames) return;
    this.#readFrames(framesAt).push(front.subarray(framesAt));
  }

  #setRole(roleFrom: InspectionView['roleFrom']): void {
    const { role = 'auto' } = this.#options;
    this.role = role === 'auto' ? 'server' : role;
    this.roleFrom = role === 'auto' ? 'default' : roleFrom;
  }

  #readFrames(framesAt: number): FrameRecorder {
    this.#front = undefined;
    const { role, deflate } = this;
    const { strictLengths = false, maxPayloadBytes = Number.POSITIVE_INFINITY, readsOn = false } = this.#options;
    const { maxMessageBytes = maxPayloadBytes } = this.#options;
    const allowsRsv1 = deflate !== undefined;
    const settings = { role, allowsRsv1, strictLengths, maxPayloadBytes, maxMessageBytes, readsOn };
    this.#recorder = new FrameRecorder(settings, (frame) => {
      this.#takeFrame({ ...frame, offset: framesAt + frame.offset });
    });
    return this.#recorder;
  }

  #takeFrame(frame: RecordedFrame): void {
    this.#recorded.push(frame);
    if (frame.violation !== undefined) this.violation ??= this.view(frame).violation;
  }
}

function findRole(bytes: Uint8Array, given: Role | 'auto'): Pick<InspectionView, 'role' | 'roleFrom'> {
  if (given !== 'auto') return { role: given, roleFrom: 'option' };
  const kind = headKindOf(bytes);
  if (kind !== undefined) return { role: receiverOf(kind), roleFrom: 'handshake' };
  if (bytes.length < 2) return { role: 'server', roleFrom: 'default' };
  return { role: (bytes[1]! & MASK) === 0 ? 'client' : 'server', roleFrom: 'mask' };
}

/** What of the bytes is missing at their end, or not read. */
function viewEnd(
  bytes: Uint8Array,
  { opening, end, violation, options }: StreamInspector,
  last: FrameView | undefined,
): Pick<InspectionView, 'incomplete' | 'ignored'> | undefined {
  if (opening?.cut !== undefined) {
    const { offset, part, kind } = opening.cut;
    const explanation = `the bytes end inside the ${part} of an HTTP ${kind}`;
    return { incomplete: { within: 'handshake', offset, missingBytes: 0, explanation } };
  }
  if (end === undefined) {
    const section = opening?.handshake?.fault?.section ?? '§4.1';
    return ignoredPart(
      bytes,
      opening?.framesAt ?? 0,
      'no WebSocket was opened, so what follows is not frames',
      section,
    );
  }
  if (violation !== undefined && options.readsOn !== true) {
    return ignoredPart(bytes, end, 'nothing is read once the connection has failed', '§7.1.7');
  }
  if (last?.state === 'cut') return { incomplete: viewCut(last) };
  return ignoredPart(bytes, end, 'nothing is read behind a Close frame', '§5.5.1');
}

function viewFrame(frame: RecordedFrame, context: LayoutContext): FrameView {
  const { index, offset, header, wirePayload, payload, state, message, part, completed, violation } = frame;
  const byte0 = header[0]!;
  const opcode = byte0 & 0xf;
  const declared = declaredPayloadLength(header);
  const masked = header.length > 1 && (header[1]! & MASK) !== 0;
  const text = textOf(frame, opcode);
  const fields = [
    ...layOutHeader(header, context),
    ...layOutPayload(opcode, header.length, wirePayload, payload, frame.presentLength, text, context),
  ];
  return {
    index,
    offset,
    opcode,
    opcodeName: opcodeName(opcode),
    fin: (byte0 & 0x80) !== 0,
    rsv1: (byte0 & 0x40) !== 0,
    masked,
    headerHex: formatHex(header),
    fields,
    payload: viewPayload(frame, declared, text),
    summary: summarize(byte0, declared, masked),
    ...(message && { message: { index: message.index, part } }),
    ...(completed && { completed: viewMessage(completed) }),
    ...(violation && { violation: viewViolation(violation, index, offset, fields) }),
    state,
  };
}

function viewPayload(frame: RecordedFrame, declared: bigint | undefined, text: string | undefined): PayloadView {
  const declaredLength = Number(declared ?? 0n);
  return {
    declaredLength,
    ...(!Number.isSafeInteger(declaredLength) && { exactLength: `${declared}` }),
    presentLength: frame.presentLength,
    ...(frame.lostLength > 0 && { lostLength: frame.lostLength }),
    wireHex: formatHex(frame.wirePayload),
    unmaskedHex: formatHex(frame.payload),
    ...(text !== undefined && { text }),
  };
}

/** What of a payload is text by its opcode or its message, when it is UTF-8 on its own. */
function textOf({ payload, presentLength, isText }: RecordedFrame, opcode: number): string | undefined {
  if (!isText) return undefined;
  return decodeStart(opcode === Opcode.Close ? payload.subarray(2) : payload, payload.length === presentLength);
}

/** Where only the beginning is kept, it may end inside a code point: that one is left out. */
function decodeStart(bytes: Uint8Array, isKeptWhole: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !isKeptWhole });
  } catch {
    return undefined;
  }
}

function viewMessage(message: RecordedMessage): MessageView {
  const { start: first, isComplete, frames, length, content, contentLength, isReadable } = message;
  const { index, opcode, isText, isCompressed } = first;
  const { inflateFault, isDamaged } = message;
  const start = isReadable ? decodeStart(content, content.length === contentLength) : undefined;
  const isInflated = isCompressed && isComplete && inflateFault === undefined && !isDamaged;
  const fault = inflateFault === undefined ? undefined : `it cannot be inflated: ${inflateFault.message}`;
  return {
    index,
    opcode,
    type: isText ? 'text' : 'binary',
    frames,
    length,
    isComplete,
    isCompressed,
    ...(isInflated && { inflated: viewInflated(content, contentLength, length, start) }),
    ...(start !== undefined && content.length === contentLength && { text: start }),
    ...(fault !== undefined && { fault }),
  };
}

function viewInflated(
  content: Uint8Array,
  length: number,
  compressedLength: number,
  text: string | undefined,
): InflatedView {
  const ratio = compressedLength === 0 ? 1 : Math.round((100 * length) / compressedLength) / 100;
  return { length, ratio, hex: formatHex(content), ...(text !== undefined && { text }) };
}

function viewViolation(
  { id, detail, faultAt }: RecordedViolation,
  frame: number,
  offset: number,
  fields: readonly FieldView[],
): ViolationView {
  const { closeCode, code, section, remedy } = VIOLATIONS[id];
  const byte = faultAt ?? (fields.find((field) => field.isFault)?.firstBit ?? 0) >>> 3;
  return {
    id,
    code,
    closeCode,
    closeCodeName: closeCodeName(closeCode),
    section,
    message: violationMessage(id, detail),
    remedy,
    frame,
    offset,
    faultOffset: offset + byte,
  };
}

function viewCut({ offset, opcode, headerHex, payload }: FrameView): IncompleteView {
  const header = parseHex(headerHex);
  const missingHeader = declaredHeaderLength(header) - header.length;
  if (missingHeader > 0) {
    const atLeast = header.length < 2 ? 'at least ' : '';
    const explanation = `the bytes end inside a header: ${atLeast}${plural(missingHeader, 'byte')} of it missing`;
    return { within: 'header', offset, missingBytes: missingHeader, explanation };
  }
  const declared = declaredPayloadLength(header)!;
  const missing = declared - BigInt(payload.presentLength + (payload.lostLength ?? 0));
  const kind = isControlOpcode(opcode) ? 'control frame' : 'frame';
  const explanation = `the bytes end inside a ${kind}: ${plural(missing, 'byte')} of ${declared} of its payload missing`;
  return { within: 'payload', offset, missingBytes: Number(missing), explanation };
}

function ignoredPart(
  bytes: Uint8Array,
  offset: number,
  explanation: string,
  section: string,
): { ignored: IgnoredView } | undefined {
  if (offset >= bytes.length) return undefined;
  const rest = bytes.subarray(offset);
  return { ignored: { offset, length: rest.length, hex: formatHex(rest), explanation, section } };
}
