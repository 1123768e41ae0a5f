/** What one process sustains with Redis, and what one Redis does: the constants of spec-notes/guide/scaling.md. */

import type { PublishersLoad } from './load/contract.ts';
import type { Cell, Part } from './part.ts';
import { type Fleet, measureFleet } from './processes-part.ts';

/** One process, to which the load comes. */
const ONE: Fleet = { processes: 1, hasProxy: false, redisServers: 1 };
const THREE: Fleet = { processes: 3, hasProxy: true, redisServers: 1 };

type Row = readonly [name: string, fleet: Fleet, load: Omit<PublishersLoad, 'kind' | 'language'>];

const ROWS: readonly Row[] = [
  ...[10, 100, 1000].map(
    (members): Row => [`${members} members`, ONE, { publishers: 4, members, channels: 1, inFlight: 16 }],
  ),
  ...[10, 1000].map(
    (members): Row => [`${members} members, alone`, ONE, { publishers: 1, members, channels: 1, inFlight: 1 }],
  ),
  ...[10, 100, 1000].map((channels): Row => {
    const members = 1000 / channels;
    return [`${channels} channels of ${members}`, ONE, { publishers: 4, members, channels, inFlight: 4 }];
  }),
  ...[1, 2].map((redisServers): Row => {
    const fleet = { ...THREE, redisServers };
    return [`3 processes, ${redisServers} Redis`, fleet, { publishers: 6, members: 1, channels: 100, inFlight: 4 }];
  }),
];

export const scalingPart: Part = {
  name: 'scaling',
  summary:
    'publications of 128 B with Redis, as fast as it goes: by members and by channels of one process, by servers of Redis',
  subjects: ['framewright-redis'],
  base: 'framewright-redis',
  figures: [
    { key: 'perSecond', title: 'per second', format: 'rate' },
    { key: 'cpuMicros', title: 'servers µs each', format: 'microseconds' },
    { key: 'redisMicros', title: 'Redis µs each', format: 'microseconds' },
    { key: 'p50', title: 'p50 ms', format: 'milliseconds' },
    { key: 'p99', title: 'p99', format: 'milliseconds' },
    { key: 'bytesEach', title: 'bytes a member', format: 'bytes' },
    { key: 'serverUtilisation', title: 'servers', format: 'share' },
    { key: 'redisUtilisation', title: 'Redis', format: 'share' },
    { key: 'nginxUtilisation', title: 'nginx', format: 'share' },
    { key: 'utilisation', title: 'load', format: 'share' },
    { key: 'missing', title: 'missing', format: 'count' },
  ],
  cells: ({ timing: { durationMs } }) =>
    ROWS.map(([name, fleet, load]): Cell => {
      return {
        name,
        measure: (subject) =>
          measureFleet(
            subject,
            fleet,
            { kind: 'publishers', language: subject.language, ...load },
            { warmUpMs: durationMs / 2, durationMs },
          ),
      };
    }),
};
