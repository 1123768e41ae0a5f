/**
 * Masking keys for the client role (§5.3, §10.3): unpredictable, fresh for every frame, drawn from a pool so that the
 * random source is asked once in a while and not once per frame.
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
