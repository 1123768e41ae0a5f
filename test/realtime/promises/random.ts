export type Random = () => number;

/** mulberry32. @returns numbers from 0 to below 1 */
export function randomOf(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Mostly below `typical`, and up to four times that. */
export const skewed = (random: Random, typical: number) => Math.ceil(typical * random() ** 3 * 4);
