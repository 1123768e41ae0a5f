/** Memory engines in time that passes by `wait` alone. */

import { vi } from 'vitest';
import { type MemoryEngine, memory } from '../../src/engines/memory.ts';
import type { Engines } from './engines.ts';

export const KEY_WINDOW_MS = 2050;

export function inVirtualTime(engines: Engines['engines'], more: Partial<Engines> = {}): Engines {
  vi.useFakeTimers();
  return {
    engines,
    wait: async (ms) => {
      await vi.advanceTimersByTimeAsync(ms);
    },
    isTimeVirtual: true,
    keyWindowMs: KEY_WINDOW_MS,
    end: async () => {
      await Promise.all(engines.map((engine) => engine.close()));
      vi.useRealTimers();
    },
    ...more,
  };
}

export function shared(count: number): MemoryEngine[] {
  const first = memory({ keyWindowMs: KEY_WINDOW_MS });
  return [first, ...Array.from({ length: count - 1 }, () => first.share())];
}
