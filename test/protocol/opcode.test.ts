/** Every one of the sixteen opcodes (§5.2, §5.5). */

import { describe, expect, it } from 'vitest';
import { isControlOpcode, isReservedOpcode, Opcode, opcodeName } from '../../src/protocol/index.ts';

const ROWS: [opcode: number, name: string, isControl: boolean, isReserved: boolean][] = [
  [0x0, 'continuation', false, false],
  [0x1, 'text', false, false],
  [0x2, 'binary', false, false],
  [0x3, 'reserved data', false, true],
  [0x4, 'reserved data', false, true],
  [0x5, 'reserved data', false, true],
  [0x6, 'reserved data', false, true],
  [0x7, 'reserved data', false, true],
  [0x8, 'close', true, false],
  [0x9, 'ping', true, false],
  [0xa, 'pong', true, false],
  [0xb, 'reserved control', true, true],
  [0xc, 'reserved control', true, true],
  [0xd, 'reserved control', true, true],
  [0xe, 'reserved control', true, true],
  [0xf, 'reserved control', true, true],
];

describe('opcode', () => {
  it.each(ROWS)('§5.2 opcode %i is %s', (opcode, name, isControl, isReserved) => {
    expect(opcodeName(opcode)).toBe(name);
    expect(isControlOpcode(opcode)).toBe(isControl);
    expect(isReservedOpcode(opcode)).toBe(isReserved);
  });

  it('§5.2 has six opcodes with a meaning', () => {
    const legal = ROWS.filter(([, , , isReserved]) => !isReserved).map(([opcode]) => opcode);
    expect(Object.values(Opcode).sort((a, b) => a - b)).toEqual(legal);
  });

  it('§5.2 a name is taken from the lower four bits of the first byte', () => {
    expect(opcodeName(0x89)).toBe('ping');
  });
});
