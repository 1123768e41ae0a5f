/**
 * Reads the bytes of one direction of a connection, frame by frame, and tells what they say (§5), with the opening
 * handshake in front of them if they have one (§4). The parsing is production's; this turns its findings into views.
 */

import {
  closeCodeName,
  isControlOpcode,
  isValidUtf8,
  MASK,
  Opcode,
  opcodeName,
  type Role,
  VIOLATIONS,
  violationMessage,
} from '../protocol/index.ts';
import { FrameRecorder, type RecordedFrame, type RecordedMessage } from './frame-recorder.ts';
import { headKindOf, receiverOf, viewHead } from './handshake.ts';
import {
  declaredHeaderLength,
  declaredPayloadLength,
  type LayoutContext,
  layOutHeader,
  layOutPayload,
  plural,
  summarize,
} from './header-layout.ts';
import { formatHex } from './hex.ts';
import type {
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
  readonly role?: Role | 'auto';
  /** Whether permessage-deflate is in use, which gives RSV1 a meaning (RFC 7692 §6.1). Default false. */
  readonly allowsRsv1?: boolean;
  /** Take a payload length that is not in its shortest form as a violation (§5.2). Default false. */
  readonly strictLengths?: boolean;
}

/** Looks at `bytes`, which stay as they are. Never throws, whatever they hold. */
export function inspect(bytes: Uint8Array, options: InspectOptions = {}): InspectionView {
  const kind = headKindOf(bytes);
  const head = kind === undefined ? undefined : viewHead(bytes, kind);
  const framesAt = head?.length ?? 0;
  const { role, roleFrom } = findRole(bytes, options.role ?? 'auto', kind);
  const base = { role, roleFrom, length: bytes.length, frames: [], messages: [] };
  if (kind !== undefined && head === undefined) {
    const explanation = `the bytes end inside the head of the HTTP ${kind}`;
    return { ...base, incomplete: { within: 'handshake', offset: 0, missingBytes: 0, explanation } };
  }
  const handshake = head && { handshake: head };
  if (head?.fault !== undefined) {
    const why = 'no WebSocket was opened, so what follows is not frames';
    return { ...base, ...handshake, ...ignoredPart(bytes, framesAt, why, head.fault.section) };
  }
  const { allowsRsv1 = false, strictLengths = false } = options;
  const recorder = new FrameRecorder(bytes.subarray(framesAt), { role, allowsRsv1, strictLengths });
  return { ...base, ...handshake, ...viewRecording(bytes, framesAt, recorder, { role, allowsRsv1 }) };
}

/** Whether the bytes are whole frames, all of them legal: the view names no violation and nothing is missing. */
export function isWholeAndLegal(view: InspectionView): boolean {
  return view.violation === undefined && view.incomplete === undefined && view.handshake?.fault === undefined;
}

function findRole(
  bytes: Uint8Array,
  given: Role | 'auto',
  kind: ReturnType<typeof headKindOf>,
): Pick<InspectionView, 'role' | 'roleFrom'> {
  if (given !== 'auto') return { role: given, roleFrom: 'option' };
  if (kind !== undefined) return { role: receiverOf(kind), roleFrom: 'handshake' };
  if (bytes.length < 2) return { role: 'server', roleFrom: 'default' };
  return { role: (bytes[1]! & MASK) === 0 ? 'client' : 'server', roleFrom: 'mask' };
}

function viewRecording(
  bytes: Uint8Array,
  framesAt: number,
  recorder: FrameRecorder,
  { role, allowsRsv1 }: Pick<LayoutContext, 'role' | 'allowsRsv1'>,
): Partial<InspectionView> & Pick<InspectionView, 'frames' | 'messages'> {
  const found = recorder.violationFound;
  const frames = recorder.frames.map((frame, index) => {
    const fault = found?.frame === index ? found.id : undefined;
    return viewFrame(frame, index, framesAt, { role, allowsRsv1, isMessageOpen: frame.isMessageOpen, fault });
  });
  const messages = recorder.messages.map((message, index) => viewMessage(message, index, recorder));
  const violation = viewViolation(recorder, frames);
  const end = framesAt + recorder.end;
  const ignored =
    violation === undefined
      ? ignoredPart(bytes, end, 'nothing is read behind a Close frame', '§5.5.1')
      : ignoredPart(bytes, end, 'nothing is read once the connection has failed', '§7.1.7');
  const last = recorder.frames.at(-1);
  const incomplete =
    violation === undefined && last?.state === 'cut' ? { incomplete: viewCut(last, framesAt) } : undefined;
  return { frames, messages, ...(violation && { violation }), ...incomplete, ...ignored };
}

