import { expect, it } from 'vitest';
import { SLAB_BYTES, slabWithRoom } from '../../src/memory/slab.ts';

it('starts over once every range has been handed to the kernel', () => {
  const slab = slabWithRoom(SLAB_BYTES);
  slab.lentRanges++;
  slab.used = 100;
  slab.lentRanges++;
  slab.used = 200;
  slab.giveBack(true);
  expect(slabWithRoom(1)).toBe(slab);
  expect(slab.used).toBe(200);
  slab.giveBack(true);
  expect(slabWithRoom(1)).toBe(slab);
  expect(slab.used).toBe(0);
});

it('is never written again once a socket kept a range of it', () => {
  const slab = slabWithRoom(SLAB_BYTES);
  slab.lentRanges++;
  slab.used = 100;
  slab.lentRanges++;
  slab.used = 200;
  slab.giveBack(false);
  expect(slabWithRoom(1)).not.toBe(slab);
  slab.giveBack(true);
  expect(slabWithRoom(1)).not.toBe(slab);
  expect(slab.used).toBe(200);
});

it('makes way for a new one when there is no room', () => {
  const slab = slabWithRoom(1);
  slab.lentRanges++;
  slab.used = SLAB_BYTES - 10;
  const next = slabWithRoom(11);
  expect(next).not.toBe(slab);
  expect(next.used).toBe(0);
  slab.giveBack(true);
  expect(slabWithRoom(SLAB_BYTES)).toBe(next);
});

it('comes back after a burst that needed several, a few of them', () => {
  const burst = Array.from({ length: 9 }, () => {
    const slab = slabWithRoom(SLAB_BYTES);
    slab.lentRanges++;
    slab.used = SLAB_BYTES;
    return slab;
  });
  expect(new Set(burst).size).toBe(9);
  // The current one, then the first four of the others.
  for (const slab of burst.toReversed()) slab.giveBack(true);
  const next = Array.from({ length: 9 }, () => {
    const slab = slabWithRoom(SLAB_BYTES);
    slab.lentRanges++;
    slab.used = SLAB_BYTES;
    return slab;
  });
  expect(next.filter((slab) => burst.includes(slab))).toHaveLength(5);
  for (const slab of next) slab.giveBack(false);
});
