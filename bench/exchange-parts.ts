/** The parts that measure servers over loopback. */

import { measureExchange } from './cells.ts';
import { deflatePart } from './deflate-part.ts';
import { type EchoShape, echoCell } from './echo-cells.ts';
import { echoChart } from './echo-chart.ts';
import { COST, PER_MESSAGE, RATE, RIVALS, UTILISATION, WATCHED } from './figures.ts';
import type { BroadcastLoad, LatencyLoad, Load } from './load/contract.ts';
import type { Cell, Part, Settings } from './part.ts';
import { scaleChart } from './scale-chart.ts';
import { withoutHeap } from './subjects.ts';
import { formatBytes } from './support/report.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const PEERS = ['framewright', 'framewright-net', 'net', 'ws', 'ws-nobu', 'websocket', 'faye', 'bun', 'deno'];

// --- echo

const ECHO_SIZES = [16, 128, KIB, 16 * KIB, 64 * KIB, MIB];
const ECHO_CONNECTIONS = [1, 10, 50, 500];
const ECHO_IN_FLIGHT = [1, 16, 64];
/** More under way would measure the memory of the kernel. */
const MAX_BYTES_IN_FLIGHT = 256 * MIB;

/** The cells that differ most from one another. */
const ECHO_SELECTION: readonly EchoShape[] = [
  [16, 50, 1],
  [16, 50, 16],
  [16, 50, 64],
  [128, 500, 1],
  [128, 500, 16],
  [KIB, 50, 1],
  [KIB, 50, 16],
  [16 * KIB, 1, 16],
  [16 * KIB, 50, 1],
  [64 * KIB, 50, 1],
  [MIB, 1, 1],
  [MIB, 10, 1],
];
const ECHO_QUICK: readonly EchoShape[] = [
  [16, 50, 1],
  [16, 50, 16],
  [KIB, 50, 16],
  [64 * KIB, 50, 1],
];

function echoCells(settings: Settings): Cell[] {
  const { isFull, isQuick } = settings;
  const whole = ECHO_SIZES.flatMap((bytes) =>
    ECHO_CONNECTIONS.flatMap((connections) =>
      ECHO_IN_FLIGHT.map((inFlight) => [bytes, connections, inFlight] as const),
    ),
  );
  const chosen = isFull ? whole : isQuick ? ECHO_QUICK : ECHO_SELECTION;
  return chosen
    .filter(([bytes, connections, inFlight]) => bytes * connections * inFlight <= MAX_BYTES_IN_FLIGHT)
    .map((shape) => echoCell(shape, 'echo', settings));
}

const echo: Part = {
  name: 'echo',
  summary: 'binary messages echoed over loopback: payload × connections, messages in flight on each',
  subjects: [...PEERS, 'framewright-transient'],
  base: 'ws',
  rivals: RIVALS,
  figures: PER_MESSAGE,
  cells: echoCells,
  draw: (results, { nodeMajor }) => echoChart(results, 'ws', RATE, nodeMajor),
};

const TEXT_CELLS: readonly EchoShape[] = [
  [128, 50, 16],
  [64 * KIB, 50, 1],
  [MIB, 1, 1],
];

const text: Part = {
  name: 'text',
  summary: 'text messages that the server gets as strings and sends back as strings',
  subjects: PEERS.filter((name) => name !== 'net'),
  base: 'ws',
  rivals: RIVALS,
  figures: PER_MESSAGE,
  cells: (settings) => TEXT_CELLS.map((shape) => echoCell(shape, 'text', settings)),
};

// --- broadcast

const broadcast: Part = {
  name: 'broadcast',
  summary: 'each message of one connection to all 1,000; the next ones when all have them',
  subjects: ['framewright', 'framewright-loop', ...PEERS.slice(1).filter((name) => name !== 'net')],
  base: 'ws',
  rivals: RIVALS,
  figures: PER_MESSAGE,
  cells: ({ timing }) =>
    [1, 16].map((burst) => {
      const load: BroadcastLoad = { kind: 'broadcast', payloadBytes: 128, connections: 1000, burst };
      return {
        name: `128 B to 1,000, ${burst} per tick`,
        measure: (subject) => measureExchange(subject, { server: { mode: 'broadcast' }, load }, timing),
      };
    }),
};