function viewFrame(frame: RecordedFrame, index: number, framesAt: number, context: LayoutContext): FrameView {
  const { header, wirePayload, payload, state, message } = frame;
  const byte0 = header[0]!;
  const opcode = byte0 & 0xf;
  const declared = declaredPayloadLength(header);
  const masked = header.length > 1 && (header[1]! & MASK) !== 0;
  const text = textOf(frame, opcode);
  return {
    index,
    offset: framesAt + frame.offset,
    opcode,
    opcodeName: opcodeName(opcode),
    fin: (byte0 & 0x80) !== 0,
    rsv1: (byte0 & 0x40) !== 0,
    masked,
    headerHex: formatHex(header),
    fields: [
      ...layOutHeader(header, context),
      ...layOutPayload(opcode, header.length, wirePayload, payload, text, context),
    ],
    payload: viewPayload(frame, declared, text),
    summary: summarize(byte0, declared, masked),
    ...(message && { message }),
    state,
  };
}

function viewPayload(frame: RecordedFrame, declared: bigint | undefined, text: string | undefined): PayloadView {
  return {
    declaredLength: Number(declared ?? 0n),
    presentLength: frame.payload.length,
    wireHex: formatHex(frame.wirePayload),
    unmaskedHex: formatHex(frame.payload),
    ...(text !== undefined && { text }),
  };
}

/** What of a payload is text by its opcode or its message, when it is UTF-8 on its own. */
function textOf({ payload, isText }: RecordedFrame, opcode: number): string | undefined {
  if (!isText) return undefined;
  const part = opcode === Opcode.Close ? payload.subarray(2) : payload;
  return isValidUtf8(part) ? decodeUtf8([part]) : undefined;
}

function viewMessage(message: RecordedMessage, index: number, recorder: FrameRecorder): MessageView {
  const { isText, isCompressed, isComplete } = message;
  const parts = message.frames.map((frame) => recorder.frames[frame]!.payload);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const isFailed = recorder.violationFound?.frame === message.frames.at(-1);
  const isReadable = isText && isComplete && !isCompressed && !isFailed;
  return {
    index,
    type: isText ? 'text' : 'binary',
    frames: message.frames,
    length,
    isComplete,
    isCompressed,
    ...(isReadable && { text: decodeUtf8(parts) }),
  };
}

function decodeUtf8(parts: readonly Uint8Array[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return parts.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode();
}

function viewViolation(recorder: FrameRecorder, frames: readonly FrameView[]): ViolationView | undefined {
  const found = recorder.violationFound;
  if (found === undefined) return undefined;
  const { closeCode, code, section, remedy } = VIOLATIONS[found.id];
  const frame = frames[found.frame]!;
  const faultAt = found.faultAt ?? (frame.fields.find((field) => field.isFault)?.firstBit ?? 0) >>> 3;
  return {
    id: found.id,
    code,
    closeCode,
    closeCodeName: closeCodeName(closeCode),
    section,
    message: violationMessage(found.id, found.detail),
    remedy,
    frame: found.frame,
    offset: frame.offset,
    faultOffset: frame.offset + faultAt,
  };
}

function viewCut(frame: RecordedFrame, framesAt: number): IncompleteView {
  const offset = framesAt + frame.offset;
  const { header, payload } = frame;
  const missingHeader = declaredHeaderLength(header) - header.length;
  if (missingHeader > 0) {
    const atLeast = header.length < 2 ? 'at least ' : '';
    const explanation = `the bytes end inside a header: ${atLeast}${plural(missingHeader, 'byte')} of it missing`;
    return { within: 'header', offset, missingBytes: missingHeader, explanation };
  }
  const declared = declaredPayloadLength(header)!;
  const missing = declared - BigInt(payload.length);
  const kind = isControlOpcode(header[0]! & 0xf) ? 'control frame' : 'frame';
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
