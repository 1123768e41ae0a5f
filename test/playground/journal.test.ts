import { describe, expect, it } from 'vitest';
import { type Direction, formatHex, parseHex } from '../../src/inspector/index.ts';
import type { Detail, Row } from '../../src/playground/journal/entry.ts';
import { NO_FILTER } from '../../src/playground/journal/filter.ts';
import { Journal, LIVE_LIMITS } from '../../src/playground/journal/journal.ts';
import { readLine } from '../../src/playground/journal/json-lines.ts';

const HELLO_UP = '81 85 37fa213d 7f9f4d5158';
const HELLO_DOWN = '81 05 48656c6c6f';
const REQUEST =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n';

const utf8 = new TextEncoder();

function started(extensions = '', limits = LIVE_LIMITS): Journal {
  const journal = new Journal(limits);
  journal.open(1, '2026-01-01T00:00:00.000Z', 'ws://a/');
  journal.append(1, 'clientToServer', 0, utf8.encode(REQUEST));
  journal.append(1, 'serverToClient', 1, utf8.encode(`HTTP/1.1 101 Switching Protocols\r\n${extensions}\r\n`));
  return journal;
}

function rowsOf(journal: Journal): Row[] {
  return journal.rows(0, journal.shownCount);
}

const down = (journal: Journal, hex: string, atMs = 2) => journal.append(1, 'serverToClient', atMs, parseHex(hex));
const up = (journal: Journal, hex: string, atMs = 2) => journal.append(1, 'clientToServer', atMs, parseHex(hex));
const lines = (journal: Journal) => rowsOf(journal).map(({ kind, what, preview }) => `${kind} | ${what} | ${preview}`);

function frameAt(journal: Journal, index: number): Detail & { type: 'frame' } {
  const detail = journal.detail(journal.idAt(index)!);
  if (detail?.type !== 'frame') throw new Error('no frame');
  return detail;
}

