import { expect, it } from 'vitest';
import { nextMaskingKey } from '../../src/transport/masking-key.ts';

it('§5.3 keys are fresh for every frame, also when the pool is filled again, and use all 32 bits', () => {
  const keys = Array.from({ length: 10_000 }, nextMaskingKey);
  expect(keys.every(Number.isInteger)).toBe(true);
  // Of so many random keys about 0.01 coincide; ten that do are one in 10^27.
  expect(new Set(keys).size).toBeGreaterThan(9990);
  for (let bit = 0; bit < 32; bit++) {
    const count = keys.filter((key) => (key >>> bit) & 1).length;
    // Seven standard deviations around one half.
    expect(Math.abs(count - 5000)).toBeLessThan(350);
  }
});
