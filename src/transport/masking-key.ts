/**
 * Masking keys for the client role (§5.3, §10.3): unpredictable, and fresh for every frame. They are drawn in batches, so
 * that the random source is not asked for each frame.
 */

const pool = new Int32Array(2048);
let next = pool.length;

export function nextMaskingKey(): number {
  if (next === pool.length) {
    process.getBuiltinModule('node:crypto').randomFillSync(pool);
    next = 0;
  }
  return pool[next++]!;
}
