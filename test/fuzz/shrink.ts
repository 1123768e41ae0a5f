/** Makes a failing input small: takes parts out, long ones first, and then makes bytes 0, for as long as it still fails. */

import { concat } from '../support/wire.ts';

/** Tries: an input that takes long to fail is left longer than it need be. */
const MAX_TRIES = 2000;

export async function shrink(
  input: Uint8Array,
  fails: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  const isBetter = async (candidate: Uint8Array) => {
    if (tries >= MAX_TRIES) return false;
    tries++;
    if (!(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  /** @returns whether anything could be taken out */
  const takeOut = async (length: number): Promise<boolean> => {
    let isShorter = false;
    for (let at = 0; at < best.length; ) {
      const without = concat(best.subarray(0, at), best.subarray(at + length));
      if (await isBetter(without)) isShorter = true;
      else at += length;
    }
    return isShorter;
  };

  for (let length = Math.max(1, best.length >> 1); ; length = Math.max(1, length >> 1)) {
    const isShorter = await takeOut(length);
    if (length === 1 && !isShorter) break;
  }
  for (let at = 0; at < best.length; at++) {
    for (const byte of [0, best[at]! >> 1, best[at]! - 1]) {
      const simpler = best.slice();
      simpler[at] = byte;
      if (byte >= 0 && byte < best[at]! && (await isBetter(simpler))) break;
    }
  }
  return best;
}
