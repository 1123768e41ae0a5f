import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLIENT_MESSAGES,
  MAX_BATCH,
  readFrame,
  SERVER_MESSAGES,
  writeEntries,
  writeFrame,
} from '../../src/realtime-protocol/wire.ts';

type Table = Readonly<Record<string, Readonly<Record<string, string>>>>;
const TABLES: readonly [end: string, table: Table][] = [
  ['client', CLIENT_MESSAGES],
  ['server', SERVER_MESSAGES],
];

const read = (value: unknown, table: Table = CLIENT_MESSAGES): unknown =>
  readFrame(typeof value === 'string' ? value : JSON.stringify(value), table as typeof CLIENT_MESSAGES);

/** For each kind what it takes, what it does not, and what is said then. */
const KINDS: Record<string, { good: unknown[]; bad: unknown[]; words: string }> = {
  count: {
    good: [0, 1, Number.MAX_SAFE_INTEGER],
    bad: [-1, 1.5, 2 ** 53, 1e300, '1', true, null, [1], {}],
    words: 'a whole number from 0 on',
  },
  channel: {
    good: ['a', 'x'.repeat(256), '\n', '😀'],
    bad: ['', 'x'.repeat(257), 1, null, ['a'], {}],
    words: 'text of 1 to 256 characters',
  },
  word: { good: ['a', 'x'.repeat(256)], bad: ['', 'x'.repeat(257), 1, null], words: 'text of 1 to 256 characters' },
  token: { good: ['a', 'x'.repeat(8192)], bad: ['', 'x'.repeat(8193), 1], words: 'text of 1 to 8192 characters' },
  text: { good: ['', 'x'.repeat(9000)], bad: [0, null, ['a']], words: 'text' },
  flag: { good: [true, false], bad: [0, 'true', null], words: 'true or false' },
  json: { good: [null, 0, '', false, [], {}], bad: [], words: 'there' },
  list: { good: [[], [1, 'a']], bad: [{}, 'a', null, 1], words: 'an array' },
};

/** A message of which every member is as it has to be; without those that may be missing, if asked. */
function example(table: Table, type: string, withOptional = true): Record<string, unknown> {
  const members = Object.entries(table[type]!).filter(([, kind]) => withOptional || !kind.endsWith('?'));
  return { type, ...Object.fromEntries(members.map(([name, kind]) => [name, KINDS[kind.replace('?', '')]!.good[0]])) };
}

describe.each(TABLES)('messages of the %s', (_end, table) => {
  describe.each(Object.keys(table))('%s', (type) => {
    it('is taken with all its members, with none of those that may be missing, and with others', () => {
      for (const message of [example(table, type), example(table, type, false)]) {
        expect(read(message, table)).toEqual([message]);
        const more = { ...message, more: 1, toString: 'x', length: 3 };
        expect(read(more, table)).toEqual([more]);
      }
    });

    it.each(Object.entries(table[type]!))('%s: %s', (name, kind) => {
      const message = example(table, type);
      const { good, bad, words } = KINDS[kind.replace('?', '')]!;
      for (const value of good) {
        expect(read({ ...message, [name]: value }, table)).toEqual([{ ...message, [name]: value }]);
      }
      const refused = {
        type: 'refused',
        id: name === 'id' ? undefined : message.id,
        code: 'INVALID',
        message: `'${name}' of '${type}' has to be ${words}`,
      };
      for (const value of bad) expect(read({ ...message, [name]: value }, table)).toEqual([refused]);
      const { [name]: _, ...without } = message;
      expect(read(without, table)).toEqual([kind.endsWith('?') ? without : refused]);
    });
  });
});