// --- connections

const connect: Part = {
  name: 'connect',
  summary: 'opening handshake, Close frames, end of the TCP connection; 32 connections under way',
  subjects: PEERS.filter((name) => name !== 'net'),
  base: 'ws',
  rivals: RIVALS,
  figures: [{ ...RATE, title: 'connections/s' }, COST, ...UTILISATION, ...WATCHED],
  cells: ({ timing: { durationMs } }) =>
    [false, true].map((isBrief) => ({
      name: `connect, upgrade, ${isBrief ? 'go without a Close frame' : 'close'}`,
      measure: (subject) => {
        const load: Load = { kind: 'connect', concurrency: 32, isBrief };
        // Handshakes are slow enough to need more time until their code is compiled.
        const timing = { warmUpMs: 2 * durationMs, durationMs };
        return measureExchange(subject, { server: { mode: 'echo' }, load }, timing);
      },
    })),
};

const memory: Part = {
  name: 'memory',
  summary: 'resident memory per idle connection, as the slope between two numbers of them',
  subjects: PEERS,
  base: 'ws',
  figures: [{ key: 'bytesPerConnection', title: 'bytes each', format: 'bytes', isLowerBetter: true, isCompared: true }],
  cells: ({ isQuick, timing }) =>
    [false, true].map((isUsed) => {
      const [first, last] = isQuick ? [1000, 3000] : [4000, 16_000];
      return {
        name: `${first} → ${last}, ${isUsed ? 'after one echo' : 'never used'}`,
        measure: (subject) =>
          measureExchange(
            withoutHeap(subject),
            { server: { mode: 'echo' }, load: { kind: 'memory', first, last, isUsed } },
            timing,
          ),
      };
    }),
};

const HEARTBEAT_MS = 2000;

const heartbeat: Part = {
  name: 'heartbeat',
  summary: `what it costs to ping idle connections every ${HEARTBEAT_MS / 1000} s: by the option, and as the README of ws has it`,
  subjects: ['framewright', 'framewright-net', 'ws'],
  base: 'ws',
  figures: [
    { ...COST, title: 'CPU µs a ping' },
    { ...RATE, title: 'pongs/s', isCompared: false },
    { key: 'bytesPerConnection', title: 'bytes each', format: 'bytes', isLowerBetter: true, isCompared: true },
    { key: 'utilisation', title: 'load', format: 'utilisation' },
    { key: 'serverUtilisation', title: 'server', format: 'share' },
  ],
  cells: ({ isQuick, timing: { durationMs } }) => {
    const [first, connections] = isQuick ? [500, 2000] : [2000, 10_000];
    const load: Load = { kind: 'heartbeat', first, connections, intervalMs: HEARTBEAT_MS };
    const timing = { warmUpMs: HEARTBEAT_MS, durationMs: 8 * durationMs };
    return [
      {
        name: `${connections.toLocaleString('en')} idle connections`,
        measure: (subject) =>
          measureExchange(withoutHeap(subject), { server: { mode: 'echo', heartbeatMs: HEARTBEAT_MS }, load }, timing),
      },
    ];
  },
};

const scale: Part = {
  name: 'scale',
  summary: 'processor time per message from 10 to 10,000 connections, one message in flight on each',
  subjects: ['framewright', 'framewright-net', 'net', 'ws', 'bun'],
  base: 'ws',
  figures: [COST, RATE, ...UTILISATION, ...WATCHED],
  cells: ({ isQuick, timing }) =>
    (isQuick ? [10, 1000] : [10, 100, 1000, 10_000]).map((connections) => {
      const load: Load = { kind: 'echo', payloadBytes: 128, connections, inFlight: 1 };
      return {
        name: `128 B × ${connections}`,
        measure: (subject) => measureExchange(subject, { server: { mode: 'echo' }, load }, timing),
      };
    }),
  draw: (results, { nodeMajor }) => scaleChart(results, 'ws', COST, nodeMajor),
};

