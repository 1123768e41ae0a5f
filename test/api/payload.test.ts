import { describe, expect, it } from 'vitest';
import { fromPayload, toControlPayload, toPayload } from '../../src/api/payload.ts';
import { viewOf } from '../../src/transport/view.ts';

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
});