describe('a frame', () => {
  it('holds one message or several, in order', () => {
    const [ping, leave] = [{ type: 'ping' }, { type: 'leave', id: 1, channel: 'a' }];
    expect(read(ping)).toEqual([ping]);
    expect(read([leave, ping, ping])).toEqual([leave, ping, ping]);
    expect(read([])).toEqual([]);
  });

  it('refuses what it does not know by its name, each at its place, and takes the others', () => {
    expect(
      read([
        { type: 'ping' },
        { type: 'shout', id: 7 },
        { type: 'leave', id: 8 },
        { type: 'x'.repeat(100), id: -1 },
        { type: 'constructor' },
        { id: 9 },
        { type: ['ping'], id: 10 },
        { type: { toString: 1, valueOf: 1 } },
        { type: 'joined', id: 1, channel: 'a' },
        {},
      ]),
    ).toEqual([
      { type: 'ping' },
      { type: 'refused', id: 7, code: 'UNKNOWN', message: "'shout' is no message of framewright.realtime.1" },
      {
        type: 'refused',
        id: 8,
        code: 'INVALID',
        message: "'channel' of 'leave' has to be text of 1 to 256 characters",
      },
      {
        type: 'refused',
        id: undefined,
        code: 'UNKNOWN',
        message: `'${'x'.repeat(64)}' is no message of framewright.realtime.1`,
      },
      {
        type: 'refused',
        id: undefined,
        code: 'UNKNOWN',
        message: "'constructor' is no message of framewright.realtime.1",
      },
      { type: 'refused', id: 9, code: 'INVALID', message: "'type' has to name the message" },
      { type: 'refused', id: 10, code: 'INVALID', message: "'type' has to name the message" },
      { type: 'refused', id: undefined, code: 'INVALID', message: "'type' has to name the message" },
      { type: 'refused', id: 1, code: 'UNKNOWN', message: "'joined' is no message of framewright.realtime.1" },
      { type: 'refused', id: undefined, code: 'INVALID', message: "'type' has to name the message" },
    ]);
  });

  it('is JSON of objects, of which it has 1,000 at most', () => {
    for (const text of ['', 'x', '{', 'null', '1', '"ping"', 'true', '[1]', '[null]', '[[]]', '[{"type":"ping"},2]']) {
      expect(() => read(text)).toThrow(SyntaxError);
    }
    const many = (count: number) => Array.from({ length: count }, () => ({ type: 'ping' }));
    expect(read(many(MAX_BATCH))).toHaveLength(MAX_BATCH);
    expect(() => read(many(MAX_BATCH + 1))).toThrow(new SyntaxError('a frame holds at most 1000 messages'));
  });

  it('of any text is read or is a SyntaxError, and answers for each message', () => {
    const names = fc.constantFrom('type', 'id', 'channel', 'data', 'toString', '__proto__', 'more');
    const values = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.keys(CLIENT_MESSAGES)), fc.nat());
    const message = fc.array(fc.tuple(names, values)).map((members) => {
      return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
    });
    const text = fc.oneof(fc.string(), fc.json(), message, fc.array(message).map(writeFrame));
    fc.assert(
      fc.property(text, fc.constantFrom(...TABLES), (frame, [, table]) => {
        let found: unknown;
        try {
          found = read(frame, table);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          return;
        }
        const value: unknown = JSON.parse(frame);
        const items: unknown[] = Array.isArray(value) ? value : [value];
        expect((found as { type: string }[]).map(({ type }) => type)).toEqual(
          items.map((item) => ((item as { type: string }).type in table ? expect.any(String) : 'refused')),
        );
      }),
      { numRuns: 100 },
    );
  });

  it('of very deep text is read as well', () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    expect(() => read(deep)).toThrow(SyntaxError);
    expect(read(`{"type":"publish","id":1,"channel":"a","data":${deep}}`)).toHaveLength(1);
  });

  it('is written from messages that are JSON already', () => {
    expect(writeFrame(['{"a":1}'])).toBe('{"a":1}');
    expect(writeFrame(['{"a":1}', '{"b":2}'])).toBe('[{"a":1},{"b":2}]');
  });

  it('of entries is what the client reads', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
        fc.option(fc.nat(), { nil: undefined }),
        fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 4 }),
        (channel, offset, data) => {
          const text = writeEntries(
            channel,
            offset,
            data.map((value) => JSON.stringify(value)),
          );
          const plain = JSON.parse(JSON.stringify({ type: 'entries', channel, offset, data }));
          expect(read(text, SERVER_MESSAGES)).toEqual([plain]);
        },
      ),
      { numRuns: 50 },
    );
  });
});
