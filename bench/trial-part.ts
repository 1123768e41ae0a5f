/** What an innocent client feels of others that do harm, and what the server's memory does meanwhile. */

import { measureExchange } from './cells.ts';
import { WATCHED } from './figures.ts';
import type { Trouble } from './load/contract.ts';
import type { Part } from './part.ts';

interface Trial {
  readonly name: string;
  readonly troubles: readonly Trouble[];
  /** With the options that bound what clients can do; for ws, with what its users write. */
  readonly isGuarded: boolean;
  readonly deflate?: object;
}

const TRIALS: readonly Trial[] = [
  { name: '64 MiB of tiny frames at once', troubles: ['tiny'], isGuarded: false },
  { name: 'compressed messages of 1 MiB', troubles: ['compressed'], isGuarded: false, deflate: {} },
  { name: 'readers that do not read', troubles: ['reader'], isGuarded: true },
  { name: 'production', troubles: ['sender', 'reader', 'upgrades'], isGuarded: true },
];

export const trialPart: Part = {
  name: 'trial',
  summary:
    'an innocent client (8 connections, 1,600 messages/s) beside others that do harm; with the options for production',
  subjects: ['framewright-trial', 'framewright-net-trial', 'ws-trial'],
  base: 'ws-trial',
  figures: [
    { key: 'p99Loaded', title: 'p99 µs', format: 'microseconds', isLowerBetter: true, isCompared: true },
    { key: 'p99Alone', title: 'alone', format: 'microseconds' },
    { key: 'p99Factor', title: '× alone', format: 'microseconds', isLowerBetter: true },
    { key: 'maxLoaded', title: 'max µs', format: 'microseconds' },
    { key: 'answeredShare', title: 'answered', format: 'share' },
    { key: 'baseBytes', title: 'RSS before', format: 'bytes' },
    { key: 'peakBytes', title: 'peak', format: 'bytes' },
    { key: 'afterBytes', title: 'after', format: 'bytes' },
    { key: 'heapBytes', title: 'heap peak', format: 'bytes' },
    { key: 'externalBytes', title: 'outside it', format: 'bytes' },
    { key: 'mostClients', title: 'clients', format: 'bytes' },
    ...WATCHED,
  ],
  cells: ({ isQuick }) =>
    TRIALS.map(({ name, troubles, isGuarded, deflate }) => ({
      name,
      measure: (subject) => {
        const server = { mode: 'echo', isGuarded, ...(deflate && { deflate }) } as const;
        const load = { kind: 'trial', troubles, seconds: isQuick ? 4 : 10 } as const;
        return measureExchange(subject, { server, load }, { warmUpMs: 1000, durationMs: 0 });
      },
    })),
};
