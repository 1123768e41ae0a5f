/**
 * Several processes with Redis behind nginx, beside others that do it. Servers, Redis, nginx and the load share all cores: what each
 * of them takes is told apart.
 */

import { ALL_CORES, endServer, killAll, type Started, startServer } from './cells.ts';
import type { Figures, PublishersLoad, Target, Timing } from './load/contract.ts';
import type { Cell, Figure, Part } from './part.ts';
import type { Subject } from './subjects.ts';
import { startNginx } from './support/nginx.ts';
import { runOnCore, tie } from './support/processes.ts';

const LOAD = new URL('./load/main.ts', import.meta.url);

export interface Fleet {
  readonly processes: number;
  /** Else the load comes to the first process. */
  readonly hasProxy: boolean;
  readonly redisServers: number;
  /** Clients publish to one process more, whose time is told apart. */
  readonly isToldOnly?: boolean;
}

/** As Debian installs it. */
const REDIS_CONFIGURATION = 'rdb';

/** One measurement with fresh processes, all of them. @throws {Error} when one does not start, or does not answer as it has to */
export async function measureFleet(
  subject: Subject,
  fleet: Fleet,
  load: PublishersLoad,
  timing: Timing,
): Promise<Figures> {
  // Where there is no redis-server, it says so.
  const { RedisServer } = await import('../test/redis/redis-server.ts');
  const started: Started[] = [];
  const ends: (() => Promise<void>)[] = [];
  try {
    const redisPorts: number[] = [];
    const redisPids: number[] = [];
    for (let i = 0; i < fleet.redisServers; i++) {
      const server = await RedisServer.start(REDIS_CONFIGURATION);
      const untie = tie(() => server.kill());
      ends.push(() => server.end().then(untie));
      redisPorts.push(server.port);
      redisPids.push(server.pid);
    }
    const options = { mode: 'broadcast', heapMb: subject.heapMb, redisPorts } as const;
    await Promise.all(Array.from({ length: fleet.processes }, () => startServer(subject, ALL_CORES, options, started)));
    const publisher = fleet.isToldOnly === true ? started.at(-1)! : undefined;
    const measured = started.filter((one) => one !== publisher);
    const ports = measured.map(({ port }) => port);
    const proxy = fleet.hasProxy ? await startNginx(ports) : undefined;
    if (proxy !== undefined) ends.push(() => proxy.end());
    const target: Target = {
      port: proxy?.port ?? ports[0]!,
      pids: measured.flatMap(({ pids }) => pids),
      ...(publisher !== undefined && { publishPort: publisher.port }),
      beside: {
        redis: redisPids,
        ...(proxy !== undefined && { nginx: [proxy.pid] }),
        ...(publisher !== undefined && { publisher: publisher.pids }),
      },
      isRaw: false,
    };
    const args = [target, load, timing].map((value) => JSON.stringify(value));
    const figures = await runOnCore<Figures>(ALL_CORES, LOAD, args);
    await Promise.all(started.map(endServer));
    return figures;
  } finally {
    await killAll(started);
    for (const end of ends) await end();
  }
}

const MEMBERS = 1000;
const RATES = [10, 50, 100, 200];
const FLEET: Fleet = { processes: 3, hasProxy: true, redisServers: 1 };

/** What is promised to each member. */
const PROMISES: readonly Figure[] = [
  { key: 'missing', title: 'missing', format: 'count' },
  { key: 'doubled', title: 'doubled', format: 'count' },
  { key: 'reordered', title: 'reordered', format: 'count' },
  { key: 'orders', title: 'orders', format: 'count' },
];

const LATENCIES: readonly Figure[] = RATES.flatMap((rate): Figure[] =>
  [50, 99].map((percent) => ({
    key: `p${percent}At${rate}`,
    title: `p${percent} at ${rate}/s`,
    format: 'milliseconds',
    isLowerBetter: true,
  })),
);

export const processesPart: Part = {
  name: 'processes',
  summary: `3 processes with Redis behind nginx, ${MEMBERS.toLocaleString('en')} members of one channel, messages of 128 B from 3 clients; milliseconds until the last member has one`,
  subjects: ['framewright-redis', 'socket-io-redis', 'crossws-redis'],
  base: 'socket-io-redis',
  figures: [
    { key: 'perSecond', title: 'per second', format: 'rate', isCompared: true },
    { key: 'cpuMicros', title: 'servers µs each', format: 'microseconds', isLowerBetter: true, isCompared: true },
    { key: 'p50', title: 'p50', format: 'milliseconds', isLowerBetter: true },
    { key: 'p99', title: 'p99', format: 'milliseconds', isLowerBetter: true },
    ...LATENCIES,
    { key: 'serverUtilisation', title: 'servers', format: 'share' },
    { key: 'redisUtilisation', title: 'Redis', format: 'share' },
    { key: 'nginxUtilisation', title: 'nginx', format: 'share' },
    { key: 'utilisation', title: 'load', format: 'share' },
    ...PROMISES,
  ],
  cells: ({ timing }) => {
    const cell = (name: string, how: Partial<PublishersLoad>, own: Timing): Cell => ({
      name,
      measure: (subject) => {
        const load: PublishersLoad = {
          ...{ kind: 'publishers', language: subject.language, publishers: 3, members: MEMBERS, channels: 1 },
          ...how,
        };
        return measureFleet(subject, FLEET, load, own);
      },
    });
    const { durationMs } = timing;
    return [
      cell(
        'as fast as it goes, 3 × 16 under way',
        { inFlight: 16 },
        { warmUpMs: durationMs, durationMs: 3 * durationMs },
      ),
      cell('at fixed rates', { rates: RATES }, { warmUpMs: durationMs, durationMs: 2 * durationMs }),
    ];
  },
};
