/** What one process sustains with Redis, and what one Redis does: the constants of spec-notes/guide/scaling.md. */

import { createClient } from 'redis';
import { redis } from '../src/engines/redis/index.ts';
import { measureExchange } from './cells.ts';
import type { Figures, PublishersLoad } from './load/contract.ts';
import { cpuMicrosecondsOf } from './load/process-usage.ts';
import type { Cell, Part } from './part.ts';
import { type Fleet, measureFleet } from './processes-part.ts';
import { withoutHeap } from './subjects.ts';
import { tie } from './support/processes.ts';

/** One process, to which the load comes. */
const ONE: Fleet = { processes: 1, hasProxy: false, redisServers: 1 };
/** One process that is told of what another one publishes. */
const TOLD: Fleet = { processes: 2, hasProxy: false, redisServers: 1, isToldOnly: true };
const THREE: Fleet = { processes: 3, hasProxy: true, redisServers: 1 };

const RETENTION = { messages: 100, bytes: 1_048_576, ageMs: Number.POSITIVE_INFINITY };
const DATA = JSON.stringify({ by: 'ada', text: '.'.repeat(106) });
const [FIRST, LAST] = [2000, 8000];

type Row = readonly [name: string, fleet: Fleet, load: Omit<PublishersLoad, 'kind' | 'language'>];

const ROWS: readonly Row[] = [
  ...[10, 100, 1000].map(
    (members): Row => [`${members} members`, ONE, { publishers: 4, members, channels: 1, inFlight: 16 }],
  ),
  ...[10, 1000].map(
    (members): Row => [`${members} members, one by one`, TOLD, { publishers: 1, members, channels: 1, inFlight: 1 }],
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

/** Only the time of Redis counts: engines of many processes are in this one. */
async function measureRedis(subscribers: number, durationMs: number): Promise<Figures> {
  const { RedisServer } = await import('../test/redis/redis-server.ts');
  const server = await RedisServer.start('rdb');
  const untie = tie(() => server.kill());
  const engines = Array.from({ length: subscribers }, () =>
    redis(createClient({ socket: { host: '127.0.0.1', port: server.port } })),
  );
  try {
    let heard = 0;
    const subscriber = { entry: () => void heard++, presence: () => {}, state: () => {} };
    for (const engine of engines) await engine.subscribe('a', RETENTION, subscriber);
    const endMs = performance.now() + durationMs;
    const before = cpuMicrosecondsOf([server.pid]);
    let count = 0;
    const publish = async () => {
      for (; performance.now() < endMs; count++) {
        await engines[0]!.publish({ channel: 'a', data: DATA, retention: RETENTION, key: undefined });
      }
    };
    await Promise.all(Array.from({ length: 16 }, publish));
    while (heard < count * subscribers) await new Promise((resolve) => setTimeout(resolve, 5));
    return { redisMicros: (cpuMicrosecondsOf([server.pid]) - before) / count };
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
    await server.end();
    untie();
  }
}

export const scalingPart: Part = {
  name: 'scaling',
  summary:
    'publications of 128 B with Redis, as fast as it goes: by members and by channels of one process, by servers of Redis',
  subjects: ['framewright-redis'],
  base: 'framewright-redis',
  figures: [
    { key: 'perSecond', title: 'per second', format: 'rate' },
    { key: 'cpuMicros', title: 'servers µs each', format: 'microseconds' },
    { key: 'publisherMicros', title: 'publisher µs each', format: 'microseconds' },
    { key: 'redisMicros', title: 'Redis µs each', format: 'microseconds' },
    { key: 'p50', title: 'p50 ms', format: 'milliseconds' },
    { key: 'p99', title: 'p99', format: 'milliseconds' },
    { key: 'bytesEach', title: 'bytes a member', format: 'bytes' },
    { key: 'bytesPerConnection', title: 'memory each', format: 'bytes' },
    { key: 'serverUtilisation', title: 'servers', format: 'share' },
    { key: 'redisUtilisation', title: 'Redis', format: 'share' },
    { key: 'nginxUtilisation', title: 'nginx', format: 'share' },
    { key: 'utilisation', title: 'load', format: 'share' },
    { key: 'missing', title: 'missing', format: 'count' },
  ],
  cells: ({ timing, timing: { durationMs } }) => [
    ...ROWS.map(([name, fleet, load]): Cell => {
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
    ...[1, 40].map((subscribers): Cell => {
      return { name: `Redis, ${subscribers} subscribed`, measure: () => measureRedis(subscribers, durationMs) };
    }),
    {
      name: 'idle members of a hub',
      measure(subject) {
        const load = { kind: 'members', language: subject.language, first: FIRST, last: LAST } as const;
        const hub = { ...withoutHeap(subject), adapter: 'framewright-hub' };
        return measureExchange(hub, { server: { mode: 'echo' }, load }, timing);
      },
    },
  ],
};
