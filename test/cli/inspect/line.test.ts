import { describe, expect, it } from 'vitest';
import { Conversation } from '../../../src/cli/inspect/conversation.ts';
import { parseFilter } from '../../../src/cli/inspect/filter.ts';
import { type LineOptions, sightLines } from '../../../src/cli/inspect/line.ts';
import { UsageError } from '../../../src/cli/usage.ts';
import { KEY, upgradeRequest } from '../../support/raw-peer.ts';
import { acceptance } from '../../support/raw-server.ts';
import { type FrameFields, frame, toBytes } from '../../support/wire.ts';

const PLAIN: LineOptions = { paint: (text) => text, maxCharacters: 30 };

/** The lines for frames of a server, behind a handshake. */
function linesOf(frames: readonly FrameFields[], filter = '', options = PLAIN): string[] {
  const lines: string[] = [];
  const shows = parseFilter(filter);
  const conversation = new Conversation((sight) => {
    if (shows(3, sight)) lines.push(...sightLines(3, 0, sight, options).map((line) => line.replace(/^.*(?=#3)/, '')));
  });
  conversation.push('clientToServer', toBytes(upgradeRequest({ Origin: 'http://page.example' })));
  conversation.push('serverToClient', toBytes(acceptance(`Sec-WebSocket-Key: ${KEY}\r\n`)));
  for (const fields of frames) conversation.push('serverToClient', frame(fields));
  return lines;
}

const HEADS = ['#3   → GET /  host: server.example; origin: http://page.example', '#3   ← 101 Switching Protocols'];

describe('lines', () => {
  it('one for each head and frame: kind, length, what is remarkable, and the beginning', () => {
    expect(
      linesOf([
        { opcode: 1, payload: 'Hello' },
        { opcode: 2, payload: [1, 2, 255] },
        { opcode: 1, fin: false, payload: 'a' },
        { opcode: 0, payload: 'b' },
        { opcode: 9, payload: 'tick' },
        { opcode: 1, payload: 'x'.repeat(40) },
        { opcode: 2, payload: new Uint8Array(1000) },
        { opcode: 8, payload: [0x03, 0xe9, ...toBytes('later')] },
        { opcode: 8 },
      ]),
    ).toEqual([
      ...HEADS,
      '#3   ← text              5 B  "Hello"',
      '#3   ← binary            3 B  01 02 ff',
      '#3   ← text              1 B  [part 1]  "a"',
      '#3   ← continuation      1 B  [part 2, the last]  "b"',
      '#3   ← ping              4 B  "tick"',
      `#3   ← text             40 B  "${'x'.repeat(30)}" …`,
      '#3   ← binary         1000 B  00 00 00 00 00 00 00 00 00 00 …',
      '#3   ← close             7 B  1001 Going Away "later"',
      '#3   ← close             0 B  no code',
    ]);
  });

  it('one below it for each rule that is broken, with the clause and what a receiver answers', () => {
    const lines: string[] = [];
    const conversation = new Conversation((sight) => lines.push(...sightLines(3, 0, sight, PLAIN)));
    conversation.push('clientToServer', toBytes(upgradeRequest({ 'Sec-WebSocket-Version': '99' })));
    conversation.push('serverToClient', toBytes(acceptance(`Sec-WebSocket-Key: ${KEY}\r\n`)));
    conversation.push('serverToClient', frame({ opcode: 3, key: [0, 0, 0, 0] }));
    expect(lines.filter((line) => line.startsWith('    '))).toEqual([
      '    ! RFC 6455 §4.2.2: This version of the WebSocket protocol is not supported: use 13',
      '    ! RFC 6455 §5.2: Invalid WebSocket frame: invalid opcode 3; a receiver fails the connection with 1002 Protocol error',
      '    ! RFC 6455 §5.1: Invalid WebSocket frame: MASK must be clear; a receiver fails the connection with 1002 Protocol error',
    ]);
  });

  it('whatever a peer sends moves no cursor and changes no colour', () => {
    const evil = '\u001b[2J\u0007\u009b31m\r\n\u202e';
    const lines = linesOf([
      { opcode: 1, payload: evil },
      { opcode: 9, payload: evil },
      { opcode: 8, payload: [0x03, 0xe8, ...toBytes(evil)] },
    ]);
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(lines[2]).toContain('\\u001b[2J');
  });

  it('paints kind and direction, and faults', () => {
    const painted = linesOf([{ opcode: 3, payload: '' }], '', { ...PLAIN, paint: (text, tone) => `<${tone}:${text}>` });
    expect(painted[2]).toContain('<good:←> <fault:reserved data>');
    expect(painted[3]).toMatch(/^<fault: {4}! RFC 6455/);
  });
});

describe('filters', () => {
  const frames: readonly FrameFields[] = [
    { opcode: 1, payload: 'apple' },
    { opcode: 2, payload: 'pear' },
    { opcode: 9, payload: 'tick' },
    { opcode: 3, payload: '' },
    { opcode: 1, fin: false, payload: 'ap' },
    { opcode: 0, payload: 'ple' },
  ];
  const rows: [filter: string, shown: string[]][] = [
    ['text', ['text', 'text', 'continuation']],
    ['control ping', ['ping']],
    ['data,server', ['text', 'binary', 'reserved', 'text', 'continuation']],
    ['client', ['GET']],
    ['http server', ['101']],
    ['fault', ['reserved']],
    ['/^app/', ['text']],
    ['binary text /P/i', ['text', 'binary', 'text', 'continuation']],
    ['/101|page\\.example/', ['GET', '101']],
    ['#3 ping', ['ping']],
    ['#4', []],
    ['connection', []],
  ];
  for (const [filter, shown] of rows) {
    it(`${filter}: ${shown.join(', ')}`, () => {
      const lines = linesOf(frames, filter).filter((line) => !line.startsWith('    !') && line.startsWith('#'));
      expect(lines.map((line) => line.split(/ +/)[2])).toEqual(shown);
    });
  }

  it('lines on connections are shown when nothing is asked for that they have not', () => {
    const shown = ['', '#3', 'connection', '#2 connection', 'text', 'client', '/x/'].map((filter) =>
      parseFilter(filter)(3, undefined),
    );
    expect(shown).toEqual([true, true, true, false, false, false, false]);
  });

  const faults: [filter: string, message: string][] = [
    ['txet', '--filter does not know "txet": did you mean text?'],
    ['frobnicate', '--filter does not know "frobnicate": it takes text, binary'],
    ['/(/', '--filter: Invalid regular expression'],
  ];
  for (const [filter, message] of faults) {
    it(`${filter}: ${message}`, () => {
      expect(() => parseFilter(filter)).toThrow(UsageError);
      expect(() => parseFilter(filter)).toThrow(message);
    });
  }
});
