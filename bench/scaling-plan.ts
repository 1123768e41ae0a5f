/**
 * The tables of spec-notes/guide/scaling.md, computed from what was measured: bench/results/processes.json, scaling.json and
 * heartbeat.json. Pure. What is assumed stands at the head of the plan; all else follows.
 */

import type { CellResult } from './part.ts';
import { medianOf } from './table.ts';

export interface Result {
  readonly cells: readonly CellResult[];
}

export interface Results {
  readonly processes: Result;
  readonly scaling: Result;
  readonly heartbeat: Result;
}

/** @throws {Error} when it was not measured */
function measured({ cells }: Result, cell: string, key: string, subject?: string): number {
  const value = find({ cells }, cell, key, subject);
  if (value === undefined) throw new Error(`Not measured: ${key} of '${cell}', ${subject ?? 'the only subject'}`);
  return value;
}

function find({ cells }: Result, cell: string, key: string, subject?: string): number | undefined {
  const series = cells.find(({ name }) => name === cell)?.series;
  const found = series?.find((one) => subject === undefined || one.subject === subject);
  return found && medianOf(found, key);
}

type Row = readonly string[];

function table(heading: Row, rows: readonly Row[]): string {
  return [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Two digits that mean something: the others are noise. */
export function rounded(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return Number(value.toPrecision(2)).toLocaleString('en');
  return String(Number(value.toPrecision(2)));
}

const percent = (share: number) => `${rounded(share * 100)} %`;

// --- beside others

const NAMES = {
  'framewright-redis': 'framewright, `redis(client)`',
  'socket-io-redis': 'Socket.IO, Redis Streams adapter',
  'crossws-redis': 'crossws, `sync`',
} as const;

function comparisonTable({ processes }: Results): string {
  const full = 'as fast as it goes, 3 × 16 under way';
  const rows = Object.entries(NAMES).map(([subject, name]): Row => {
    const of = (key: string) => measured(processes, full, key, subject);
    const at = (key: string) => find(processes, 'at fixed rates', key, subject);
    return [
      name,
      rounded(of('perSecond')),
      rounded(of('cpuMicros') / 1000),
      ...[10, 50, 100, 200].map((rate) => {
        const [p50, p99] = [at(`p50At${rate}`), at(`p99At${rate}`)];
        return p50 === undefined || p99 === undefined ? 'not kept' : `${rounded(p50)}, ${rounded(p99)}`;
      }),
      rounded(of('orders')),
    ];
  });
  return table(
    [
      '',
      'publications/s',
      'ms of the servers each',
      ...[10, 50, 100, 200].map((rate) => `at ${rate}/s: p50, p99`),
      'orders',
    ],
    rows,
  );
}

// --- what one process, and one Redis, do

function processTable({ scaling }: Results): string {
  const cells = [
    '10 members',
    '100 members',
    '1000 members',
    '10 channels of 100',
    '100 channels of 10',
    '1000 channels of 1',
  ];
  return table(
    ['one process has', 'publications/s', 'deliveries/s', 'µs of the process each', 'µs of Redis each'],
    cells.map((cell) => {
      const of = (key: string) => measured(scaling, cell, key);
      const members = Number(/^(\d+) members/.exec(cell)?.[1] ?? /of (\d+)/.exec(cell)![1]);
      const name = cell.endsWith('members') ? `a channel of ${cell}` : cell;
      const figures = [of('perSecond'), of('perSecond') * members, of('cpuMicros'), of('redisMicros')];
      return [name, ...figures.map(rounded)];
    }),
  );
}

function shardsTable({ scaling }: Results): string {
  return table(
    ['three processes, 100 channels', 'publications/s', 'busy: processes', 'all of Redis'],
    [1, 2].map((count) => {
      const of = (key: string) => measured(scaling, `3 processes, ${count} Redis`, key);
      return [
        `${count} Redis`,
        rounded(of('perSecond')),
        percent(of('serverUtilisation')),
        percent(of('redisUtilisation')),
      ];
    }),
  );
}

function memoryTable({ heartbeat, scaling }: Results): string {
  const cell = '10,000 idle connections';
  const rows = {
    'ws, pinged as its README has it': 'ws',
    'framewright on node:http': 'framewright',
    'framewright, `listen()`': 'framewright-net',
  };
  const row = (name: string, subject: string): Row => [
    name,
    rounded(measured(heartbeat, cell, 'bytesPerConnection', subject)),
    rounded(measured(heartbeat, cell, 'cpuMicros', subject)),
  ];
  return table(
    ['an idle connection', 'bytes', 'µs a heartbeat'],
    [
      ...Object.entries(rows).map(([name, subject]) => row(name, subject)),
      [
        'a member of a channel of a hub',
        rounded(measured(scaling, 'idle members of a hub', 'bytesPerConnection')),
        'as above',
      ],
    ],
  );
}

// --- the plan

/** What is measured, each of one publication of 128 bytes. */
export interface Constants {
  /** Of the process in which it is published. */
  readonly publisherMicros: number;
  /** Of each process that is told of it, and in addition for each member. */
  readonly processMicros: number;
  readonly memberMicros: number;
  /** Of Redis: alone, and in addition for each process that is told. */
  readonly redisMicros: number;
  readonly toldMicros: number;
  /** What a member gets. */
  readonly memberBytes: number;
  /** Of an idle member of a hub. */
  readonly idleBytes: number;
  readonly heartbeatMicros: number;
}

/** A line through two points. */
function lineThrough([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]) {
  const slope = (y2 - y1) / (x2 - x1);
  return { slope, start: y1 - slope * x1 };
}

export function constantsOf({ scaling, heartbeat }: Results): Constants {
  const alone = (members: number) =>
    [members, measured(scaling, `${members} members, one by one`, 'cpuMicros')] as const;
  const told = (count: number) => [count, measured(scaling, `Redis, ${count} subscribed`, 'redisMicros')] as const;
  const process = lineThrough(alone(10), alone(1000));
  const redis = lineThrough(told(1), told(40));
  return {
    publisherMicros: measured(scaling, '10 members, one by one', 'publisherMicros'),
    processMicros: process.start,
    memberMicros: process.slope,
    redisMicros: redis.start,
    toldMicros: redis.slope,
    memberBytes: measured(scaling, '1000 members, one by one', 'bytesEach'),
    idleBytes: measured(scaling, 'idle members of a hub', 'bytesPerConnection'),
    heartbeatMicros: measured(heartbeat, '10,000 idle connections', 'cpuMicros', 'framewright'),
  };
}

export const ASSUMED = {
  connections: 1_000_000,
  perProcess: 20_000,
  membersPerChannel: 100,
  /** Between two publications in a channel. */
  channelSeconds: 10,
  heartbeatSeconds: 30,
  /** No core is to be busier. */
  mostBusy: 0.6,
} as const;

/** A frame of a Ping or a Pong, and the headers of TCP and IP around each; the Pong is masked. */
const PING_BYTES = 2 + 6 + 2 * 52;

export interface Plan {
  readonly processes: number;
  readonly channels: number;
  readonly publications: number;
  readonly deliveries: number;
  /** Processes that have members of one channel. */
  readonly touched: number;
  readonly memoryBytes: number;
  /** Of one process, by what makes them busy. */
  readonly busy: Readonly<Record<'heartbeats' | 'publications' | 'members', number>>;
  readonly redisBusy: number;
  readonly redisServers: number;
  readonly bytesPerSecond: number;
  readonly heartbeats: number;
  /** Until all members of all processes have one publication. */
  readonly toAllMs: number;
}

export function planFor(constants: Constants, assumed: Record<keyof typeof ASSUMED, number> = ASSUMED): Plan {
  const { connections, perProcess, membersPerChannel, channelSeconds, heartbeatSeconds, mostBusy } = assumed;
  const processes = Math.ceil(connections / perProcess);
  const channels = connections / membersPerChannel;
  const publications = channels / channelSeconds;
  const deliveries = publications * membersPerChannel;
  // Members of a channel come to any of the processes.
  const touched = processes * (1 - (1 - 1 / processes) ** membersPerChannel);
  const heartbeats = connections / heartbeatSeconds;
  const perSecond = 1 / processes / 1e6;
  const redisBusy = (publications * (constants.redisMicros + touched * constants.toldMicros)) / 1e6;
  return {
    ...{ processes, channels, publications, deliveries, touched, heartbeats, redisBusy },
    memoryBytes: perProcess * constants.idleBytes,
    busy: {
      heartbeats: heartbeats * constants.heartbeatMicros * perSecond,
      publications: publications * (constants.publisherMicros + touched * constants.processMicros) * perSecond,
      members: deliveries * constants.memberMicros * perSecond,
    },
    redisServers: Math.ceil(redisBusy / mostBusy),
    bytesPerSecond: deliveries * constants.memberBytes + heartbeats * PING_BYTES,
    toAllMs: (perProcess * constants.memberMicros) / 1000,
  };
}

/** Of one process. */
export function busyOf({ busy }: Plan): number {
  return Object.values(busy).reduce((sum, share) => sum + share, 0);
}

function constantsTable(results: Results): string {
  const all = constantsOf(results);
  return table(
    ['constant', 'measured'],
    [
      ['**u**: the process in which something is published', `${rounded(all.publisherMicros)} µs`],
      ['**p**: a process that is told of it', `${rounded(all.processMicros)} µs`],
      ['**m**: in addition, for each member there', `${rounded(all.memberMicros)} µs`],
      ['**r**: Redis, for a publication', `${rounded(all.redisMicros)} µs`],
      ['**t**: in addition, for each process that is told', `${rounded(all.toldMicros)} µs`],
      ['**b**: what a member gets', `${rounded(all.memberBytes)} bytes`],
      ['**i**: memory of an idle member', `${rounded(all.idleBytes)} bytes`],
      ['**h**: a heartbeat', `${rounded(all.heartbeatMicros)} µs`],
    ],
  );
}

function planTable(results: Results): string {
  const plan = planFor(constantsOf(results));
  const { connections, perProcess, membersPerChannel, channelSeconds, heartbeatSeconds, mostBusy } = ASSUMED;
  const whole = (value: number) => Math.round(value).toLocaleString('en');
  return table(
    ['', 'arithmetic', ''],
    [
      ['processes, a core each', `${whole(connections)} ÷ ${whole(perProcess)}`, whole(plan.processes)],
      ['channels', `${whole(connections)} ÷ ${membersPerChannel}`, whole(plan.channels)],
      ['publications a second', `channels ÷ ${channelSeconds}`, whole(plan.publications)],
      ['deliveries a second', `publications × ${membersPerChannel}`, whole(plan.deliveries)],
      [
        'processes that have members of one channel',
        `${plan.processes} × (1 − (1 − 1 ÷ ${plan.processes})^${membersPerChannel})`,
        rounded(plan.touched),
      ],
      ['heartbeats a second', `${whole(connections)} ÷ ${heartbeatSeconds}`, rounded(plan.heartbeats)],
      ['a process is busy with heartbeats', 'heartbeats × **h** ÷ processes', percent(plan.busy.heartbeats)],
      [
        '… with publications',
        'publications × (**u** + processes that have members × **p**) ÷ processes',
        percent(plan.busy.publications),
      ],
      ['… with their members', 'deliveries × **m** ÷ processes', percent(plan.busy.members)],
      ['… in all', 'the three of them', percent(busyOf(plan))],
      [
        'memory of the connections of a process',
        `${whole(perProcess)} × **i**`,
        `${rounded(plan.memoryBytes / 1e6)} MB`,
      ],
      ['Redis is busy', 'publications × (**r** + processes that have members × **t**)', percent(plan.redisBusy)],
      [`servers of Redis, none busier than ${percent(mostBusy)}`, '', whole(plan.redisServers)],
      [
        'to the network',
        `deliveries × **b** + heartbeats × ${PING_BYTES} bytes`,
        `${rounded((plan.bytesPerSecond * 8) / 1e6)} Mbit/s`,
      ],
      [
        'one publication to all the million',
        `${whole(perProcess)} × **m**, in all processes at once`,
        `${rounded(plan.toAllMs)} ms`,
      ],
    ],
  );
}

/** By the name of the place on the page. */
export const TABLES: Readonly<Record<string, (results: Results) => string>> = {
  comparison: comparisonTable,
  process: processTable,
  shards: shardsTable,
  memory: memoryTable,
  constants: constantsTable,
  plan: planTable,
};

/** The page with its tables as they are to be: what stands between `<!-- measured: NAME -->` and `<!-- /measured -->`. */
export function withTables(markdown: string, results: Results): string {
  return markdown.replace(
    /(<!-- measured: (\w+) -->\n)[\s\S]*?(<!-- \/measured -->)/g,
    (_, start: string, name: string, end: string) => `${start}${TABLES[name]!(results)}\n${end}`,
  );
}
