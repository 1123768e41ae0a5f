import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EventStreamParser, formatEvent } from '../../src/sse/event-format.ts';
import { STREAM_VECTORS, vectorBytes, vectorEvents } from './stream-vectors.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The bytes in pieces, cut behind each of `cuts`. */
function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const ends = [...new Set(cuts.filter((at) => at < bytes.length)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

function parse(pieces: readonly Uint8Array[], parser = new EventStreamParser()) {
  return pieces.flatMap((piece) => parser.push(piece));
}

describe('EventStreamParser', () => {
  test.each(STREAM_VECTORS)('$name', (vector) => {
    const bytes = vectorBytes(vector);
    expect(parse([bytes])).toEqual(vectorEvents(vector));
    if (bytes.length > 1000) return;
    expect(parse(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(vectorEvents(vector));
    for (let at = 0; at < bytes.length; at++) {
      expect(parse([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(vectorEvents(vector));
    }
  });

  test('reads any stream alike wherever it is cut', () => {
    const fragment = fc.constantFrom(
      ...['data', 'id', 'event', 'retry', ':', ' ', '\r', '\n', '\r\n', '\n\n', '\uFEFF', '\0', 'x', '1', '…', '😀'],
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 60 }), fc.array(fc.nat(200), { maxLength: 12 }), (parts, cuts) => {
        const bytes = bytesOf(parts.join(''));
        const whole = new EventStreamParser();
        const pieces = new EventStreamParser();
        expect(parse(cutAt(bytes, cuts), pieces)).toEqual(parse([bytes], whole));
        expect([pieces.lastEventId, pieces.retryMs]).toEqual([whole.lastEventId, whole.retryMs]);
      }),
    );
  });

  test('dispatches at a CR without waiting for what may follow', () => {
    const parser = new EventStreamParser();
    expect(parser.push(bytesOf('data:1\r\r'))).toHaveLength(1);
    expect(parser.push(bytesOf('\ndata:2\r\n\r'))).toHaveLength(1);
    expect(parser.push(bytesOf('\ndata:3\n\n'))).toHaveLength(1);
  });

  test('takes an id at the end of its block, with data or without', () => {
    const parser = new EventStreamParser();
    parser.push(bytesOf('id: 5'));
    expect(parser.lastEventId).toBe('');
    parser.push(bytesOf('\n'));
    expect(parser.lastEventId).toBe('');
    parser.push(bytesOf('\n'));
    expect(parser.lastEventId).toBe('5');
  });

  test('goes on from the id of the stream before it', () => {
    expect(parse([bytesOf('data:x\n\n')], new EventStreamParser('7'))).toEqual([
      { type: 'message', data: 'x', lastEventId: '7' },
    ]);
  });

  test.each([
    ['retry:1000\n', 1000],
    ['retry: 0\n', 0],
    ['retry:\n', undefined],
    ['retry\n', undefined],
    ['retry:1000x\n', undefined],
    ['retry: +5\n', undefined],
    ['retry:  5\n', undefined],
    ['retry:1.5\n', undefined],
    ['retry:٣\n', undefined],
    ['retry:3000\nretry:1000x\n', 3000],
  ])('%j makes retryMs %s', (stream, retryMs) => {
    const parser = new EventStreamParser();
    parser.push(bytesOf(stream));
    expect(parser.retryMs).toBe(retryMs);
  });

  test.each([['data:0123456789'], ['data:01234\ndata:567'], [':01234567890']])(
    'refuses more than maxLength of %j',
    (stream) => {
      const parser = new EventStreamParser('', 10);
      expect(() => parser.push(bytesOf(stream))).toThrow(new RangeError('An event is longer than 10 characters'));
    },
  );

  test('counts what waits, and not what has been dispatched', () => {
    const parser = new EventStreamParser('', 10);
    for (let i = 0; i < 100; i++) expect(parser.push(bytesOf('data:1234\n\n'))).toHaveLength(1);
  });
});

describe('formatEvent', () => {
  test.each([
    [{ data: 'x' }, 'data: x\n\n'],
    [{ data: '' }, 'data: \n\n'],
    [{ id: '1' }, 'id: 1\n\n'],
    [{ id: '' }, 'id: \n\n'],
    [{ comment: '' }, ': \n\n'],
    [{ comment: 'a\nevent: b' }, ': a\n: event: b\n\n'],
    [{ retry: 0 }, 'retry: 0\n\n'],
    [{ data: 'a\rb\nc\r\nd\n' }, 'data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n'],
    [{ event: 'e', data: '1', id: '2', retry: 3, comment: '4' }, ': 4\nevent: e\nid: 2\nretry: 3\ndata: 1\n\n'],
  ])('%j', (fields, text) => expect(formatEvent(fields)).toBe(text));

  test.each([
    [{ event: 'x\ndata: injected' }, TypeError, 'The type of an event has a line end in it'],
    [{ event: 'x\rdata: injected' }, TypeError, 'The type of an event has a line end in it'],
    [{ id: '1\n\n' }, TypeError, 'The id of an event has a line end in it'],
    [{ id: '1\r' }, TypeError, 'The id of an event has a line end in it'],
    [{ id: '1\0' }, TypeError, 'The id of an event has a NUL in it: clients would ignore it'],
    [{ retry: 1.5 }, RangeError, 'retry must be a whole number from 0 on; got 1.5'],
    [{ retry: -1 }, RangeError, 'retry must be a whole number from 0 on; got -1'],
    [{ retry: 1e21 }, RangeError, 'retry must be a whole number from 0 on; got 1e+21'],
  ])('refuses %j', (fields, kind, message) => expect(() => formatEvent(fields)).toThrow(new kind(message)));

  test('what is written is read, and nothing else', () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('\r', '\n', ':', ' ', '\0', 'id: 1', 'x'), fc.string({ maxLength: 1 })),
    });
    const word = text.map((value) => value.replace(/[\r\n\0]/g, ''));
    const event = fc.record({ data: text, event: word, id: word, comment: text }, { requiredKeys: ['data', 'id'] });
    fc.assert(
      fc.property(fc.array(event), (events) => {
        const stream = events.map(formatEvent).join('');
        expect(parse([bytesOf(stream)])).toEqual(
          events.map(({ data, event: type, id }) => ({
            type: type || 'message',
            data: data.replace(/\r\n?/g, '\n'),
            lastEventId: id,
          })),
        );
      }),
    );
  });
});
