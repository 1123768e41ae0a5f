/**
 * Takes apart what somebody pasted or dropped, in steps: the page can ask how far it is, look at what there is already, and
 * stop it.
 */

import { DIRECTIONS } from '../../inspector/conversation.ts';
import {
  bytesOfOneDirection,
  type Conversation,
  type Direction,
  describeReading,
  type InspectionView,
  type InspectOptions,
  plural,
  type ReadInput,
  readInput,
  StreamInspector,
  viewInspection,
} from '../../inspector/index.ts';
import { Journal } from '../journal/journal.ts';
import { Announcer } from './announcer.ts';
import { type CaptureFile, CaptureIntake, openCapture } from './capture.ts';
import { JournalWindow } from './journal-window.ts';
import type { DecodeInput, DecodeNote, DecodeState, FromWorker, WorkerRequest } from './messages.ts';

/** Everything is kept: the bytes are there anyway. */
const LIMITS = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };
/** Bytes that are inspected before others get their turn. */
const STEP_BYTES = 16 * 1024;
/** Enough of the beginning to tell who speaks. */
const PROBE_BYTES = 4096;
/** Of a capture, since all of it is kept. */
const MAX_CAPTURE_BYTES = 256 * 1024 * 1024;
/** More are not read by anybody. */
const MAX_NOTES = 20;

const IDLE: DecodeState = { phase: 'idle', doneBytes: 0, totalBytes: 0, reading: '', fault: '', notes: [] };

export class Decoder {
  #journal = new Journal(LIMITS);
  readonly window = new JournalWindow(this.#journal);
  readonly #announcer: Announcer;
  #state = IDLE;
  /** What goes on: of an older run nothing is wanted any more. */
  #run = 0;

  constructor(tell: (message: FromWorker) => void) {
    this.#announcer = new Announcer(() => {
      tell({ view: this.window.view(), decode: this.#state, ...this.window.takeDetail() });
    });
  }

  take(request: WorkerRequest): void {
    switch (request.type) {
      case 'look':
      case 'select':
      case 'move':
      case 'filter':
        this.window.take(request);
        this.#announcer.now();
        break;
      case 'decode':
        void this.#decode(request.input);
        break;
      case 'stop':
        this.#run++;
        this.#change({ phase: this.#state.phase === 'decoding' ? 'stopped' : 'idle' });
        this.#announcer.now();
        break;
    }
  }

  async #decode(input: DecodeInput): Promise<void> {
    const run = ++this.#run;
    this.#state = { ...IDLE, phase: 'reading' };
    try {
      const capture = typeof input.content === 'string' ? undefined : await openCapture(input.content);
      if (capture !== undefined) {
        await this.#takeCapture(capture, { allowsRsv1: input.isCompressed }, run);
        return;
      }
      const content = await this.#contentOf(input);
      if (run !== this.#run) return;
      const read = readInput(content);
      if (read.conversations.every(isEmpty)) this.#show(this.#newJournal(), { phase: 'idle' });
      else await this.#inspect(read, input, run);
    } catch (error) {
      if (run === this.#run) this.#show(this.#newJournal(), { phase: 'fault', fault: `${(error as Error).message}.` });
    }
    if (run === this.#run) this.#announcer.now();
  }

  async #takeCapture(
    { name, form, totalBytes, bytes }: CaptureFile,
    options: InspectOptions,
    run: number,
  ): Promise<void> {
    const journal = this.#newJournal();
    const intake = new CaptureIntake(journal, name, options);
    const reader = bytes.getReader();
    let doneBytes = 0;
    const notes: DecodeNote[] = [];
    this.#show(journal, { phase: totalBytes === undefined ? 'reading' : 'decoding', totalBytes: totalBytes ?? 0 });
    for (;;) {
      const { value, done } = await reader.read();
      if (run !== this.#run) return void reader.cancel();
      if (done) break;
      intake.push(value);
      doneBytes += value.length;
      this.#change({ doneBytes });
      this.#announcer.soon();
      if (doneBytes < MAX_CAPTURE_BYTES) continue;
      notes.push({
        text: `Read as far as ${plural(doneBytes, 'byte')}: “framewright decode” reads captures of any length`,
      });
      void reader.cancel();
      break;
    }
    this.#change({ phase: 'done', reading: form, notes: [...intake.finish(), ...notes] });
    this.window.select(Math.max(0, journal.indexOfFault()));
    this.#announcer.now();
  }

  /** What is short is decoded at once, without a word about progress. */
  async #contentOf({ content }: DecodeInput): Promise<string | Uint8Array> {
    if (typeof content === 'string' && content.length < STEP_BYTES) return content;
    this.#announcer.now();
    await nextTurn();
    return typeof content === 'string' ? content : new Uint8Array(await content.arrayBuffer());
  }

  async #inspect(read: ReadInput, { role, isCompressed }: DecodeInput, run: number): Promise<void> {
    const options: InspectOptions = { role, allowsRsv1: isCompressed };
    const steps = read.conversations.flatMap((conversation, i) => [...stepsOf(conversation, i + 1, options)]);
    const totalBytes = steps.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const isShort = totalBytes <= STEP_BYTES;
    const journal = this.#newJournal();
    let doneBytes = 0;
    let untoldBytes = 0;
    for (const { connection, direction, atMs, bytes } of steps) {
      if (journal.record(connection) === undefined) {
        const conversation = read.conversations[connection - 1]!;
        journal.open(connection, '', conversation.name, optionsFor(conversation, options));
      }
      journal.append(connection, direction, atMs, bytes);
      doneBytes += bytes.length;
      untoldBytes += bytes.length;
      if (isShort || untoldBytes < STEP_BYTES) continue;
      untoldBytes = 0;
      if (this.#state.phase === 'reading') this.#show(journal, { phase: 'decoding' });
      this.#change({ doneBytes, totalBytes });
      this.#announcer.soon();
      await nextTurn();
      if (run !== this.#run) return;
    }
    for (const connection of journal.connections) journal.end(connection, 0);
    if (this.#state.phase === 'reading') this.#show(journal, {});
    const views = journal.connections.flatMap((connection) => viewsOf(journal, connection));
    const [first] = views;
    const reading = first === undefined || views.length > 1 ? read.form : describeReading(first, read.form);
    this.#change({
      phase: 'done',
      doneBytes,
      totalBytes,
      reading,
      notes: [...read.conversations.flatMap(notesIn), ...views.flatMap(notesOn)].slice(0, MAX_NOTES),
    });
    this.window.select(Math.max(0, journal.indexOfFault()));
  }

  /** Its lines are others than those that are shown. */
  #newJournal(): Journal {
    return new Journal(LIMITS, this.#journal.lastId);
  }

  #show(journal: Journal, change: Partial<DecodeState>): void {
    this.#journal = journal;
    this.window.open(journal);
    this.#change(change);
  }

  #change(change: Partial<DecodeState>): void {
    this.#state = { ...this.#state, ...change };
  }
}

