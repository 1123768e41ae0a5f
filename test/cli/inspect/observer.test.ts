import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseFilter } from '../../../src/cli/inspect/filter.ts';
import type { Note } from '../../../src/cli/inspect/notes.ts';
import { MAX_FOLLOWED, Observer } from '../../../src/cli/inspect/observer.ts';
import { LinePrinter } from '../../../src/cli/inspect/print.ts';
import { notesOf, readWireFile, WireFile } from '../../../src/cli/inspect/wire-file.ts';
import { UsageError } from '../../../src/cli/usage.ts';
import { formatHex, type WireEvent } from '../../../src/inspector/index.ts';
import { KEY, upgradeRequest } from '../../support/raw-peer.ts';
import { acceptance } from '../../support/raw-server.ts';
import { frame, toBytes } from '../../support/wire.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'framewright-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const AT = Date.UTC(2026, 0, 2, 3, 4, 5);

function makeObserver(filter = '') {
  const lines: string[] = [];
  const events: WireEvent[] = [];
  const observer = new Observer({
    target: 'ws://target/',
    filter: parseFilter(filter),
    paint: (text) => text,
    maxCharacters: 40,
    print: (line) => lines.push(line.replace(/^[\d:.]+ +/, '')),
    tell: (event, bytes) => void events.push(event.type === 'bytes' ? { ...event, hex: formatHex(bytes!, '') } : event),
  });
  return { observer, lines, events };
}

const base = { connection: 1, atMs: AT };
const NOTES: readonly Note[] = [
  { ...base, type: 'opened', text: 'from 127.0.0.1:5' },
  { ...base, type: 'bytes', direction: 'clientToServer', bytes: toBytes(upgradeRequest()) },
  { ...base, type: 'bytes', direction: 'serverToClient', bytes: toBytes(acceptance(`Sec-WebSocket-Key: ${KEY}\r\n`)) },
  { ...base, atMs: AT + 1.5, type: 'bytes', direction: 'serverToClient', bytes: frame({ opcode: 1, payload: 'hi' }) },
  { ...base, atMs: AT + 2, type: 'bytes', direction: 'serverToClient', bytes: frame({ opcode: 3 }).subarray(0, 1) },
];

describe('the observer', () => {
  it('tells in lines and in events what passed', () => {
    const { observer, lines, events } = makeObserver();
    for (const note of NOTES) observer.take(note);
    observer.take({ ...base, atMs: AT + 3, type: 'finished', direction: 'serverToClient' });
    observer.take({ ...base, atMs: AT + 3, type: 'ended', text: '' });
    expect(lines).toEqual([
      '#1   opened, from 127.0.0.1:5',
      '#1   → GET /  host: server.example',
      '#1   ← 101 Switching Protocols',
      '#1   ← text              2 B  "hi"',
      '#1   the server has ended its stream (FIN)',
      '#1   closed',
    ]);
    expect(events[0]).toEqual({
      type: 'opened',
      connection: 1,
      at: '2026-01-02T03:04:05.000Z',
      target: 'ws://target/',
    });
    expect(events.at(-1)).toEqual({ type: 'ended', connection: 1, atMs: 3 });
    expect(events[3]).toEqual({
      type: 'bytes',
      connection: 1,
      direction: 'serverToClient',
      atMs: 1.5,
      hex: '81026869',
    });
    expect(observer.counts).toEqual({ connections: 1, frames: 1, faults: 0 });
  });

  const ends: [note: Partial<Note>, line: string][] = [
    [{ type: 'missed', text: '' }, 'not followed any further: more passed than could be looked at in time'],
    [
      { type: 'cut', text: JSON.stringify({ side: 'client', wasOpen: true, code: 'ECONNRESET', message: 'x' }) },
      'cut by the client: ECONNRESET',
    ],
    [
      { type: 'cut', text: JSON.stringify({ side: 'target', wasOpen: false, code: 'ECONNREFUSED', message: 'x' }) },
      'the target cannot be reached: nobody listens at ws://target/: is the server running, and is that its port?',
    ],
    [
      { type: 'cut', text: JSON.stringify({ side: 'client', wasOpen: false, code: '', message: 'gone\u001b' }) },
      'the client has gone before the target was reached: gone\\u001b',
    ],
    [{ type: 'lost', text: '5' }, 'not followed any further: 5 events of all connections were left out'],
  ];
  for (const [note, line] of ends) {
    it(`ends with: ${line}`, () => {
      const { observer, lines, events } = makeObserver();
      observer.take(NOTES[0]!);
      observer.take({ ...base, ...note } as Note);
      expect(lines.at(-1)).toBe(`#1   ${line}`);
      expect(events.at(-1)).toEqual({ type: 'ended', connection: 1, atMs: 0, reason: line });
      observer.take(NOTES[1]!);
      expect(lines.length).toBe(2);
    });
  }

  it('§10.4 follows so many connections at a time, and others when some have ended', () => {
    const { observer, lines, events } = makeObserver();
    for (let connection = 1; connection <= MAX_FOLLOWED + 1; connection++) {
      observer.take({ ...base, connection, type: 'opened', text: '' });
    }
    expect(events.length).toBe(MAX_FOLLOWED);
    expect(lines.at(-1)).toContain(`not followed: ${MAX_FOLLOWED} connections are open already`);
    observer.take({ ...base, type: 'ended', text: '' });
    observer.take({ ...base, connection: 5000, type: 'opened', text: '' });
    expect(events.at(-1)).toMatchObject({ type: 'opened', connection: 5000 });
  });
});

