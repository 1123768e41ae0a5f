/**
 * What V8 and the event loop do for a while: which state a measurement has seen. The probe is a timer of a millisecond: nothing
 * to a loop that is never idle.
 */

import { constants, monitorEventLoopDelay, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import type { Watched } from './contract.ts';

const { NODE_PERFORMANCE_GC_MINOR: YOUNG, NODE_PERFORMANCE_GC_MAJOR: FULL } = constants;
const RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1e6;

/** @returns what ends it */
export function watch(): () => Watched {
  const collections = new Map<number, number>();
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  const count = (entries: readonly PerformanceEntry[]) => {
    for (const entry of entries) {
      const { kind } = (entry as unknown as { readonly detail: { readonly kind: number } }).detail;
      collections.set(kind, (collections.get(kind) ?? 0) + 1);
    }
  };
  observer.observe({ entryTypes: ['gc'] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const begin = performance.now();
  return () => {
    const seconds = (performance.now() - begin) / 1000;
    delay.disable();
    count(observer.takeRecords());
    observer.disconnect();
    // Without a turn there is nothing in it: the loop stood still all the time.
    const turnMs = (percent: number) =>
      delay.count > 0 ? delay.percentile(percent) / NANOSECONDS_PER_MS : seconds * 1000;
    return {
      youngPerSecond: (collections.get(YOUNG) ?? 0) / seconds,
      fullPerSecond: (collections.get(FULL) ?? 0) / seconds,
      loopP99: turnMs(99),
      loopP999: turnMs(99.9),
    };
  };
}