interface Step {
  readonly connection: number;
  readonly direction: Direction;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** What was read, in the order in which it passed, in pieces that are not long. */
function* stepsOf(conversation: Conversation, connection: number, options: InspectOptions): Generator<Step> {
  const bytes = bytesOfOneDirection(conversation);
  const passages =
    bytes === undefined ? conversation.passages : [{ bytes, direction: directionOf(bytes, options), atMs: undefined }];
  const startMs = passages.find(({ atMs }) => atMs !== undefined)?.atMs ?? 0;
  for (const { direction = 'clientToServer', bytes, atMs = startMs } of passages) {
    for (let at = 0; at < bytes.length; at += STEP_BYTES) {
      yield { connection, direction, atMs: atMs - startMs, bytes: bytes.subarray(at, at + STEP_BYTES) };
    }
  }
}

function isEmpty({ passages, notes = [] }: Conversation): boolean {
  return notes.length === 0 && passages.every(({ bytes }) => bytes.length === 0);
}

/** Where both directions are told, each has its own role. */
function optionsFor(conversation: Conversation, { role, ...others }: InspectOptions): InspectOptions {
  return bytesOfOneDirection(conversation) === undefined ? others : { role, ...others };
}

/** What the input tells beside bytes. */
function notesIn({ notes = [], areMessages }: Conversation): DecodeNote[] {
  const made = areMessages
    ? [
        {
          text: 'Only messages were recorded. Each stands here as one frame, masked with zeros where the client sent it',
        },
      ]
    : [];
  return [...made, ...notes.map(({ text }) => ({ text }))];
}

/** Where bytes go of which nobody says it. */
function directionOf(bytes: Uint8Array, options: InspectOptions): Direction {
  const probe = new StreamInspector(options);
  probe.record(bytes.subarray(0, PROBE_BYTES));
  return probe.role === 'server' ? 'clientToServer' : 'serverToClient';
}

/** What was found in each direction, with the last frame only. */
function viewsOf(journal: Journal, connection: number): InspectionView[] {
  const record = journal.record(connection)!;
  return DIRECTIONS.flatMap((direction) => {
    const bytes = record.read(direction, 0, Number.POSITIVE_INFINITY);
    if (bytes.length === 0) return [];
    const last = journal.lastFrame(connection, direction);
    return viewInspection(record.inspector(direction), last === undefined ? [] : [last], bytes);
  });
}

/** What is to be said beside the frames. */
function notesOn({ preceding = [], handshake, frames, incomplete, ignored }: InspectionView): DecodeNote[] {
  const notes: DecodeNote[] = preceding.map(({ kind, length, bodyLength, startLine }) => ({
    text: `HTTP ${kind} before the handshake, ${plural(length + bodyLength, 'byte')}: ${startLine}`,
  }));
  if (handshake?.fault !== undefined) {
    const { message, section } = handshake.fault;
    notes.push({ text: `${frames.length > 0 ? 'Handshake at fault' : 'No WebSocket'}: ${message}`, section });
  }
  if (incomplete !== undefined) notes.push({ text: `Incomplete: ${incomplete.explanation}` });
  if (ignored !== undefined) {
    const { length, offset, explanation, section } = ignored;
    notes.push({ text: `${plural(length, 'byte')} from byte ${offset} on not read: ${explanation}`, section });
  }
  return notes;
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
