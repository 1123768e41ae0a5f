/**
 * An innocent neighbour: some connections that send at a fixed rate, and how long their echoes take, alone and then beside
 * clients that do harm. Those are processes of their own; half of the way they are killed and others begin. The server's
 * memory is watched from outside.
 */

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { encodeFrame, FIN, Opcode } from '../../src/protocol/index.ts';
import { percentile } from '../support/statistics.ts';
import { type LoadConnection, openMany } from './connection.ts';
import type { RunLoad, TrialLoad, Trouble } from './contract.ts';
import { payloadOf } from './frames.ts';
import { residentBytesOf } from './process-usage.ts';

const TROUBLE = fileURLToPath(new URL('./trouble.ts', import.meta.url));
const CONNECTIONS = 8;
const EVERY_MS = 5;
const PAYLOAD_BYTES = 128;
const PAYLOAD = payloadOf(0, PAYLOAD_BYTES, false);
const REQUEST = encodeFrame(FIN | Opcode.Binary, PAYLOAD, 0x37fa213d);
const ANSWER_BYTES = encodeFrame(FIN | Opcode.Binary, PAYLOAD).length;
const MEMORY_EVERY_MS = 50;

/** Sends on all connections in turn until it is stopped; messages do not wait for the answers of earlier ones. */
class Neighbour {
  readonly #connections: readonly LoadConnection[];
  readonly #sentAt: number[][];
  latencyMs: number[] = [];
  sent = 0;
  answered = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(connections: readonly LoadConnection[]) {
    this.#connections = connections;
    this.#sentAt = connections.map(() => []);
    for (const [i, connection] of connections.entries()) {
      let received = 0;
      connection.receive = (_, start, end) => {
        received += end - start;
        const nowMs = performance.now();
        for (; received >= ANSWER_BYTES; received -= ANSWER_BYTES) {
          this.latencyMs.push(nowMs - this.#sentAt[i]!.shift()!);
          this.answered++;
        }
      };
    }
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const [i, connection] of this.#connections.entries()) {
        this.#sentAt[i]!.push(performance.now());
        this.sent++;
        connection.write(REQUEST);
      }
    }, EVERY_MS);
  }

  /** @returns the latencies since the last time, the longest last; what has no answer yet counts as it stands */
  take(): Float64Array {
    const nowMs = performance.now();
    const open = this.#sentAt.flat().map((sentMs) => nowMs - sentMs);
    const all = Float64Array.from([...this.latencyMs, ...open]).sort();
    this.latencyMs = [];
    return all;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (let i = 0; i < 100 && this.answered < this.sent; i++) await sleep(100);
  }
}

/**
 * Beside the neighbour on its core, and behind it when both want it: a process of the class `idle` gives way at once, where one that
 * is merely nicer may have the rest of its slice first, which would count as the server's.
 */
function begin(port: number, trouble: Trouble) {
  const args = [...process.execArgv, TROUBLE, String(port), trouble];
  return spawn('chrt', ['--idle', '0', process.execPath, ...args], { stdio: 'ignore' });
}

export const run: RunLoad<TrialLoad> = async ({ port, pids }, { troubles, seconds }, { warmUpMs }) => {
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytesOf(pids));
  }, MEMORY_EVERY_MS);
  const neighbour = new Neighbour(await openMany({ port, pids, isRaw: false }, CONNECTIONS));
  neighbour.start();
  await sleep(Math.max(warmUpMs, 1000));
  neighbour.take();
  await sleep(3000);
  const alone = neighbour.take();
  const baseBytes = residentBytesOf(pids);
  peakBytes = 0;

  let running = troubles.map((trouble) => ({ trouble, child: begin(port, trouble) }));
  const signal = (name: NodeJS.Signals) => {
    for (const pid of pids) process.kill(pid, name);
  };
  const kill = (staying?: Trouble) => {
    for (const { trouble, child } of running) if (trouble !== staying) child.kill('SIGKILL');
  };
  process.on('exit', () => kill());
  // Until they have loaded.
  await sleep(1000);
  neighbour.take();
  signal('SIGHUP');
  await sleep(500 * seconds);
  kill('upgrades');
  running = running.map(({ trouble, child }) => ({
    trouble,
    child: trouble === 'upgrades' ? child : begin(port, trouble),
  }));
  await sleep(500 * seconds);
  const loaded = neighbour.take();
  signal('SIGHUP');
  const { latencyMs } = neighbour;
  kill();
  latencyMs.length = 0;
  await neighbour.stop();
  await sleep(1000);
  signal('SIGUSR2');
  await sleep(1000);
  clearInterval(watch);
  const peaks = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as Record<string, number>;
  const micros = (sorted: Float64Array, share: number) => percentile(sorted, share) * 1000;
  return {
    p99Alone: micros(alone, 0.99),
    p50Loaded: micros(loaded, 0.5),
    p99Loaded: micros(loaded, 0.99),
    maxLoaded: micros(loaded, 1),
    p99Factor: percentile(loaded, 0.99) / percentile(alone, 0.99),
    answeredShare: neighbour.answered / neighbour.sent,
    baseBytes,
    peakBytes,
    afterBytes: residentBytesOf(pids),
    ...peaks,
  };
};
