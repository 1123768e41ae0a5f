/** What passed on connections, in a file of JSON lines: an event a line, as a page is told them. */

import { closeSync, createWriteStream, openSync, readSync, type WriteStream } from 'node:fs';
import { HexSyntaxError, parseHex, type WireEvent } from '../../inspector/index.ts';
import { isWholeNumber } from '../../protocol/whole-number.ts';
import { UsageError } from '../usage.ts';
import type { Note } from './notes.ts';

/** Writes one. What it has not written yet is the caller's to bound. */
export class WireFile {
  /** Why nothing is written any more. */
  error: Error | undefined;
  readonly #stream: WriteStream;

  /** @throws what node:fs says when the file cannot be made */
  constructor(path: string) {
    this.#stream = createWriteStream(path, { fd: openSync(path, 'w') });
    this.#stream.on('error', (error) => {
      this.error = error;
    });
  }

  /** @returns whether more may follow at once; otherwise behind `drained` */
  write(event: WireEvent): boolean {
    return this.error !== undefined || this.#stream.write(`${JSON.stringify(event)}\n`);
  }

  drained(): Promise<void> {
    return new Promise((resolve) => {
      if (this.error !== undefined || !this.#stream.writableNeedDrain) resolve();
      this.#stream.once('drain', resolve).once('error', () => resolve());
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.error !== undefined) resolve();
      this.#stream.once('error', () => resolve()).end(resolve);
    });
  }
}

const PIECE_BYTES = 1024 * 1024;
/** Longer lines are no events of ours. */
const MAX_LINE_CHARACTERS = 256 * 1024 * 1024;

/** Events as the notes that they once were. */
export function* notesOf(events: Iterable<WireEvent>): Generator<Note> {
  const openedAtMs = new Map<number, number>();
  for (const event of events) {
    const { connection = 1 } = event as { connection?: number };
    if (event.type === 'opened') openedAtMs.set(connection, Date.parse(event.at));
    if (event.type !== 'bytes' && event.type !== 'ended' && event.type !== 'opened') continue;
    if (!openedAtMs.has(connection)) {
      openedAtMs.set(connection, 0);
      yield { type: 'opened', connection, atMs: 0, text: 'nobody knows when' };
    }
    const atMs = openedAtMs.get(connection)! + (event.type === 'opened' ? 0 : event.atMs);
    if (event.type === 'opened')
      yield {
        type: 'opened',
        connection,
        atMs,
        text: event.target === undefined ? 'from a file' : `to ${event.target}`,
      };
    else if (event.type === 'ended') yield { type: 'ended', connection, atMs, text: event.reason ?? '' };
    else yield { type: 'bytes', connection, atMs, direction: event.direction, bytes: parseHex(event.hex) };
  }
}

/** The events of a file, one behind the other. @throws {UsageError} when it cannot be read, or holds something else */
export function* readWireFile(path: string): Generator<WireEvent> {
  let number = 0;
  for (const line of linesOf(path)) {
    number++;
    if (line.trim() !== '') yield parseEvent(line, `${path}, line ${number}`);
  }
}

function* linesOf(path: string): Generator<string> {
  const piece = Buffer.alloc(PIECE_BYTES);
  const decoder = new TextDecoder();
  let rest = '';
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
      const lines = (rest + decoder.decode(piece.subarray(0, length), { stream: true })).split('\n');
      rest = lines.pop()!;
      if (rest.length > MAX_LINE_CHARACTERS) throw new Error('a line is too long');
      yield* lines;
    }
  } catch (error) {
    throw error instanceof UsageError ? error : new UsageError(`cannot read ${path}: ${(error as Error).message}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
  yield rest;
}

function parseEvent(line: string, place: string): WireEvent {
  let event: Partial<WireEvent> | null;
  try {
    event = JSON.parse(line);
  } catch {
    throw new UsageError(
      `${place}: no JSON: give a file that --save, --record or the page has written. Captures and HAR files are for framewright decode`,
    );
  }
  const fault = faultOf(event);
  if (fault !== undefined) throw new UsageError(`${place}: ${fault}`);
  return event as WireEvent;
}

/** What pages write down beside what passed. */
const PASSED_OVER = ['watching', 'refused', 'message', 'note'];
const NO_EVENT = 'no event that is known: "opened", "bytes" and "ended" are';
const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

/** What keeps a value from being an event of a connection. */
function faultOf(event: Partial<WireEvent> | null): string | undefined {
  if (event === null) return NO_EVENT;
  const { type, connection = 1 } = event as { type?: unknown; connection?: unknown };
  if (!isWholeNumber(connection, 1)) return '"connection" is no number of one';
  const { at, atMs, direction, hex } = event as { at?: unknown; atMs?: unknown; direction?: unknown; hex?: unknown };
  if (type === 'opened') return Number.isNaN(Date.parse(String(at))) ? '"at" is no date' : undefined;
  if (PASSED_OVER.includes(String(type))) return undefined;
  if (type !== 'bytes' && type !== 'ended') return NO_EVENT;
  if (!isTime(atMs)) return '"atMs" is no number of milliseconds';
  if (type === 'ended') return undefined;
  if (direction !== 'clientToServer' && direction !== 'serverToClient') {
    return '"direction" is neither "clientToServer" nor "serverToClient"';
  }
  try {
    parseHex(String(hex));
    return undefined;
  } catch (error) {
    if (error instanceof HexSyntaxError) return `"hex": ${error.message}`;
    throw error;
  }
}
