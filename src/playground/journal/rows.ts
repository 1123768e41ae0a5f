/** What people read about an entry: its line in the list, and everything about it. */

import { type FrameView, formatHex, plural } from '../../inspector/index.ts';
import { closeCodeName, Opcode, readCloseCode } from '../../protocol/index.ts';
import type { ConnectionRecord } from './connection-record.ts';
import type { Entry, FrameEntry, MessageEntry, Row } from './entry.ts';

const PREVIEW_CHARACTERS = 80;
/** Bytes that a preview may need. */
const PREVIEW_BYTES = 128;
/** So many are found as hex. */
const SEARCHED_HEX_BYTES = 64;

export function rowOf(entry: Entry, record: ConnectionRecord): Row {
  const { id, connection, atMs } = entry;
  const place = { id, connection, atMs };
  switch (entry.type) {
    case 'head': {
      const { direction, head } = entry;
      const what = `${plural(head.length, 'byte')}${head.fault === undefined ? '' : ', at fault'}`;
      const isFault = head.fault !== undefined;
      return { ...place, direction, kind: head.kind, what, preview: clip(head.startLine), isFault };
    }
    case 'frame': {
      const { frame } = record.view(entry);
      const isFault = entry.frame.violation !== undefined;
      const kind = frame.opcodeName;
      return { ...place, direction: entry.direction, kind, what: whatOf(frame), preview: previewOf(frame), isFault };
    }
    case 'message': {
      const { direction, isText, from, end } = entry;
      const text = previewOfMessage(entry, record);
      return {
        ...place,
        direction,
        kind: isText ? 'text' : 'binary',
        what: size(end - from),
        preview: text,
        isFault: false,
      };
    }
    case 'note':
      return { ...place, kind: entry.what, what: '', preview: entry.text, isFault: entry.what === 'fault' };
  }
}

function whatOf(frame: FrameView): string {
  const { fin, masked, rsv1, message, completed, state } = frame;
  const parts = [`${lengthOf(frame)}`];
  if (masked) parts.push('masked');
  if (rsv1) parts.push('compressed');
  if (!fin || (message?.part ?? 1) > 1) parts.push(`fragment ${message?.part ?? ''}`.trim());
  if (state === 'cut') parts.push('cut off');
  if (state === 'refused') parts.push('refused');
  const inflated = completed?.inflated;
  if (inflated !== undefined) parts.push(`${size(inflated.length)} inflated (ratio ${inflated.ratio})`);
  return parts.join(', ');
}

/** The declared length; the field has it exactly, past 2^53 too. */
function lengthOf({ fields, payload }: FrameView): string {
  const extended = fields.find(({ id }) => id === 'extendedPayloadLength')?.value;
  return plural(BigInt(extended ?? payload.declaredLength), 'byte');
}

/** What a compressed message says, at its last frame; else what the frame has. */
function previewOf({ payload, fields, opcodeName, completed }: FrameView): string {
  const code = fields.find((field) => field.id === 'statusCode')?.value;
  if (opcodeName === 'close') {
    const name = code === undefined ? '' : `${code} ${closeCodeName(Number(code))}`;
    return clip([name, payload.text && `“${payload.text}”`].filter(Boolean).join(' '));
  }
  const { text, hex } = completed?.inflated ?? { text: payload.text, hex: payload.unmaskedHex };
  return text !== undefined && text !== '' ? `“${clip(text)}”` : clip(hex);
}

function previewOfMessage(entry: MessageEntry, record: ConnectionRecord): string {
  const bytes = record.payload(entry, 0, PREVIEW_BYTES).data;
  return entry.isText ? `“${clip(decodeStart(bytes))}”` : clip(formatHex(bytes));
}

/** What a payload says beside its text: the code of a Close frame (§5.5.1), or its first bytes. */
export function saidOf(entry: FrameEntry | MessageEntry, payload: Uint8Array): string {
  if (entry.type === 'frame' && entry.opcode === Opcode.Close && payload.length >= 2) {
    const code = readCloseCode(payload);
    return `${code} ${closeCodeName(code)}`;
  }
  return formatHex(payload.subarray(0, SEARCHED_HEX_BYTES));
}

function size(bytes: number): string {
  return plural(bytes, 'byte');
}

function clip(text: string): string {
  return text.length <= PREVIEW_CHARACTERS ? text : `${text.slice(0, PREVIEW_CHARACTERS)}…`;
}

/** Text that may be cut inside a character; what is no UTF-8 shows as that. */
export function decodeStart(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
}
