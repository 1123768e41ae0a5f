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
import { concat, FrameRecorder, type RecordedFrame, type RecordedViolation } from './frame-recorder.ts';
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
  FrameView,
  IgnoredView,
  IncompleteView,
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
  const { role, roleFrom, deflate, handshake, preceding, violation } = inspector;
  return {
    role,
    roleFrom,
    length: bytes.length,
    ...(preceding.length > 0 && { preceding }),
    ...(handshake && { handshake }),
    ...(deflate && { deflate }),
    frames,
    messages: viewMessages(frames),
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
  violation: ViolationView | undefined;
  /** As in `InspectOptions`; who sees the other direction may set it until the first frame comes. */
  allowsRsv1: boolean | undefined;
  readonly #options: InspectOptions;
  /** All bytes so far, until it is clear where frames begin: those that have been read, and then the others. */
  #front: Uint8Array[] | undefined = [];
  #frontBytes = 0;
  #readBytes = 0;
  #opening: Opening | undefined;
  #recorder: FrameRecorder | undefined;
  #recorded: RecordedFrame[] = [];

  constructor(options: InspectOptions = {}) {
    this.#options = options;
    this.allowsRsv1 = options.allowsRsv1;
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
    if (this.allowsRsv1 !== undefined) return this.allowsRsv1 ? { from: 'option', parameters: '' } : undefined;
    return this.#opening?.deflate;
  }

  /** Where the bytes that are read as frames end, in bytes from the first; undefined when none are. */
  get end(): number | undefined {
    return this.#recorder && (this.#opening?.framesAt ?? 0) + this.#recorder.end;
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
  record(bytes: Uint8Array): readonly RecordedFrame[] {
    if (this.#front === undefined) this.#recorder?.push(bytes);
    else this.#takeFront(this.#front, bytes);
    return this.#takeRecorded();
  }

  /** Like `finish`, with the frame as it was recorded. */
  recordEnd(): readonly RecordedFrame[] {
    if (this.#front !== undefined) this.#readFront(concat(this.#front), true);
    this.#recorder?.finish();
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
    const { role, deflate } = this;
    const { strictLengths = false, maxPayloadBytes = Number.POSITIVE_INFINITY } = this.#options;
    const recorderOptions = { role, allowsRsv1: deflate !== undefined, strictLengths, maxPayloadBytes };
    this.#recorder = new FrameRecorder(recorderOptions, (frame) => {
      this.#takeFrame({ ...frame, offset: framesAt + frame.offset });
    });
    this.#recorder.push(front.subarray(framesAt));
  }

  #takeFrame(frame: RecordedFrame): void {
    this.#recorded.push(frame);
    if (frame.violation !== undefined) this.violation = viewViolation(frame.violation, this.view(frame));
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
  { opening, end, violation }: StreamInspector,
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
  if (violation !== undefined) {
    return ignoredPart(bytes, end, 'nothing is read once the connection has failed', '§7.1.7');
  }
  if (last?.state === 'cut') return { incomplete: viewCut(last) };
  return ignoredPart(bytes, end, 'nothing is read behind a Close frame', '§5.5.1');
}

function viewFrame(frame: RecordedFrame, context: LayoutContext): FrameView {
  const { index, offset, header, wirePayload, payload, state, message, part } = frame;
  const byte0 = header[0]!;
  const opcode = byte0 & 0xf;
  const declared = declaredPayloadLength(header);
  const masked = header.length > 1 && (header[1]! & MASK) !== 0;
  const text = textOf(frame, opcode);
  return {
    index,
    offset,
    opcode,
    opcodeName: opcodeName(opcode),
    fin: (byte0 & 0x80) !== 0,
    rsv1: (byte0 & 0x40) !== 0,
    masked,
    headerHex: formatHex(header),
    fields: [
      ...layOutHeader(header, context),
      ...layOutPayload(opcode, header.length, wirePayload, payload, frame.presentLength, text, context),
    ],
    payload: viewPayload(frame, declared, text),
    summary: summarize(byte0, declared, masked),
    ...(message && { message: { index: message.index, part } }),
    state,
  };
}

function viewPayload(frame: RecordedFrame, declared: bigint | undefined, text: string | undefined): PayloadView {
  return {
    declaredLength: Number(declared ?? 0n),
    presentLength: frame.presentLength,
    wireHex: formatHex(frame.wirePayload),
    unmaskedHex: formatHex(frame.payload),
    ...(text !== undefined && { text }),
  };
}

/** What of a payload is text by its opcode or its message, when it is UTF-8 on its own. */
function textOf({ payload, presentLength, isText }: RecordedFrame, opcode: number): string | undefined {
  if (!isText) return undefined;
  const part = opcode === Opcode.Close ? payload.subarray(2) : payload;
  try {
    // Where only the beginning is kept, it may end inside a code point: that one is left out.
    const isKeptWhole = payload.length === presentLength;
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(part, { stream: !isKeptWhole });
  } catch {
    return undefined;
  }
}

/** §5.4: frames of a message, put together. */
function viewMessages(frames: readonly FrameView[]): MessageView[] {
  const parts = new Map<number, FrameView[]>();
  for (const frame of frames) {
    const { message } = frame;
    if (message?.part === 1) parts.set(message.index, [frame]);
    else if (message !== undefined) parts.get(message.index)!.push(frame);
  }
  return [...parts].map(([index, own]) => viewMessage(index, own));
}

function viewMessage(index: number, frames: readonly FrameView[]): MessageView {
  const first = frames[0]!;
  const last = frames.at(-1)!;
  const isText = first.opcode === Opcode.Text;
  const isCompressed = first.rsv1;
  const isComplete = last.fin && last.state === 'whole';
  const isFailed = last.fields.some((field) => field.isFault);
  const isKept = frames.every(({ payload }) => payload.unmaskedHex.length >= 3 * payload.presentLength - 1);
  const isReadable = isText && isComplete && !isCompressed && !isFailed && isKept;
  return {
    index,
    type: isText ? 'text' : 'binary',
    frames: frames.map((frame) => frame.index),
    length: frames.reduce((sum, frame) => sum + frame.payload.presentLength, 0),
    isComplete,
    isCompressed,
    ...(isReadable && { text: decodeUtf8(frames.map(({ payload }) => parseHex(payload.unmaskedHex))) }),
  };
}

function decodeUtf8(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
}

function viewViolation({ id, detail, faultAt }: RecordedViolation, frame: FrameView): ViolationView {
  const { closeCode, code, section, remedy } = VIOLATIONS[id];
  const byte = faultAt ?? (frame.fields.find((field) => field.isFault)?.firstBit ?? 0) >>> 3;
  return {
    id,
    code,
    closeCode,
    closeCodeName: closeCodeName(closeCode),
    section,
    message: violationMessage(id, detail),
    remedy,
    frame: frame.index,
    offset: frame.offset,
    faultOffset: frame.offset + byte,
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
  const missing = declared - BigInt(payload.presentLength);
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