describe('files of what passed', () => {
  it('are read as they were written, and show the same', async () => {
    const path = join(folder, 'a.jsonl');
    const file = new WireFile(path);
    const first = makeObserver();
    for (const note of [...NOTES, { ...base, atMs: AT + 9, type: 'ended', text: 'cut' } as const]) {
      first.observer.take(note);
    }
    for (const event of first.events) file.write(event);
    await file.drained();
    await file.close();
    expect(file.error).toBeUndefined();
    const second = makeObserver();
    for (const note of notesOf(readWireFile(path))) second.observer.take(note);
    expect(second.events.map((event) => ({ ...event, at: 0 }))).toEqual(
      first.events.map((event) => ({ ...event, at: 0 })),
    );
    expect(second.lines.slice(1)).toEqual(first.lines.slice(1));
    expect(second.lines[0]).toBe('#1   opened, to ws://target/');
  });

  it('of pages too: what they write beside it is passed over, and the only connection needs no number', () => {
    const path = join(folder, 'b.jsonl');
    const lines = [
      { type: 'note', connection: 1, atMs: 0, what: 'note', text: 'x' },
      { type: 'bytes', direction: 'clientToServer', atMs: 0, hex: formatHex(toBytes(upgradeRequest())), frame: {} },
      { type: 'ended', atMs: 1 },
    ];
    writeFileSync(path, `\n${lines.map((line) => JSON.stringify(line)).join('\n')}`);
    const { observer, lines: shown } = makeObserver();
    for (const note of notesOf(readWireFile(path))) observer.take(note);
    expect(shown.slice(1)).toEqual(['#1   → GET /  host: server.example', '#1   closed']);
  });

  const faults: [line: string, message: string][] = [
    ['{', 'no JSON: give a file that --save'],
    ['[]', 'no event that is known'],
    ['null', 'no event that is known'],
    ['{"type":"opened","connection":1,"at":"x"}', '"at" is no date'],
    ['{"type":"bytes","connection":0}', '"connection" is no number of one'],
    ['{"type":"bytes","direction":"up","atMs":1}', '"direction" is neither'],
    ['{"type":"bytes","direction":"clientToServer","hex":"00"}', '"atMs" is no number'],
    [
      '{"type":"bytes","direction":"clientToServer","atMs":1,"hex":"0"}',
      '"hex": The text ends in the middle of a byte',
    ],
  ];
  for (const [line, message] of faults) {
    it(`${line}: ${message}`, () => {
      const path = join(folder, 'c.jsonl');
      writeFileSync(path, `{"type":"ended","atMs":1}\n${line}\n`);
      const read = () => [...readWireFile(path)];
      expect(read).toThrow(UsageError);
      expect(read).toThrow(`${path}, line 2: ${message}`);
    });
  }

  it('that are not there', () => {
    expect(() => [...readWireFile(join(folder, 'none'))]).toThrow('cannot read');
    expect(() => new WireFile(join(folder, 'no/where'))).toThrow('ENOENT');
  });
});

describe('printing', () => {
  function makeStream(isTTY: boolean) {
    const written: string[] = [];
    let drained = () => {};
    const stream = {
      isTTY,
      columns: 100,
      isFull: false,
      write(text: string) {
        written.push(text);
        return !stream.isFull;
      },
      once: (_name: string, listener: () => void) => {
        drained = listener;
      },
    };
    return {
      stream: stream as never as NodeJS.WriteStream,
      written,
      setFull: () => (stream.isFull = true),
      drain: () => drained(),
    };
  }

  it('on a terminal so many lines in a second, and then how many there were', async () => {
    let nowMs = 0;
    const { stream, written } = makeStream(true);
    const printer = new LinePrinter(stream, () => nowMs);
    for (let i = 0; i < 5000; i++) printer.print('x');
    await printer.flush();
    expect(written.join('').split('\n').length - 1).toBe(2000);
    nowMs = 1000;
    printer.print('y');
    await printer.flush();
    expect(written.at(-1)).toBe('… and 3000 lines more than anybody can read\ny\n');
  });

  it('in a pipe all of them, and no faster than it takes them', async () => {
    const { stream, written, setFull, drain } = makeStream(false);
    const printer = new LinePrinter(stream);
    for (let i = 0; i < 5000; i++) printer.print('x');
    setFull();
    let isDone = false;
    const flushed = printer.flush().then(() => (isDone = true));
    await Promise.resolve();
    expect(written.join('').length).toBe(10_000);
    expect(isDone).toBe(false);
    drain();
    await flushed;
  });
});
