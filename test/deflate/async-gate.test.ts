import { describe, expect, it } from 'vitest';
import { AsyncGate } from '../../src/deflate/async-gate.ts';

describe('AsyncGate', () => {
  it('RFC 7692 §7.2 lets as many in as the limit says, the others in order', () => {
    const gate = new AsyncGate();
    gate.setLimit(2);
    const started: number[] = [];
    for (const job of [1, 2, 3, 4]) gate.enter(() => started.push(job));
    expect(started).toEqual([1, 2]);
    gate.leave();
    expect(started).toEqual([1, 2, 3]);
    gate.leave();
    gate.leave();
    gate.leave();
    gate.enter(() => started.push(5));
    gate.enter(() => started.push(6));
    gate.enter(() => started.push(7));
    expect(started).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('RFC 7692 §7.2 the first limit decides; there is none before', () => {
    const gate = new AsyncGate();
    let inside = 0;
    for (let i = 0; i < 20; i++) gate.enter(() => inside++);
    expect(inside).toBe(20);
    gate.setLimit(1);
    gate.setLimit(100);
    gate.enter(() => inside++);
    expect(inside).toBe(20);
  });
});
