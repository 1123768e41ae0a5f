/**
 * What passed on connections, as a list that somebody looks at through a window: entries in the order in which they came,
 * those of a filter, and what each says. It keeps the newest; older ones it lets go into a file that can still be saved.
 */

import { type Direction, type FrameView, type InspectOptions, parseHex } from '../../inspector/index.ts';
import { ConnectionRecord, OTHER_DIRECTION } from './connection-record.ts';
import type { Detail, Entry, FrameEntry, MessageDetail, NewEntry, Row } from './entry.ts';
import { type Filter, fits, isEverything, NO_FILTER } from './filter.ts';
import { type FileEvent, type FilePart, linesOf, unlistedLines } from './json-lines.ts';
import { decodeStart, rowOf, saidOf } from './rows.ts';

export interface JournalLimits {
  /** Entries that are kept. */
  readonly maxEntries: number;
  /** And their bytes, on the wire. */
  readonly maxBytes: number;
}

export const LIVE_LIMITS: JournalLimits = { maxEntries: 20_000, maxBytes: 256 * 1024 * 1024 };

/** So many are let go at once, at most. */
const LET_GO_AT_ONCE = 500;
/** What was let go is kept as a file for so long, in bytes of that file. */
const MAX_ARCHIVE_BYTES = 1024 * 1024 * 1024;
/** Of a message so much is shown as text. */
const MAX_TEXT_BYTES = 64 * 1024;
/** And so much of each payload is searched for text. */
const MAX_SEARCHED_BYTES = 1024 * 1024;

export class Journal {
  /** Entries that are not listed any more. */
  letGoCount = 0;
  /** And those among them that no file has either. */
  lostCount = 0;
  /** Lines that stood in front of the list, as it is filtered now, and are gone. */
  goneCount = 0;
  readonly #limits: JournalLimits;
  readonly #records = new Map<number, ConnectionRecord>();
  /** How many entries of each connection are listed. */
  readonly #entryCounts = new Map<number, number>();
  #entries: Entry[] = [];
  #lastId: number;
  #filter: Filter = NO_FILTER;
  /** Ids of the entries that the filter takes; undefined: all. */
  #shown: number[] | undefined;
  readonly #archive: { readonly file: Blob; readonly entries: number }[] = [];

