/** What a server tells at `/metrics` of its process beside `metrics(server)`: how late its event loop is, and its memory. */

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../index.ts';

const RESOLUTION_MS = 10;
/** The percentiles are those of the last so long, whoever asks and how often. */
const PERIOD_MS = 1000;

/** @returns a function that gives the metrics as text, and with them those of this process */
export function withProcess(figures: Metrics): () => string {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const secondsAt = (percentile: number) => Math.max(0, delay.percentile(percentile) / 1e9 - RESOLUTION_MS / 1000);
  let [p50, p99] = [0, 0];
  setInterval(() => {
    [p50, p99] = [secondsAt(50), secondsAt(99)];
    delay.reset();
  }, PERIOD_MS).unref();
  return () => {
    const { rss, heapUsed, external } = process.memoryUsage();
    const gauges = {
      nodejs_eventloop_lag_p50_seconds: p50,
      nodejs_eventloop_lag_p99_seconds: p99,
      process_resident_memory_bytes: rss,
      nodejs_heap_size_used_bytes: heapUsed,
      nodejs_external_memory_bytes: external,
      process_start_time_seconds: performance.timeOrigin / 1000,
    };
    const lines = Object.entries(gauges).map(([name, value]) => `# TYPE ${name} gauge\n${name} ${value}\n`);
    return figures.text().replace('# EOF\n', `${lines.join('')}# EOF\n`);
  };
}
