import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteLog } from '../../src/playground/journal/byte-log.ts';

describe('a byte log', () => {
  it('gives back any stretch of what came, in whatever pieces', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 30 });
    fc.assert(
      fc.property(pieces, fc.nat(), fc.nat(), (all, a, b) => {
        const log = new ByteLog();
        for (const piece of all) log.append(piece);
        const bytes = Uint8Array.from(all.flatMap((piece) => [...piece]));
        const [start, end] = [a % (bytes.length + 1), b % (bytes.length + 10)];
        expect(log.length).toBe(bytes.length);
        expect(log.read(start, end)).toEqual(bytes.slice(start, Math.max(start, end)));
      }),
      { numRuns: 60 },
    );
  });

  it('lets the oldest go, and reads what is left', () => {
    const log = new ByteLog();
    for (let i = 0; i < 100; i++) log.append(new Uint8Array(4096).fill(i));
    log.letGo(50 * 4096);
    expect(log.length).toBe(100 * 4096);
    expect(log.keptBytes).toBeGreaterThanOrEqual(50 * 4096);
    expect(log.keptBytes).toBeLessThan(80 * 4096);
    expect(log.read(50 * 4096 - 1, 50 * 4096 + 1).at(-1)).toBe(50);
    expect(log.read(0, 10).length).toBe(0);
    log.letGo(log.length);
    expect(log.keptBytes).toBe(0);
    log.append(Uint8Array.of(7));
    expect(log.read(100 * 4096, 100 * 4096 + 5)).toEqual(Uint8Array.of(7));
  });
});
