/** The columns that most parts have in common. */

import type { Figure } from './part.ts';

/** What the server's process saw of V8 and of its event loop: see servers/watch.ts. */
export const WATCHED: readonly Figure[] = [
  { key: 'youngPerSecond', title: 'young/s', format: 'count' },
  { key: 'fullPerSecond', title: 'full/s', format: 'count' },
  { key: 'loopP99', title: 'loop p99 ms', format: 'milliseconds' },
  { key: 'loopP999', title: 'p99.9', format: 'milliseconds' },
];

export const RATE: Figure = { key: 'perSecond', title: 'messages/s', format: 'rate', isCompared: true };
export const COST: Figure = {
  key: 'cpuMicros',
  title: 'CPU µs each',
  format: 'microseconds',
  isLowerBetter: true,
  isCompared: true,
};
/** Of the load, whose limit must not be what is measured, and of the server, which has to be at its own. */
export const UTILISATION: readonly Figure[] = [
  { key: 'utilisation', title: 'load', format: 'utilisation' },
  { key: 'serverUtilisation', title: 'server', format: 'saturation' },
];

/** The libraries that do what framewright does; bare sockets and Bun are there to be aimed at. */
export const RIVALS: readonly string[] = ['ws', 'ws-nobu', 'websocket', 'faye', 'deno'];

export const PER_MESSAGE: readonly Figure[] = [RATE, COST, ...UTILISATION, ...WATCHED];
