/**
 * What is printed of a conversation: a line for each frame, every frame field by field, or as JSON an object for each
 * message. All three go along with the frames, so that a capture may be of any length.
 */

import {
  type Conversation,
  type ConversationInspector,
  DIRECTIONS,
  type Direction,
  type FrameEntry,
  formatHex,
  type HeadView,
  plural,
  printable,
  quote,
  type RecordedMessage,
  renderEntry,
  renderHead,
  sectionLabel,
  type TextReportOptions,
  timeText,
} from '../../inspector/index.ts';
import { closeCodeName, isControlOpcode, Opcode, opcodeName, readCloseCode } from '../../protocol/index.ts';

/** A conversation that is being reported. */
export interface Subject {
  readonly number: number;
  readonly name: string;
  readonly inspector: ConversationInspector;
  readonly areMessages?: boolean;
}

export interface Report {
  begin(subject: Subject): string;
  frames(subject: Subject, entries: readonly FrameEntry[]): string;
  note(subject: Subject, text: string, atMs?: number): string;
  end(subject: Subject): string;
}

type Paint = NonNullable<TextReportOptions['paint']>;

const PREVIEW_CHARACTERS = 300;
const PREVIEW_BYTES = 32;
const ARROWS = { clientToServer: '→', serverToClient: '←' } as const;

/** A line for each frame; heads before the first frame behind them. */
export function lineReport(paint: Paint, isWhole: boolean): Report {
  const heads = new HeadOutlet((head) => {
    const fault = head.fault && `: ${head.fault.message} (${sectionLabel(head.fault.section)})`;
    const extensions = head.fields.find(({ name }) => name.toLowerCase() === 'sec-websocket-extensions')?.value;
    const line = `  ${printable(head.startLine)}${extensions === undefined ? '' : `  (${printable(extensions)})`}`;
    return fault === undefined ? `${line}\n` : `${line}\n${paint(`  Handshake at fault${fault}`, 'fault')}\n`;
  });
  return {
    begin: (subject) => titleOf(subject, paint),
    frames(subject, entries) {
      if (entries.length === 0) return '';
      return heads.take(subject) + entries.map((entry) => `${lineOf(subject, entry, paint, isWhole)}\n`).join('');
    },
    note: (subject, text, atMs) =>
      `${heads.take(subject)}${prefixOf(subject, atMs)}${paint(printable(text), 'fault')}\n`,
    end: (subject) => heads.take(subject) + endOf(subject, paint),
  };
}

/** Each frame field by field. */
export function fieldReport(options: TextReportOptions): Report {
  const { paint = (text: string) => text } = options;
  const heads = new HeadOutlet((head) => `\n${renderHead(head, paint).join('\n')}\n`);
  return {
    begin: (subject) => titleOf(subject, paint),
    frames(subject, entries) {
      if (entries.length === 0) return '';
      return (
        heads.take(subject) +
        entries.map((entry) => `\n${prefixOf(subject, entry.atMs)}${renderEntry(entry, options)}`).join('')
      );
    },
    note: (subject, text, atMs) =>
      `${heads.take(subject)}\n${prefixOf(subject, atMs)}${paint(printable(text), 'fault')}\n`,
    end: (subject) => heads.take(subject) + endOf(subject, paint),
  };
}

/** Says each head of a handshake once, before what stands behind it. */
class HeadOutlet {
  readonly #said = new WeakSet<ConversationInspector['clientToServer']>();
  readonly #render: (head: HeadView) => string;

  constructor(render: (head: HeadView) => string) {
    this.#render = render;
  }

