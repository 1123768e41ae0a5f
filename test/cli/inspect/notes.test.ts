import { describe, expect, it, vi } from 'vitest';
import { MAX_UNREAD_BYTES, type Note, NoteWriter, readNotes } from '../../../src/cli/inspect/notes.ts';

function makeBook() {
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  const writer = new NoteWriter((block) => blocks.push(block));
  const notes = (): Note[] => {
    writer.flush();
    return blocks.splice(0).flatMap((block) => [...readNotes(block)]);
  };
  return { writer, notes, blocks };
}

describe('notes', () => {
  it('come as they were written, in order', () => {
    const { writer, notes } = makeBook();
    writer.tell('opened', 7, 'from ü');
    expect(writer.bytes(7, 'clientToServer', Uint8Array.of(1, 2))).toBe(true);
    writer.bytes(4_000_000_000, 'serverToClient', new Uint8Array(0));
    writer.finished(7, 'serverToClient');
    writer.tell('ended', 7, '');
    const found = notes();
    expect(found.map(({ atMs: _, ...note }) => note)).toEqual([
      { type: 'opened', connection: 7, text: 'from ü' },
      { type: 'bytes', connection: 7, direction: 'clientToServer', bytes: Buffer.of(1, 2) },
      { type: 'finished', connection: 7, direction: 'serverToClient' },
      { type: 'ended', connection: 7, text: '' },
    ]);
    expect(found.every(({ atMs }) => Math.abs(atMs - Date.now()) < 3_600_000)).toBe(true);
  });

  it('that nobody reads in time are sent in whole blocks only, and at once when one has been read', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { writer, blocks } = makeBook();
    for (let i = 0; i < 8; i++) {
      writer.finished(1, 'clientToServer');
      vi.advanceTimersByTime(50);
    }
    vi.useRealTimers();
    expect(blocks).toHaveLength(4);
    const memory = blocks[0]!.buffer;
    writer.read(blocks[0]!);
    expect([...readNotes(blocks[4]!)]).toHaveLength(4);
    writer.finished(1, 'clientToServer');
    writer.flush();
    expect(blocks[5]!.buffer === memory).toBe(true);
  });

  it('longer than a block, in several', () => {
    const { writer, notes } = makeBook();
    const bytes = Uint8Array.from({ length: 2_500_000 }, (_, i) => i);
    writer.bytes(1, 'clientToServer', bytes);
    const parts = notes().map((note) => (note.type === 'bytes' ? Buffer.from(note.bytes) : Buffer.of()));
    expect(parts.length).toBeGreaterThan(1);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  });

  it('§10.4 bytes find no room while too many are unread, beginnings and ends do for a while, and it is said what is lost', () => {
    const { writer, notes, blocks } = makeBook();
    const chunk = new Uint8Array(1024 * 1024);
    let written = 0;
    while (writer.bytes(1, 'clientToServer', chunk)) written += chunk.length;
    expect(written).toBeLessThanOrEqual(MAX_UNREAD_BYTES);
    expect(written).toBeGreaterThan(MAX_UNREAD_BYTES - 2 * chunk.length);
    writer.flush();
    blocks.splice(0);
    writer.tell('missed', 1, '');
    expect(notes().map(({ type }) => type)).toEqual(['missed']);

    const long = 'x'.repeat(1000);
    let told = 0;
    do {
      writer.tell('opened', 2, long);
      told++;
    } while (notes().length === 1 && told < 100_000);
    expect(told).toBeLessThan(10_000);
    writer.tell('opened', 3, long);
    expect(notes()).toEqual([]);
    writer.read(new Uint8Array(MAX_UNREAD_BYTES));
    writer.tell('opened', 4, '');
    expect(notes().map(({ type, ...rest }) => ('text' in rest ? `${type} ${rest.text}` : type))).toEqual([
      'lost 2',
      'opened ',
    ]);
    expect(writer.bytes(1, 'clientToServer', chunk)).toBe(true);
  });
});