  /** @param lastId behind which its entries are numbered */
  constructor(limits: JournalLimits = LIVE_LIMITS, lastId = 0) {
    this.#limits = limits;
    this.#lastId = lastId;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** Entries that the filter takes. */
  get shownCount(): number {
    return this.#shown?.length ?? this.#entries.length;
  }

  /** All that are listed. */
  get count(): number {
    return this.#entries.length;
  }

  /** Numbers of the connections that are listed. */
  get connections(): readonly number[] {
    return [...this.#records.keys()];
  }

  record(connection: number): ConnectionRecord | undefined {
    return this.#records.get(connection);
  }

  /**
   * A connection begins.
   * @param startedAt as an ISO date; empty when nobody knows: then it is not listed that it begins and ends
   */
  open(connection: number, startedAt: string, target?: string, options?: InspectOptions): void {
    this.#records.set(connection, new ConnectionRecord(startedAt, target, options));
    if (startedAt !== '') this.note(connection, 'opened', target ?? '');
  }

  /** Takes bytes as they were on the wire. */
  append(connection: number, direction: Direction, atMs: number, bytes: Uint8Array): void {
    this.#list(connection, this.#recordOf(connection).append(direction, atMs, bytes));
  }

  /** Takes a message of which nobody has seen the frames. */
  appendMessage(connection: number, direction: Direction, atMs: number, bytes: Uint8Array, isText: boolean): void {
    this.#list(connection, [this.#recordOf(connection).appendMessage(direction, atMs, bytes, isText)]);
  }

  /** Bytes passed that nobody has. */
  lose(connection: number, direction: Direction, byteCount: number): void {
    this.#list(connection, this.#recordOf(connection).lose(direction, byteCount));
  }

  end(connection: number, atMs: number, reason = ''): void {
    const record = this.#records.get(connection);
    if (record === undefined || record.hasEnded) return;
    record.lastMs = Math.max(record.lastMs, atMs);
    this.#list(connection, record.end());
    if (record.startedAt !== '') this.note(connection, 'ended', reason);
  }

  note(connection: number, what: 'opened' | 'ended' | 'note' | 'fault', text: string): void {
    const { lastMs } = this.#recordOf(connection);
    this.#list(connection, [{ type: 'note', atMs: lastMs, what, text }]);
  }

  /** Takes what a server, a proxy or a file tells. */
  take(event: FileEvent): void {
    const connection = ('connection' in event ? event.connection : undefined) ?? 1;
    switch (event.type) {
      case 'opened':
        this.open(connection, event.at, event.target);
        break;
      case 'bytes':
        this.append(connection, event.direction, event.atMs, parseHex(event.hex));
        break;
      case 'message':
        this.appendMessage(connection, event.direction, event.atMs, parseHex(event.hex), event.isText);
        break;
      case 'ended':
        this.end(connection, event.atMs, event.reason);
        break;
      case 'note':
        this.note(connection, event.what, event.text);
        break;
    }
  }

  /** Starts the list anew; connections that are open go on. */
  clear(): void {
    for (const entry of this.#entries) this.#uncount(entry);
    this.#entries = [];
    this.#archive.length = 0;
    this.letGoCount = 0;
    this.lostCount = 0;
    this.filter(this.#filter);
  }

  /** Lists only what fits from now on. */
  filter(filter: Filter): void {
    this.#filter = filter;
    this.goneCount = 0;
    this.#shown = isEverything(filter)
      ? undefined
      : this.#entries.filter((entry) => fits(filter, entry, this.#textOf)).map(({ id }) => id);
  }

  /** Lines start … end of the list. */
  rows(start: number, end: number): Row[] {
    const rows: Row[] = [];
    for (let i = Math.max(start, 0); i < Math.min(end, this.shownCount); i++) rows.push(this.#rowOf(this.#entryAt(i)));
    return rows;
  }

  /** The place of an entry in the list; −1 when it is not listed. */
  indexOf(id: number): number {
    if (this.#shown !== undefined) return this.#shown.indexOf(id);
    const index = id - (this.#entries[0]?.id ?? 0);
    return index >= 0 && index < this.#entries.length ? index : -1;
  }

  /** Of the entry in this place of the list. */
  idAt(index: number): number | undefined {
    return this.#shown === undefined ? this.#entries[index]?.id : this.#shown[index];
  }

  /** The place of the first frame with a fault; −1 when there is none. */
  indexOfFault(): number {
    const entry = this.#entries.find((candidate) => candidate.type === 'frame' && candidate.frame.violation);
    return entry === undefined ? -1 : this.indexOf(entry.id);
  }

  lastFrame(connection: number, direction: Direction): FrameView | undefined {
    const entry = this.#entries.findLast(
      (candidate): candidate is FrameEntry =>
        candidate.type === 'frame' && candidate.connection === connection && candidate.direction === direction,
    );
    return entry && this.#recordOf(connection).view(entry).frame;
  }

  detail(id: number): Detail | undefined {
    const entry = this.#entryOf(id);
    if (entry === undefined) return undefined;
    const record = this.#recordOf(entry.connection);
    const row = this.#rowOf(entry);
    switch (entry.type) {
      case 'note':
        return { row, type: 'note' };
      case 'message': {
        const { isText, from, end } = entry;
        const text = isText ? decodeStart(record.payload(entry, 0, MAX_TEXT_BYTES).data) : undefined;
        return { row, type: 'message', isText, length: end - from, ...(text !== undefined && { text }) };
      }
      case 'head': {
        const request = record.head(OTHER_DIRECTION[entry.direction]);
        const key = request?.fields.find(({ name }) => name.toLowerCase() === 'sec-websocket-key')?.value;
        return { row, type: 'head', head: entry.head, ...(key !== undefined && { sentKey: key }) };
      }
      case 'frame': {
        const { frame, violation } = record.view(entry);
        const message = this.#messageOf(entry);
        return { row, type: 'frame', frame, ...(violation && { violation }), ...(message && { message }) };
      }
    }
  }

  /** Some of an entry's payload, as it was sent and unmasked. */
  payload(id: number, at: number, length: number): { wire: Uint8Array; data: Uint8Array } {
    const entry = this.#entryOf(id);
    if (entry?.type !== 'frame' && entry?.type !== 'message') return { wire: new Uint8Array(), data: new Uint8Array() };
    return this.#recordOf(entry.connection).payload(entry, at, length);
  }

  /** The bytes of an entry as they were on the wire, the first so many of them. */
  bytes(id: number, maxBytes: number): Uint8Array {
    const entry = this.#entryOf(id);
    if (entry === undefined || entry.type === 'note') return new Uint8Array();
    const start = entry.type === 'frame' ? entry.frame.offset : entry.from;
    return this.#recordOf(entry.connection).read(entry.direction, start, Math.min(entry.end, start + maxBytes));
  }

  /** Everything as JSON lines, what was let go included. */
  save(): Blob {
    const parts: FilePart[] = this.#archive.map(({ file }) => file);
    for (const entry of this.#entries) parts.push(...linesOf(entry, this.#recordOf(entry.connection)));
    for (const [connection, record] of this.#records) {
      if (!record.hasEnded) parts.push(...unlistedLines(connection, record));
    }
    return new Blob(parts, { type: 'application/jsonl' });
  }

  #recordOf(connection: number): ConnectionRecord {
    const record = this.#records.get(connection);
    if (record !== undefined) return record;
    this.open(connection, new Date().toISOString());
    return this.#recordOf(connection);
  }

  #list(connection: number, entries: readonly NewEntry[]): void {
    for (const fresh of entries) {
      const entry = { ...fresh, id: ++this.#lastId, connection } as Entry;
      this.#entries.push(entry);
      this.#entryCounts.set(connection, (this.#entryCounts.get(connection) ?? 0) + 1);
      if (this.#shown !== undefined && fits(this.#filter, entry, this.#textOf)) this.#shown.push(entry.id);
    }
  }

  /** Lets the oldest go past the limits; whoever has it take bytes calls this now and then. */
  trim(): void {
    const { maxEntries, maxBytes } = this.#limits;
    while (this.#entries.length > maxEntries || (this.#entries.length > 1 && this.#keptBytes() > maxBytes)) {
      const excess = this.#entries.length - maxEntries;
      this.#letGo(Math.min(this.#entries.length - 1, excess > 0 ? Math.min(excess, LET_GO_AT_ONCE) : 1));
    }
  }

  #keptBytes(): number {
    let bytes = 0;
    for (const record of this.#records.values()) bytes += record.keptBytes;
    return bytes;
  }

  #letGo(count: number): void {
    const gone = this.#entries.splice(0, count);
    const parts = gone.flatMap((entry) => linesOf(entry, this.#recordOf(entry.connection)));
    this.#archive.push({ file: new Blob(parts), entries: gone.length });
    this.letGoCount += gone.length;
    for (const entry of gone) {
      if (entry.type !== 'note') this.#recordOf(entry.connection).letGo(entry.direction, entry.end);
      this.#uncount(entry);
    }
    let bytes = this.#archive.reduce((sum, { file }) => sum + file.size, 0);
    while (bytes > MAX_ARCHIVE_BYTES) {
      const { file, entries } = this.#archive.shift()!;
      bytes -= file.size;
      this.lostCount += entries;
    }
    const firstId = this.#entries[0]!.id;
    const kept = this.#shown?.findIndex((id) => id >= firstId);
    const goneLines = this.#shown?.splice(0, kept === -1 ? this.#shown.length : kept);
    this.goneCount += (goneLines ?? gone).length;
  }

  /** A connection that has ended, and has no entries any more, is forgotten. */
  #uncount({ connection }: Entry): void {
    const count = this.#entryCounts.get(connection)! - 1;
    this.#entryCounts.set(connection, count);
    if (count > 0 || !this.#records.get(connection)!.hasEnded) return;
    this.#records.delete(connection);
    this.#entryCounts.delete(connection);
  }

  #entryAt(index: number): Entry {
    return this.#shown === undefined ? this.#entries[index]! : this.#entryOf(this.#shown[index]!)!;
  }

  #entryOf(id: number): Entry | undefined {
    return this.#entries[id - (this.#entries[0]?.id ?? 0)];
  }

  #rowOf(entry: Entry): Row {
    return rowOf(entry, this.#recordOf(entry.connection));
  }

  /** What an entry says, in lower case. */
  readonly #textOf = (entry: Entry): string => {
    if (entry.type === 'note') return `${entry.what} ${entry.text}`.toLowerCase();
    const record = this.#recordOf(entry.connection);
    if (entry.type === 'head') return textIn(record.read(entry.direction, entry.from, entry.end));
    const { data } = record.payload(entry, 0, MAX_SEARCHED_BYTES);
    const inflated = entry.type === 'frame' ? entry.frame.completed?.content : undefined;
    return `${textIn(data)}\n${saidOf(entry, data)}\n${inflated === undefined ? '' : textIn(inflated)}`.toLowerCase();
  };

  /** §5.4: what the message says whose part the frame is, as far as its frames are listed. */
  #messageOf(entry: FrameEntry): MessageDetail | undefined {
    const { message } = entry.frame;
    if (message === undefined) return undefined;
    const parts = this.#entries.filter(
      (other): other is FrameEntry =>
        other.type === 'frame' &&
        other.connection === entry.connection &&
        other.direction === entry.direction &&
        other.frame.message?.index === message.index,
    );
    const record = this.#recordOf(entry.connection);
    const isWhole = parts[0]!.frame.part === 1;
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    let text = '';
    let left = MAX_TEXT_BYTES;
    for (const part of parts) {
      const { data } = record.payload(part, 0, left);
      left -= data.length;
      text += decoder.decode(data, { stream: true });
    }
    return {
      number: message.index + 1,
      isText: message.isText,
      frameCount: parts.length,
      isComplete: parts.some(({ frame, isFin }) => isFin && frame.state === 'whole'),
      length: parts.reduce((sum, { frame }) => sum + frame.presentLength, 0),
      ...(message.isText && !message.isCompressed && isWhole && { text }),
    };
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function textIn(bytes: Uint8Array): string {
  return decoder.decode(bytes).toLowerCase();
}