// --- at a fixed rate, and beside HTTP

/** What every subject can do on a slow machine. */
const LATENCY_CELLS: readonly Omit<LatencyLoad, 'kind'>[] = [
  { payloadBytes: 128, connections: 50, perSecond: 5_000, isCollected: false },
  { payloadBytes: 128, connections: 50, perSecond: 20_000, isCollected: false },
  { payloadBytes: 16 * KIB, connections: 50, perSecond: 5_000, isCollected: false },
  { payloadBytes: 64 * KIB, connections: 50, perSecond: 1_000, isCollected: false },
  { payloadBytes: 64 * KIB, connections: 50, perSecond: 1_000, isCollected: true },
];

const latency: Part = {
  name: 'latency',
  summary: 'microseconds from the time a message is due until its echo is there; open loop at a fixed rate',
  subjects: ['framewright', 'framewright-net', 'net', 'ws', 'bun'],
  base: 'ws',
  figures: [
    { key: 'p50', title: 'p50', format: 'microseconds', isLowerBetter: true, isCompared: true },
    { key: 'p90', title: 'p90', format: 'microseconds' },
    { key: 'p99', title: 'p99', format: 'microseconds', isLowerBetter: true, isCompared: true },
    { key: 'p999', title: 'p99.9', format: 'microseconds' },
    { key: 'max', title: 'max', format: 'microseconds' },
    { key: 'late99', title: 'load late p99', format: 'microseconds' },
    COST,
    ...WATCHED,
  ],
  cells: ({ isQuick, timing: { warmUpMs, durationMs } }) =>
    LATENCY_CELLS.filter((_, i) => !isQuick || i === 1).map((cell) => {
      const { payloadBytes, connections, perSecond, isCollected } = cell;
      const timing = { warmUpMs, durationMs: 2 * durationMs };
      const shape = `${formatBytes(payloadBytes)} × ${connections}, ${perSecond.toLocaleString('en')}/s`;
      return {
        name: isCollected ? `${shape}, its heap collected before` : shape,
        measure: (subject) =>
          measureExchange(subject, { server: { mode: 'echo' }, load: { kind: 'latency', ...cell } }, timing),
      };
    }),
};

const http: Part = {
  name: 'http',
  summary: 'HTTP requests by autocannon and WebSocket echo (128 B × 50, 16 in flight) on one port: alone, then both',
  subjects: ['framewright', 'framewright-net', 'ws'],
  base: 'ws',
  figures: [
    { key: 'httpAlone', title: 'HTTP alone', format: 'rate' },
    { key: 'httpBoth', title: 'HTTP beside', format: 'rate', isCompared: true },
    { key: 'httpShare', title: 'kept', format: 'share' },
    { key: 'httpP99', title: 'p99 µs', format: 'microseconds' },
    { key: 'echoAlone', title: 'echo alone', format: 'rate' },
    { key: 'echoBoth', title: 'echo beside', format: 'rate', isCompared: true },
    { key: 'echoShare', title: 'kept', format: 'share' },
  ],
  cells: ({ timing }) => [
    {
      name: '16 HTTP connections',
      measure: (subject) => {
        const load: Load = { kind: 'http', payloadBytes: 128, connections: 50, inFlight: 16, httpConnections: 16 };
        return measureExchange(subject, { server: { mode: 'echo' }, load }, timing);
      },
    },
  ],
};

export const EXCHANGE_PARTS: readonly Part[] = [
  echo,
  text,
  broadcast,
  deflatePart,
  connect,
  memory,
  heartbeat,
  latency,
  http,
  scale,
];
