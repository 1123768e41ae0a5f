import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { statusOfClose } from '../../../src/cli/connect/exit-status.ts';
import { History, historyPath } from '../../../src/cli/connect/history.ts';
import {
  type Action,
  COMMANDS,
  commandHelp,
  complete,
  type Input,
  InputFault,
  readPiped,
  readTyped,
} from '../../../src/cli/connect/input.ts';
import { bytesForPeople, forPipe, textForPeople } from '../../../src/cli/connect/message-text.ts';

describe('what is typed', () => {
  const rows: [line: string, action: Action][] = [
    ['hello', { type: 'send', data: 'hello', isBinary: false }],
    ['//ping', { type: 'send', data: '/ping', isBinary: false }],
    ['/text /x', { type: 'send', data: '/x', isBinary: false }],
    ['/text', { type: 'send', data: '', isBinary: false }],
    ['/binary ab', { type: 'send', data: 'ab', isBinary: true }],
    ['/hex 01 ff', { type: 'send', data: Uint8Array.of(1, 255), isBinary: true }],
    ['/fragments a  b c', { type: 'fragments', parts: ['a', 'b', 'c'] }],
    ['/ping', { type: 'ping', data: '' }],
    ['/ping a b', { type: 'ping', data: 'a b' }],
    ['/pong x', { type: 'pong', data: 'x' }],
    ['/close', { type: 'close', code: 1000, reason: '' }],
    ['/close 4000 bye now', { type: 'close', code: 4000, reason: 'bye now' }],
    ['/file a b.bin', { type: 'file', path: 'a b.bin', isBinary: true }],
    ['/textfile a.txt', { type: 'file', path: 'a.txt', isBinary: false }],
    ['/terminate', { type: 'terminate' }],
    ['/help', { type: 'help' }],
  ];
  for (const [line, action] of rows) it(line, () => expect(readTyped(line)).toEqual(action));

  const faults: [line: string, message: string][] = [
    ['/pnig', 'there is no command /pnig: did you mean /ping?; //pnig sends it as text'],
    ['/frobnicate', '/help lists what there is'],
    ['/', 'there is no command /: '],
    ['/close 1005', '"1005" is no code that may be sent'],
    ['/close soon', '"soon" is no code that may be sent'],
    [`/close 1000 ${'x'.repeat(124)}`, 'a reason has at most 123 bytes'],
    [`/ping ${'ü'.repeat(63)}`, 'a ping carries at most 125 bytes'],
    ['/hex 0', 'The text ends in the middle of a byte'],
    ['/file', '/file <path>: something is missing'],
    ['/fragments', '/fragments <a> <b> …: something is missing'],
  ];
  for (const [line, message] of faults) {
    it(`${line.slice(0, 20)}: ${message}`, () => {
      expect(() => readTyped(line)).toThrow(InputFault);
      expect(() => readTyped(line)).toThrow(message);
    });
  }

  it('help and completion know every command', () => {
    for (const name of Object.keys(COMMANDS)) {
      expect(commandHelp()).toContain(`\n  /${name}`);
      expect(complete(`/${name}`)[0]).toContain(`/${name}`);
    }
    expect(complete('/cl')).toEqual([['/close'], '/cl']);
    expect(complete('cl')).toEqual([[], 'cl']);
  });
});

describe('what a pipe brings', () => {
  async function messages(parts: readonly (string | Buffer)[], input: Input): Promise<string[]> {
    const found: string[] = [];
    const stream = (async function* () {
      for (const part of parts) yield Buffer.from(part as Buffer);
    })();
    for await (const action of readPiped(stream, input, false)) {
      const { data, isBinary } = action as Action & { type: 'send' };
      found.push(`${isBinary ? 'binary' : 'text'} ${Buffer.from(data as Buffer).toString()}`);
    }
    return found;
  }

  it('lines, however they are cut, without their ends; also one that has none', async () => {
    expect(await messages(['a\r\nb', 'c\n\nd\n', 'e'], 'lines')).toEqual([
      'text a',
      'text bc',
      'text ',
      'text d',
      'text e',
    ]);
  });

  it('lines of hex, and all as one', async () => {
    expect(await messages(['41 42\n\n0x43\n'], 'hex')).toEqual(['binary AB', 'binary C']);
    expect(await messages(['a\n', 'b\n'], 'whole')).toEqual(['text a\nb\n']);
    const latin1 = Buffer.from('ok\n\xfc\n', 'latin1');
    await expect(messages([latin1], 'lines')).rejects.toThrow('line 2 of standard input is no UTF-8');
    await expect(messages([latin1], 'whole')).rejects.toThrow('standard input is no UTF-8');
    await expect(messages(['41\nxx\n'], 'hex')).rejects.toThrow('line 2 of standard input: "x"');
  });
});

