/** New inputs out of known ones: a few small changes, of the kinds that lead fuzzers on. */

import { concat } from '../support/wire.ts';
import type { Dice } from './dice.ts';

/** Longer inputs are cut: what they reach, shorter ones do. */
const MAX_BYTES = 4096;
/** Borders of bytes, lengths and opcodes. */
const TELLING = [
  0, 1, 2, 8, 9, 10, 13, 32, 58, 59, 61, 44, 34, 125, 126, 127, 128, 129, 130, 136, 137, 138, 193, 254, 255,
];

type Change = (bytes: Uint8Array, dice: Dice, known: readonly Uint8Array[]) => Uint8Array;

/** A place in the bytes, their end included; mostly few bytes long. */
function range(bytes: Uint8Array, dice: Dice): [start: number, end: number] {
  const start = dice.below(bytes.length + 1);
  const length = dice.below(1 + Math.min(bytes.length - start, dice.below(4) === 0 ? 256 : 8));
  return [start, start + length];
}

function replace(bytes: Uint8Array, [start, end]: [number, number], by: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, start), by, bytes.subarray(end));
}

function atOne(change: (byte: number, dice: Dice) => number): Change {
  return (bytes, dice) => {
    if (bytes.length === 0) return bytes;
    const changed = bytes.slice();
    const at = dice.below(bytes.length);
    changed[at] = change(changed[at]!, dice);
    return changed;
  };
}

const CHANGES: readonly Change[] = [
  atOne((byte, dice) => byte ^ (1 << dice.below(8))),
  atOne((_, dice) => dice.below(256)),
  atOne((_, dice) => dice.pick(TELLING)),
  atOne((byte, dice) => byte + dice.below(9) - 4),
  // Taken out.
  (bytes, dice) => replace(bytes, range(bytes, dice), new Uint8Array(0)),
  // Doubled.
  (bytes, dice) => {
    const [start, end] = range(bytes, dice);
    return replace(bytes, [start, start], bytes.subarray(start, end));
  },
  // Moved.
  (bytes, dice) => {
    const [start, end] = range(bytes, dice);
    const rest = replace(bytes, [start, end], new Uint8Array(0));
    const to = dice.below(rest.length + 1);
    return replace(rest, [to, to], bytes.subarray(start, end));
  },
  // Put in: anything, or a part of another input.
  (bytes, dice) => {
    const at = dice.below(bytes.length + 1);
    return replace(bytes, [at, at], anyBytes(dice, 8));
  },
  (bytes, dice, known) => {
    const other = dice.pick(known);
    const [start, end] = range(other, dice);
    const isInPlace = dice.below(2) === 0;
    return replace(bytes, isInPlace ? range(bytes, dice) : [start, start], other.subarray(start, end));
  },
  // Its beginning, and the end of another.
  (bytes, dice, known) => {
    const other = dice.pick(known);
    return concat(bytes.subarray(0, dice.below(bytes.length + 1)), other.subarray(dice.below(other.length + 1)));
  },
];

export function anyBytes(dice: Dice, maxLength: number): Uint8Array {
  return Uint8Array.from({ length: dice.below(maxLength + 1) }, () => dice.below(256));
}

/** @param known inputs, one at least */
export function mutate(known: readonly Uint8Array[], dice: Dice): Uint8Array {
  let bytes = dice.pick(known);
  for (let changes = 1 + dice.below(dice.below(2) === 0 ? 2 : 8); changes > 0; changes--) {
    bytes = dice.pick(CHANGES)(bytes, dice, known);
  }
  return bytes.slice(0, MAX_BYTES);
}