  take({ inspector }: Subject): string {
    return DIRECTIONS.map((direction) => {
      const lane = inspector[direction];
      const { handshake } = lane;
      if (handshake === undefined || this.#said.has(lane)) return '';
      this.#said.add(lane);
      return this.#render(handshake);
    }).join('');
  }
}

function titleOf({ number, name, areMessages }: Subject, paint: Paint): string {
  const title = paint(`WebSocket ${number}: ${printable(name)}`, 'heading');
  if (!areMessages) return `${title}\n`;
  return `${title}\n${paint('  only its messages were recorded, not its frames', 'dim')}\n`;
}

function prefixOf({ number }: Subject, atMs: number | undefined): string {
  return `${atMs === undefined ? '' : `${timeText(atMs)}  `}#${number} `;
}

function endOf({ number, inspector }: Subject, paint: Paint): string {
  return DIRECTIONS.map((direction) => {
    const { unreadBytes, unfinished, violation, options } = inspector[direction];
    const lines: string[] = [];
    const start = `#${number} ${ARROWS[direction]} `;
    if (unreadBytes > 0) {
      lines.push(`${plural(unreadBytes, 'byte')} passed over: it is not known where the next frame begins in them`);
    }
    if (unfinished !== undefined) lines.push(`message ${unfinished.index + 1} (${unfinished.type}) is not finished`);
    if (violation !== undefined && options.readsOn !== true) {
      lines.push('nothing is read once the connection has failed (--all reads on)');
    }
    return lines.map((line) => `${start}${paint(line, 'dim')}\n`).join('');
  }).join('');
}

function lineOf(subject: Subject, entry: FrameEntry, paint: Paint, isWhole: boolean): string {
  const { direction, atMs, recorded, frame } = entry;
  const parts = [`${prefixOf(subject, atMs)}${ARROWS[direction]} ${frame.summary}`];
  const { completed } = recorded;
  if (recorded.state === 'cut') parts.push(paint('(cut off)', 'fault'));
  if (recorded.lostLength > 0) parts.push(paint(`(${recorded.lostLength} bytes of it not recorded)`, 'fault'));
  if (completed?.start.isCompressed && completed.inflateFault === undefined && !completed.isDamaged) {
    parts.push(`(${completed.contentLength} bytes inflated, ratio ${frame.completed?.inflated?.ratio})`);
  }
  if (frame.completed?.fault !== undefined) parts.push(paint(`(${frame.completed.fault})`, 'fault'));
  parts.push(previewOf(entry, isWhole));
  const line = parts.filter((part) => part !== '').join('  ');
  const { violation } = frame;
  if (violation === undefined) return line;
  const { message, section, faultOffset, id } = violation;
  const fault = `Violation: ${message} (${sectionLabel(section)}, ${id}), in byte ${faultOffset} of this direction`;
  return `${line}\n  ${paint(fault, 'fault')}`;
}

function previewOf({ recorded }: FrameEntry, isWhole: boolean): string {
  const { header, payload, completed } = recorded;
  const opcode = header[0]! & 0xf;
  if (opcode === Opcode.Close) {
    const code = readCloseCode(payload);
    return [payload.length < 2 ? '' : `${code} ${closeCodeName(code)}`, textPreview(payload.subarray(2), isWhole)]
      .join(' ')
      .trim();
  }
  if (isControlOpcode(opcode)) return textPreview(payload, isWhole);
  if (completed === undefined) return '';
  const { content, isReadable } = completed;
  return isReadable ? textPreview(content, isWhole) : bytesPreview(content, isWhole);
}

function textPreview(bytes: Uint8Array, isWhole: boolean): string {
  if (bytes.length === 0) return '';
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    isWhole ? bytes : bytes.subarray(0, 4 * PREVIEW_CHARACTERS),
  );
  if (/[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text)) return bytesPreview(bytes, isWhole);
  const isCut = !isWhole && text.length > PREVIEW_CHARACTERS;
  return quote(isCut ? text.slice(0, PREVIEW_CHARACTERS) : text) + (isCut ? '…' : '');
}

function bytesPreview(bytes: Uint8Array, isWhole: boolean): string {
  const isCut = !isWhole && bytes.length > PREVIEW_BYTES;
  return formatHex(isCut ? bytes.subarray(0, PREVIEW_BYTES) : bytes) + (isCut ? ' …' : '');
}

