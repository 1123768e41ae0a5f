import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/memory/view.ts';
import { Chunk } from '../../src/protocol/index.ts';
import { decodeText, fromPayload, toControlPayload, toPayload } from '../../src/socket/payload.ts';
import { prepareMessage } from '../../src/socket/prepared-message.ts';

it.each([{}, true, 10n, Symbol('x')])('%o cannot be sent: a TypeError with the code that ws’s has', (data) => {
  for (const convert of [toPayload, toControlPayload]) {
    expect(() => convert(data as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' }),
    );
  }
});

describe('toPayload', () => {
  const memory = Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7).buffer;

  it.each([
    ['an ArrayBuffer', memory, 0, 8],
    ['a Uint16Array in the middle', new Uint16Array(memory, 2, 2), 2, 4],
    ['a DataView', new DataView(memory, 3, 5), 3, 5],
    ['an empty view', new Float64Array(memory, 8, 0), 8, 0],
  ])('%s stays on the same memory', (_what, data, byteOffset, length) => {
    const payload = toPayload(data) as Uint8Array;
    expect(payload).toBeInstanceOf(Uint8Array);
    expect(payload.buffer).toBe(memory);
    expect([payload.byteOffset, payload.length]).toEqual([byteOffset, length]);
  });

  it('a Uint8Array is handed on as it is, text and numbers as text, nothing as no bytes', () => {
    const bytes = Uint8Array.of(1);
    expect(toPayload(bytes)).toBe(bytes);
    expect(toPayload('é')).toBe('é');
    expect(toPayload(-1.5)).toBe('-1.5');
    expect(toPayload(null)).toHaveLength(0);
    expect(toPayload(undefined)).toHaveLength(0);
    expect(toControlPayload('é')).toEqual(Buffer.from([0xc3, 0xa9]));
  });
});

/** As long as an array can be, with the given elements in front and one at the end. */
function withHoles<T>(...elements: T[]): T[] {
  const list = [...elements];
  list[2 ** 32 - 2] = elements[0]!;
  return list;
}

/** JSON of an attacker's, and things that are only like bytes. */
const NO_BYTES: readonly [string, unknown][] = [
  ['a length without content', JSON.parse('{"length":100000000}')],
  ['an array-like object', { 0: 1, length: 1 }],
  ['a Buffer as JSON with a length for its data', { type: 'Buffer', data: { length: 1e8 } }],
  ['an object', {}],
  ['a boxed string', Object('text')],
  ['something with a primitive value', { [Symbol.toPrimitive]: () => 'text' }],
  ['a list of strings', ['a']],
  ['a list of numbers with holes', withHoles(1)],
  ['a list of views with holes', withHoles(new Uint8Array(1))],
  ['a list of holes', Array(1e8)],
  ['a list of both', [1, new Uint8Array(1)]],
  ['true', true],
  ['a bigint', 1n],
  ['a symbol', Symbol('s')],
  ['a function', () => {}],
];

describe('what has no bytes', () => {
  it.each(NO_BYTES)('%s is a TypeError that says what may be sent, and what was given', (_what, data) => {
    expect(() => toPayload(data as never)).toThrow(TypeError);
    expect(() => toControlPayload(data as never)).toThrow(/^What is sent must be a string, .*; got ./);
    expect(() => prepareMessage(data as never)).toThrow(TypeError);
  });
});

describe('what has bytes in ways of its own', () => {
  const bytes = (data: unknown) => [...(toPayload(data as never) as Uint8Array)];

  it('lists of numbers, and of views of any kind, one behind the other', () => {
    expect(bytes([1, 2, 259])).toEqual([1, 2, 3]);
    expect(bytes([])).toEqual([]);
    expect(bytes([Buffer.from([1]), new Uint16Array([0x0202]), new DataView(new ArrayBuffer(1))])).toEqual([
      1, 2, 2, 0,
    ]);
  });

  it('shared memory, and memory of another realm', () => {
    expect(bytes(new SharedArrayBuffer(2))).toEqual([0, 0]);
    const realm = (code: string) => bytes(runInNewContext(code));
    expect(realm('new ArrayBuffer(2)')).toEqual([0, 0]);
    expect(realm('Uint8Array.of(1, 2)')).toEqual([1, 2]);
    expect(realm('[Uint8Array.of(1), Uint8Array.of(2)]')).toEqual([1, 2]);
  });
});

describe('what arrives', () => {
  it('viewOf is a Buffer on the same memory', () => {
    const bytes = new Uint8Array(10).subarray(2);
    const view = viewOf(bytes, 1, 4);
    expect(Buffer.isBuffer(view)).toBe(true);
    view[0] = 9;
    expect(bytes[1]).toBe(9);
    expect(view.length).toBe(3);
  });

  it('an ArrayBuffer is the message and nothing beside it: a copy, unless the message fills its memory', () => {
    const chunk = Buffer.from(Uint8Array.of(1, 2, 3, 4).buffer);
    const part = fromPayload(chunk.subarray(1, 3), 'arraybuffer') as ArrayBuffer;
    expect(new Uint8Array(part)).toEqual(Uint8Array.of(2, 3));
    expect(part).not.toBe(chunk.buffer);
    expect(fromPayload(chunk, 'arraybuffer')).toBe(chunk.buffer);
  });

  it.each([
    ['ASCII', 'x'],
    ['characters of two bytes', 'é'],
    ['of three', '€'],
    ['of four', '𝄞'],
    ['of all lengths', 'aé€𝄞'],
  ])('§5.6 long text is decoded in pieces, none of which ends within a character: %s', (_what, characters) => {
    for (const shift of ['', 'a', 'ab', 'abc']) {
      const text = shift + characters.repeat(1_100_000 / Buffer.byteLength(characters));
      const bytes = Buffer.from(`-${text}-`);
      expect(decodeText(new Chunk(bytes), 1, bytes.length - 1) === text).toBe(true);
    }
  });

  it('long text that is no UTF-8, and was not checked, is decoded as Node does it', () => {
    for (const pattern of ['80', 'e282', 'f09d84', 'c3', 'ff41', 'e2828080', 'f09d848080']) {
      const bytes = Buffer.alloc(1_100_001, pattern, 'hex');
      expect(decodeText(new Chunk(bytes), 0, bytes.length) === bytes.toString()).toBe(true);
    }
  });
});
