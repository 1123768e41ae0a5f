/** Deadlines that do not count the time in which this process could not read. */

import { describe, expect, it } from 'vitest';
import { Deadline } from '../../src/conformance/deadline.ts';

function elapsed(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Keeps the event loop from turning. */
function stall(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
}

describe('Deadline', () => {
  it('acts once, and not before its time', async () => {
    const startedAt = performance.now();
    let acted = 0;
    await new Promise<void>((resolve) => {
      new Deadline(60, () => {
        acted++;
        resolve();
      });
    });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(59);
    await elapsed(30);
    expect(acted).toBe(1);
  });

  it('gives back the time that was lost, wherever it was lost', async () => {
    const order: string[] = [];
    const ended = new Promise<void>((resolve) => {
      new Deadline(100, () => {
        order.push('deadline');
        resolve();
      });
    });
    stall(200);
    // Were the 200 ms counted, the deadline would come first.
    await elapsed(10);
    order.push('answer');
    await ended;
    expect(order).toEqual(['answer', 'deadline']);
  });

  it('lets what has arrived go first', async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      new Deadline(0, () => {
        order.push('deadline');
        resolve();
      });
      setTimeout(() => order.push('answer'), 0);
    });
    expect(order).toEqual(['answer', 'deadline']);
  });

  it('does not act once cancelled', async () => {
    let hasActed = false;
    const deadline = new Deadline(20, () => {
      hasActed = true;
    });
    deadline.cancel();
    deadline.cancel();
    await elapsed(60);
    expect(hasActed).toBe(false);
  });
});