/** An object for each message and for each control frame; what breaks a rule, or is not whole, says so in it. */
export function jsonReport(): Report {
  const line = (subject: Subject, fields: object) =>
    `${JSON.stringify({ connection: subject.number, name: subject.name, ...fields })}\n`;
  return {
    begin: () => '',
    frames: (subject, entries) =>
      entries.flatMap((entry) => objectsOf(entry).map((fields) => line(subject, fields))).join(''),
    note: (subject, text, atMs) => line(subject, { ...timeFields(atMs), type: 'note', text }),
    end: (subject) =>
      DIRECTIONS.flatMap((direction) => {
        const { unfinished } = inspectorOf(subject, direction);
        if (unfinished === undefined) return [];
        const { opcode, type, length, frames } = unfinished;
        return [line(subject, { direction, opcode, type, length, frames: frames.length, isComplete: false })];
      }).join(''),
  };
}

function inspectorOf({ inspector }: Subject, direction: Direction) {
  return inspector[direction];
}

function timeFields(atMs: number | undefined): object {
  return atMs === undefined ? {} : { time: timeText(atMs), atMs };
}

function objectsOf({ direction, atMs, recorded, frame }: FrameEntry): object[] {
  const { header, payload, completed, state, presentLength, violation: fault } = recorded;
  const opcode = header[0]! & 0xf;
  const { violation: its } = frame;
  const violation = its && {
    id: its.id,
    message: its.message,
    section: sectionLabel(its.section),
    offset: its.faultOffset,
  };
  const start = { direction, ...timeFields(atMs) };
  const end = { ...(state === 'cut' && { isComplete: false }), ...(violation && { violation }) };
  if (completed !== undefined) return [{ ...start, ...messageFields(completed), ...end }];
  if (!isControlOpcode(opcode) && fault === undefined && state === 'whole') return [];
  const type = opcodeName(opcode);
  if (opcode !== Opcode.Close || payload.length < 2) {
    return [{ ...start, opcode, type, length: presentLength, ...contentFields(payload, true), ...end }];
  }
  const reason = contentFields(payload.subarray(2), true);
  return [{ ...start, opcode, type, length: presentLength, code: readCloseCode(payload), ...reason, ...end }];
}

function messageFields({
  start,
  frames,
  length,
  content,
  contentLength,
  isReadable,
  inflateFault,
  isDamaged,
}: RecordedMessage) {
  const isInflated = start.isCompressed && inflateFault === undefined && !isDamaged;
  return {
    opcode: start.opcode,
    type: start.isText ? 'text' : 'binary',
    length: isInflated ? contentLength : length,
    ...(frames.length > 1 && { frames: frames.length }),
    ...(start.isCompressed && { compressedLength: length }),
    ...(isInflated && length > 0 && { ratio: Math.round((100 * contentLength) / length) / 100 }),
    ...(inflateFault && { fault: `it cannot be inflated: ${inflateFault.message}` }),
    ...(isDamaged && { isComplete: false }),
    ...contentFields(content, isReadable),
    ...(content.length < contentLength && { isCut: true }),
  };
}

function contentFields(bytes: Uint8Array, isText: boolean): { text?: string; hex?: string } {
  if (isText) {
    try {
      return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
    } catch {
      // Bytes, then.
    }
  }
  return { hex: formatHex(bytes, '') };
}

/** What `readInput` found, in the same ways. */
export function reportConversation(
  report: Report,
  { passages, notes = [], areMessages = false }: Conversation,
  subject: Subject,
  write: (text: string) => void,
): void {
  write(report.begin({ ...subject, areMessages }));
  let noted = 0;
  const sayNotes = (upTo: number) => {
    for (; noted < notes.length && notes[noted]!.before <= upTo; noted++) {
      write(report.note(subject, notes[noted]!.text, notes[noted]!.atMs));
    }
  };
  for (const [i, { direction = 'clientToServer', bytes, atMs }] of passages.entries()) {
    sayNotes(i);
    write(report.frames(subject, subject.inspector.push({ direction, bytes, atMs })));
  }
  write(report.frames(subject, subject.inspector.finish()));
  sayNotes(passages.length);
  write(report.end(subject));
}
