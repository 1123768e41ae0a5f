import type { RealtimeError } from '../../src/realtime-protocol/index.ts';

/** Waits until something is so: as long as the test may take. */
export async function until(isSo: () => unknown): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** What is live may be stale again at once, on a machine that has much to do. */
export async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if ((error as RealtimeError).code !== 'UNAVAILABLE') throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