describe('what is shown of a message', () => {
  it('on a terminal keeps lines and tabs, and nothing else that a terminal obeys', () => {
    expect(textForPeople('a\tb\nc\u001b[2J\r\u009b\u202e', false)).toBe('a\tb\n  c\\u001b[2J\\u000d\\u009b\\u202e');
    expect(textForPeople('x'.repeat(5000), false)).toBe(`${'x'.repeat(4000)} … (5000 characters; --full shows all)`);
    expect(textForPeople('x'.repeat(5000), true)).toBe('x'.repeat(5000));
    expect(bytesForPeople(new Uint8Array(300), false)).toMatch(/^(00 ){256}… \(--full shows all\)$/);
  });

  it('in a pipe is what was sent', () => {
    const evil = Buffer.from('a\u001b[2J');
    expect(forPipe(evil, false, 'lines', 0)).toBe('a\u001b[2J\n');
    expect(forPipe(evil, true, 'lines', 0)).toBe('611b5b324a\n');
    expect(forPipe(evil, true, 'raw', 0)).toBe(evil);
    const lines = [false, true].map((isBinary) => JSON.parse(String(forPipe(evil, isBinary, 'json', 1.5))));
    expect(lines).toEqual([
      { type: 'text', length: 5, atMs: 1.5, text: 'a\u001b[2J' },
      { type: 'binary', length: 5, atMs: 1.5, hex: '611b5b324a' },
    ]);
  });
});

describe('exit status by Close code', () => {
  const rows: [code: number, status: number][] = [
    [1000, 0],
    [1005, 0],
    [1001, 11],
    [1006, 16],
    [1015, 25],
    [3000, 30],
    [4999, 40],
    [2000, 1],
  ];
  for (const [code, status] of rows) it(`§7.4 ${code}: ${status}`, () => expect(statusOfClose(code)).toBe(status));
});

describe('history', () => {
  function file(): string {
    const folder = mkdtempSync(join(tmpdir(), 'framewright-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    return join(folder, 'history');
  }

  it('is kept between runs, for its owner alone, without what is empty or the same again', () => {
    const path = file();
    const first = new History(path);
    for (const line of ['a', 'b', 'b', ' ', 'a']) first.add(line);
    expect(new History(path).lines).toEqual(['a', 'b', 'a']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    new History(path).add('a');
    expect(readFileSync(path, 'utf8')).toBe('a\nb\na\n');
  });

  it('§10.4 keeps the newest thousand lines', () => {
    const path = file();
    writeFileSync(path, Array.from({ length: 2500 }, (_, i) => `${i}\n`).join(''));
    expect(new History(path).lines.length).toBe(1000);
    expect(readFileSync(path, 'utf8').split('\n').length).toBe(1001);
    expect(new History(path).lines.at(-1)).toBe('2499');
  });

  it('is in a file of its own, in another, or nowhere', () => {
    expect(historyPath({})).toMatch(/\.framewright_history$/);
    expect(historyPath({ FRAMEWRIGHT_HISTORY: '/a' })).toBe('/a');
    expect(historyPath({ FRAMEWRIGHT_HISTORY: '' })).toBeUndefined();
    const none = new History(undefined);
    none.add('x');
    expect(none.lines).toEqual([]);
    new History(join(file(), 'no', 'where')).add('x');
  });
});