describe('a journal', () => {
  it('lists the heads of the handshake, then the frames of both directions as they were complete', () => {
    const journal = started();
    up(journal, HELLO_UP.slice(0, 19), 2);
    down(journal, '89 00', 3);
    up(journal, HELLO_UP.slice(19), 4);
    down(journal, `${HELLO_DOWN} 88 02 03e9`, 5);
    journal.end(1, 6, '');
    expect(lines(journal)).toEqual([
      'opened |  | ws://a/',
      `request | ${REQUEST.length} bytes | GET / HTTP/1.1`,
      'response | 36 bytes | HTTP/1.1 101 Switching Protocols',
      'ping | 0 bytes | ',
      'text | 5 bytes, masked | “Hello”',
      'text | 5 bytes | “Hello”',
      'close | 2 bytes | 1001 Going Away',
      'ended |  | ',
    ]);
    expect(rowsOf(journal).map(({ atMs }) => atMs)).toEqual([0, 0, 1, 3, 4, 5, 5, 6]);
  });

  it('§5.2 tells everything about a frame when asked, as the inspector does', () => {
    const journal = started();
    up(journal, HELLO_UP);
    const { frame } = frameAt(journal, 3);
    expect(frame).toMatchObject({ headerHex: '81 85 37 fa 21 3d', payload: { text: 'Hello', declaredLength: 5 } });
    expect(frame.offset).toBe(REQUEST.length);
    expect(formatHex(journal.payload(journal.idAt(3)!, 1, 2).data)).toBe('65 6c');
    expect(formatHex(journal.bytes(journal.idAt(3)!, 100), '')).toBe(HELLO_UP.replaceAll(' ', ''));
  });

  it('§4.2.2 shows the response with the key that it answers', () => {
    const journal = started();
    expect(journal.detail(journal.idAt(2)!)).toMatchObject({ type: 'head', sentKey: 'AQIDBAUGBwgJCgsMDQ4PEA==' });
  });

  it('§5.2 never calls a frame cut while more of it may come, and reads a long one by the page', () => {
    const journal = started();
    const payload = Uint8Array.from({ length: 512 * 1024 }, (_, i) => i);
    const frame = Uint8Array.of(...parseHex('82 7f 00000000 00080000'), ...[]);
    journal.append(1, 'serverToClient', 2, frame);
    journal.append(1, 'serverToClient', 2, payload.subarray(0, 300_000));
    expect(journal.count).toBe(3);
    journal.append(1, 'serverToClient', 3, payload.subarray(300_000));
    expect(frameAt(journal, 3).frame).toMatchObject({ state: 'whole', payload: { presentLength: 512 * 1024 } });
    expect(journal.payload(journal.idAt(3)!, 400_000, 3).data).toEqual(payload.slice(400_000, 400_003));
  });

  it('§5.2 has the frame that was cut when the connection ended', () => {
    const journal = started();
    down(journal, '82 05 0102');
    journal.end(1, 3);
    down(journal, '030405');
    expect(lines(journal).slice(3)).toEqual(['binary | 5 bytes, cut off | 01 02', 'ended |  | ']);
  });

  it('RFC 7692 §5.1 reads the client with the extension that it offered if the server agreed', () => {
    const compressed = 'c1 87 00000000 f248cdc9c90700';
    const agreed = started('Sec-WebSocket-Extensions: permessage-deflate\r\n');
    const declined = started();
    for (const journal of [agreed, declined]) up(journal, compressed);
    expect(frameAt(agreed, 3).violation).toBeUndefined();
    expect(frameAt(declined, 3).violation?.id).toBe('unexpectedRsv1');
  });

  it('RFC 7692 §7.2.2 lists what compressed messages say, and finds it', () => {
    const journal = started('Sec-WebSocket-Extensions: permessage-deflate\r\n');
    up(journal, '41 83 00000000 f248cd 80 84 00000000 c9c90700');
    up(journal, '81 82 00000000 6869');
    expect(lines(journal).slice(3)).toEqual([
      'text | 3 bytes, masked, compressed, fragment 1 | f2 48 cd',
      'continuation | 4 bytes, masked, fragment 2, 5 bytes inflated (ratio 0.71) | “Hello”',
      'text | 2 bytes, masked | “hi”',
    ]);
    journal.filter({ ...NO_FILTER, text: 'hello' });
    expect(lines(journal)).toEqual([expect.stringContaining('“Hello”')]);
  });

  it('§5.1 names a violation at its frame', () => {
    const journal = started();
    up(journal, `${HELLO_UP} ${HELLO_DOWN}`);
    expect([3, 4].map((i) => frameAt(journal, i).violation?.id)).toEqual([undefined, 'expectedMask']);
    expect(journal.indexOfFault()).toBe(4);
  });

  it('§5.4 puts the message together that a fragment is a part of', () => {
    const journal = started();
    down(journal, '01 03 48656c 89 00 80 02 6c6f');
    expect(frameAt(journal, 5).message).toEqual({
      number: 1,
      isText: true,
      frameCount: 2,
      isComplete: true,
      length: 5,
      text: 'Hello',
    });
  });

  it('filters by direction, kind and text, what is there and what comes', () => {
    const journal = started();
    up(journal, HELLO_UP);
    down(journal, `89 01 78 ${HELLO_DOWN}`);
    const kinds = () => rowsOf(journal).map(({ kind }) => kind);
    journal.filter({ ...NO_FILTER, direction: 'serverToClient' });
    expect(kinds()).toEqual(['response', 'ping', 'text']);
    journal.filter({ ...NO_FILTER, kind: 'control' });
    expect(kinds()).toEqual(['ping']);
    journal.filter({ ...NO_FILTER, text: 'hELLo' });
    expect(kinds()).toEqual(['text', 'text']);
    down(journal, `${HELLO_DOWN} 8a 00`);
    expect(kinds()).toEqual(['text', 'text', 'text']);
    expect(journal.indexOf(journal.idAt(2)!)).toBe(2);
    journal.filter({ ...NO_FILTER, connection: 2 });
    expect(kinds()).toEqual([]);
    journal.filter(NO_FILTER);
    expect(journal.shownCount).toBe(8);
  });

  it('keeps the newest, counts what it let go, and saves all of it', async () => {
    const journal = started('', { maxEntries: 10, maxBytes: 1e9 });
    for (let i = 0; i < 30; i++) down(journal, HELLO_DOWN, i);
    journal.trim();
    expect([journal.count, journal.letGoCount, journal.goneCount, journal.lostCount]).toEqual([10, 23, 23, 0]);
    expect(rowsOf(journal)[0]!.atMs).toBe(20);
    const saved = (await journal.save().text()).trim().split('\n');
    expect(saved.length).toBe(33);
    const again = new Journal();
    for (const line of saved) again.take(readLine(line));
    expect(lines(again)).toEqual([
      'opened |  | ws://a/',
      `request | ${REQUEST.length} bytes | GET / HTTP/1.1`,
      'response | 36 bytes | HTTP/1.1 101 Switching Protocols',
      ...Array(30).fill('text | 5 bytes | “Hello”'),
    ]);
  });

  it('lets go what is more than so many bytes, too', () => {
    const journal = started('', { maxEntries: 1000, maxBytes: 300_000 });
    const frame = parseHex(`82 7e ffff ${'ab'.repeat(65_535)}`);
    for (let i = 0; i < 10; i++) {
      journal.append(1, 'serverToClient', i, frame);
      journal.trim();
    }
    expect(journal.count).toBeLessThan(6);
    expect(journal.count).toBeGreaterThan(2);
    expect(frameAt(journal, journal.count - 1).frame.payload.presentLength).toBe(65_535);
  });

  it('saves what no line has: bytes behind a Close frame', async () => {
    const journal = started();
    down(journal, '88 00 ff ff');
    journal.end(1, 9);
    const saved = (await journal.save().text()).trim().split('\n').map(readLine);
    const bytes = saved.flatMap((event) =>
      event.type === 'bytes' && event.direction === 'serverToClient' ? event.hex : [],
    );
    expect(bytes.slice(1)).toEqual(['8800', 'ffff']);
  });

  it('§5.4 starts anew when cleared, in the middle of a message and of a frame', () => {
    const journal = started();
    down(journal, '01 01 61 80 02 62');
    journal.clear();
    expect([journal.count, journal.letGoCount]).toEqual([0, 0]);
    down(journal, '63');
    expect(lines(journal)).toEqual(['continuation | 2 bytes, fragment 2 | “bc”']);
  });

  it('lists messages of which nobody has seen the frames', () => {
    const journal = new Journal();
    journal.open(3, '2026-01-01T00:00:00.000Z', 'ws://b/');
    const message = (direction: Direction, text: string, isText: boolean) =>
      journal.appendMessage(3, direction, 1, utf8.encode(text), isText);
    message('clientToServer', 'hi', true);
    message('serverToClient', 'ho', false);
    expect(lines(journal).slice(1)).toEqual(['text | 2 bytes | “hi”', 'binary | 2 bytes | 68 6f']);
    expect(journal.detail(journal.idAt(1)!)).toMatchObject({ type: 'message', text: 'hi', length: 2 });
    journal.filter({ ...NO_FILTER, kind: 'binary' });
    expect(journal.shownCount).toBe(1);
  });

  it('says which line of a file is none', () => {
    expect(() => readLine('{"type":"frob"}')).toThrow('this is no event of a connection');
    expect(() => readLine('nonsense')).toThrow();
  });
});
