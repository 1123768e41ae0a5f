/** The server of the promises: in this process, or as a program of its own that can be killed. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createHub, type Engine, memory } from '../../../src/realtime/index.ts';
import { CHANNELS, counting } from './protocol.ts';
import { type Random, randomOf, skewed } from './random.ts';
import { HeldSocket, slowEngine } from './slow.ts';

/** Small, so that readers fall behind. */
const QUEUE_BYTES = 65_536;

/** One life of a server. What is published in it carries its number, and is numbered from 1 in each channel. */
export interface Run {
  readonly port: number;
  /** Publishes so many messages to each channel, in bursts of 1 to 16 within a tick. @returns the number of the last */
  publish(count: number, after: number): Promise<number>;
  /** Holds no connection up any more. */
  calm(): Promise<true>;
  /** What clients have said and the log has. */
  said(): Promise<{ epoch: string; log: { by: number; n: number }[] }>;
  kill(): Promise<void>;
}

export type StartRun = (run: number, seed: number) => Promise<Run>;

export const startHere: StartRun = async (run, seed) => {
  const random = randomOf(seed + run);
  return startHub(run, slowEngine(memory(), random), random);
};

export async function startHub(run: number, engine: Engine, random: Random): Promise<Run> {
  const hub = createHub(counting, { engine, requiresOrigin: false, queueBytes: QUEUE_BYTES });
  for (const pattern of ['all:{name}', 'some:{name}', 'none:{name}'] as const)
    hub.channel(pattern, { join: () => true });
  hub.channel('said', { join: () => true, publish: () => true });
  const http = createHttpServer();
  hub.attach(http);
  const sockets = new Set<Socket>();
  /** By how many rounds are left until they go on. */
  const held = new Map<HeldSocket, number>();
  let isCalm = false;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    const isHeld = random() < 0.3 && !isCalm;
    const stream = isHeld ? new HeldSocket(socket, skewed(random, 8000)) : socket;
    if (stream instanceof HeldSocket) {
      stream.on('error', () => {}).on('close', () => held.delete(stream));
      held.set(stream, 5 + Math.floor(random() * 20));
    }
    http.emit('connection', stream);
  });
  const release = (rounds: number) => {
    for (const [stream, left] of held) {
      held.set(stream, left - rounds);
      if (left <= rounds) stream.release();
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const padding = 'p'.repeat(40);
  return {
    port: (server.address() as AddressInfo).port,
    async publish(count, after) {
      release(1);
      let n = after;
      for (const last = n + count; n < last; ) {
        const burst = Math.min(last - n, 1 + ((n * 7) % 16));
        const done: Promise<unknown>[] = [];
        for (let i = 0; i < burst; i++) {
          n++;
          for (const channel of CHANNELS) done.push(hub.publish(channel, { run, n, padding }, { key: `${n}` }));
        }
        await Promise.all(done);
        await nextTurn();
      }
      return n;
    },
    async calm() {
      isCalm = true;
      release(Number.POSITIVE_INFINITY);
      return true;
    },
    async said() {
      const { entries, position } = await hub.read('said');
      return { epoch: position.epoch, log: entries.map(({ data }) => data) };
    },
    async kill() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await hub.drain({ timeoutMs: 1 });
    },
  };
}

const PROGRAM = fileURLToPath(import.meta.url);

/** @param path of a program that says its port, and answers questions */
export const programAt =
  (path: string, execArgv: string[] = []): StartRun =>
  async (run, seed) => {
    const child = fork(path, [String(run), String(seed)], { execArgv });
    const [port] = (await once(child, 'message')) as [number];
    return {
      port,
      publish: (count, after) => ask(child, [count, after]),
      calm: () => ask(child, 'calm'),
      said: () => ask(child, 'said'),
      async kill() {
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
    };
  };

export const startProgram = programAt(PROGRAM, ['--import', 'tsx']);

/** What to publish, or what else to do. */
export type Question = [count: number, after: number] | 'calm' | 'said';

async function ask<T>(child: ChildProcess, question: Question): Promise<T> {
  child.send(question);
  const [answer] = await once(child, 'message');
  return answer as T;
}

export function answer(server: Run, question: Question): Promise<unknown> {
  return typeof question === 'string' ? server[question]() : server.publish(...question);
}

// Not as a part of another program.
if (process.argv[1] === PROGRAM && PROGRAM.endsWith('server.ts')) {
  const server = await startHere(Number(process.argv[2]), Number(process.argv[3]));
  process.on('message', async (question: Question) => process.send!(await answer(server, question)));
  process.on('disconnect', () => process.exit());
  process.send!(server.port);
}
