/**
 * Unmasking in place: the RFC's words, 32 bits at a time, vector instructions in the read buffer and elsewhere; ws's with
 * and without its native addon.
 */

import { maskReference } from '../../src/protocol/index.ts';
import { internals, protocol, wsMasking } from './libraries.ts';
import type { Pass, Subjects } from './worker.ts';

interface MaskCell {
  readonly payloadBytes: number;
}

/** Where a payload lies behind a short masked header. */
const START = 6;
const KEY = 0x37fa213d;
const KEY_BYTES = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
const PER_PASS = 8;

/** `run` gets the payload masked and has to give it back unmasked, then the same again. */
function unmaskWith(memory: Buffer, { payloadBytes }: MaskCell, run: () => void): Pass {
  const end = START + payloadBytes;
  memory.fill(0x2a);
  maskReference(memory, START, end, KEY, 0);
  run();
  if (!memory.every((byte) => byte === 0x2a)) throw new Error('The payload is not what it was before it was masked');
  return () => {
    for (let i = 0; i < PER_PASS; i++) run();
    return PER_PASS;
  };
}

const { readChunk, unmask } = internals.maskKernel;

export const subjects: Subjects<MaskCell> = {
  reference(cell) {
    const memory = Buffer.allocUnsafeSlow(START + cell.payloadBytes);
    return unmaskWith(memory, cell, () => protocol.maskReference(memory, START, memory.length, KEY, 0));
  },
  framewright(cell) {
    const memory = Buffer.allocUnsafeSlow(START + cell.payloadBytes);
    const chunk = new protocol.Chunk(memory);
    return unmaskWith(memory, cell, () => protocol.maskChunk(chunk, START, memory.length, KEY, 0));
  },
  'framewright-kernel'(cell) {
    const memory = readChunk.bytes.subarray(0, START + cell.payloadBytes) as Buffer;
    return unmaskWith(memory, cell, () => unmask(readChunk, START, memory.length, KEY, 0));
  },
  'framewright-elsewhere'(cell) {
    const memory = Buffer.allocUnsafeSlow(START + cell.payloadBytes);
    const chunk = new protocol.Chunk(memory);
    return unmaskWith(memory, cell, () => unmask(chunk, START, memory.length, KEY, 0));
  },
  ws(cell) {
    const memory = Buffer.allocUnsafeSlow(START + cell.payloadBytes);
    const payload = memory.subarray(START);
    return unmaskWith(memory, cell, () => wsMasking.unmask(payload, KEY_BYTES));
  },
};
