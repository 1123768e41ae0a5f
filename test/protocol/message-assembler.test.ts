/** Messages put together (§5.4): what they hold, what memory they take, and where bad text is found (§8.1). */

import { describe, expect, it } from 'vitest';
import { Chunk, type IsUtf8, isValidUtf8, MessageAssembler } from '../../src/protocol/index.ts';
import { hex, toBytes, toHex } from '../support/wire.ts';

const isUtf8: IsUtf8 = ({ bytes }, start, end) => isValidUtf8(bytes, start, end);

function open(skipsUtf8Validation = false) {
  const allocations: number[] = [];
  const allocate = (lengthBytes: number) => {
    allocations.push(lengthBytes);
    // Not zeroed, as memory may be: whatever is not written shows.
    return new Uint8Array(lengthBytes).fill(0xee);
  };
  return { allocations, assembler: new MessageAssembler(allocate, skipsUtf8Validation, isUtf8) };
}
const held = (assembler: MessageAssembler) => toHex(assembler.bytes.subarray(0, assembler.length));

describe('message assembler', () => {
  it('§5.4 pieces in order, each from the middle of a chunk', () => {
    const { assembler } = open();
    assembler.start(false);
    assembler.append(new Chunk(hex('ff 01 02 ff')), 1, 3, 0);
    assembler.append(new Chunk(hex('ff ff')), 1, 1, 0);
    assembler.append(new Chunk(hex('03 ff')), 0, 1, 0);
    expect(held(assembler)).toBe('01 02 03');
    expect(assembler.isBinary).toBe(true);
    expect(assembler.finish()).toBe(true);
  });

  it('§5.4 an empty message takes no memory', () => {
    const { assembler, allocations } = open();
    assembler.start(true);
    assembler.append(new Chunk(new Uint8Array(0)), 0, 0, 0);
    expect(assembler.finish()).toBe(true);
    expect(assembler.isBinary).toBe(false);
    expect(assembler.length).toBe(0);
    expect(allocations).toEqual([]);
  });

  it('§5.4 each message has memory of its own', () => {
    const { assembler } = open();
    assembler.start(false);
    assembler.append(new Chunk(hex('01 02')), 0, 2, 0);
    const first = assembler.bytes;
    assembler.start(false);
    expect(assembler.length).toBe(0);
    assembler.append(new Chunk(hex('03')), 0, 1, 0);
    expect(toHex(first.subarray(0, 2))).toBe('01 02');
    expect(assembler.bytes.buffer).not.toBe(first.buffer);
  });

  it('§10.4 what is announced is not allocated', () => {
    const { assembler, allocations } = open();
    assembler.start(false);
    assembler.append(new Chunk(hex('01')), 0, 1, Number.MAX_SAFE_INTEGER - 1);
    expect(Math.max(...allocations)).toBeLessThanOrEqual(16);
  });

  const SIZES: [name: string, pieces: number[]][] = [
    ['many equal pieces', Array<number>(300).fill(7)],
    ['single bytes', Array<number>(1000).fill(1)],
    ['a small piece before a large one', [1, 100_000, 1]],
    ['a large piece before small ones', [100_000, 1, 1, 1]],
    ['pieces that grow', Array.from({ length: 60 }, (_, i) => i * i)],
  ];
  for (const isAnnounced of [true, false]) {
    it.each(SIZES)(
      `§10.4 never more than four times what has arrived, of little sixteen times, twice when the rest is not announced: %s, announced ${isAnnounced}`,
      (_name, pieces) => {
        const { assembler, allocations } = open();
        const total = pieces.reduce((sum, piece) => sum + piece, 0);
        const content = Uint8Array.from({ length: total }, (_, i) => i * 17);
        assembler.start(false);
        let arrived = 0;
        for (const piece of pieces) {
          const before = allocations.length;
          const toCome = isAnnounced ? total - arrived - piece : 0;
          assembler.append(new Chunk(content), arrived, arrived + piece, toCome);
          arrived += piece;
          for (const capacity of allocations.slice(before)) {
            expect(capacity).toBeLessThanOrEqual((isAnnounced ? (arrived < 4096 ? 16 : 4) : 2) * arrived);
            if (isAnnounced) expect(capacity).toBeLessThanOrEqual(total);
          }
        }
        expect(assembler.length).toBe(total);
        expect(assembler.bytes.subarray(0, total)).toEqual(content);
        // Growth is geometric: copying stays linear in the length of the message.
        expect(allocations.length).toBeLessThanOrEqual(Math.log2(total) + 3);
      },
    );
  }

  it('§8.1 text is checked as it comes in', () => {
    const { assembler } = open();
    assembler.start(true);
    expect(assembler.append(new Chunk(hex('48 e2 82')), 0, 3, 5)).toBe(true);
    expect(assembler.finish()).toBe(false);
    expect(assembler.append(new Chunk(hex('ac 48')), 0, 2, 3)).toBe(true);
    expect(assembler.finish()).toBe(true);
    expect(assembler.append(new Chunk(hex('e2 28')), 0, 2, 1)).toBe(false);
  });

  it('§8.1 a piece that is known to be ASCII is not looked at, unless a character is open', () => {
    const { assembler } = open();
    assembler.start(true);
    expect(assembler.append(new Chunk(hex('ff 48 48')), 1, 3, 5, true)).toBe(true);
    expect(assembler.append(new Chunk(hex('e2')), 0, 1, 5)).toBe(true);
    expect(assembler.append(new Chunk(hex('48')), 0, 1, 5, true)).toBe(false);
  });

  it('§8.1 a message cut inside a code point leaves nothing to the next', () => {
    const { assembler } = open();
    assembler.start(true);
    assembler.append(new Chunk(hex('f0 90')), 0, 2, 0);
    expect(assembler.finish()).toBe(false);
    assembler.start(true);
    expect(assembler.append(new Chunk(toBytes('ok')), 0, 2, 0)).toBe(true);
    expect(assembler.finish()).toBe(true);
  });

  it('§5.6 binary messages are not checked, nor text when validation is off', () => {
    for (const [skips, isText] of [
      [false, false],
      [true, true],
      [true, false],
    ] as const) {
      const { assembler } = open(skips);
      assembler.start(isText);
      expect(assembler.append(new Chunk(hex('ff c3')), 0, 2, 0)).toBe(true);
      expect(assembler.finish()).toBe(true);
      expect(held(assembler)).toBe('ff c3');
    }
  });

  it('§7.1.7 released, it holds no memory', () => {
    const { assembler } = open();
    assembler.start(false);
    assembler.append(new Chunk(new Uint8Array(1000)), 0, 1000, 0);
    assembler.release();
    expect(assembler.length).toBe(0);
    expect(assembler.bytes.length).toBe(0);
  });
});
