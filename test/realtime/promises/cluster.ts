/**
 * A server of several processes, as a program: the parent keeps the logs, and kills a worker at every third time that it has one
 * publish, in the middle of that; at every fourth time another one is stopped for a while.
 */

import processes, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { cluster, memory, serveEngine } from '../../../src/realtime/index.ts';
import { randomOf } from './random.ts';
import { answer, programAt, type Question, type StartRun, startHub } from './server.ts';
import { slowEngine } from './slow.ts';

const PROGRAM = fileURLToPath(import.meta.url);
const WORKERS = 3;
const RETENTION = { messages: 1_000_000, bytes: 1_000_000_000, ageMs: Infinity };

/** This file as one that starts at once. */
export async function buildCluster(): Promise<{ readonly start: StartRun; remove(): void }> {
  const parent = fileURLToPath(new URL('../../../node_modules/.framewright/', import.meta.url));
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'cluster-'));
  const file = join(folder, 'program.mjs');
  const external = /^(node:|rolldown$)/;
  await build({ input: PROGRAM, platform: 'node', external, tsconfig: false, logLevel: 'warn', output: { file } });
  return { start: programAt(file), remove: () => rmSync(folder, { recursive: true }) };
}

interface Answer {
  readonly answer: unknown;
}

async function work(run: number, seed: number): Promise<void> {
  const random = randomOf(seed + run + process.pid);
  const server = await startHub(run, slowEngine(cluster(), random), random);
  process.on('message', async ({ question }: { question?: Question }) => {
    if (question !== undefined) process.send!({ answer: await answer(server, question) });
  });
  process.send!({ answer: server.port });
}

/** @returns undefined when it has died */
function ask(worker: Worker, question: Question | undefined): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const end = (message?: Answer) => {
      worker.off('message', hear).off('exit', die);
      resolve(message);
    };
    const hear = (message: Partial<Answer>) => {
      if ('answer' in message) end(message as Answer);
    };
    const die = () => end();
    worker.on('message', hear).on('exit', die);
    if (question !== undefined) worker.send({ question });
  });
}

async function keep(run: number, seed: number): Promise<void> {
  const random = randomOf(seed * 31 + run);
  const logs = memory({ maxKeys: 1_000_000, maxBytes: 1e9 });
  serveEngine(logs);
  const workers: Worker[] = [];
  const start = async (i: number) => {
    workers[i] = processes.fork();
    return (await ask(workers[i]!, undefined))!.answer as number;
  };
  let next: (() => void) | undefined;
  void logs.subscribe('all:a', RETENTION, { entry: () => next?.(), presence() {}, state() {} });
  /** Some entry of those that come: not the last. */
  const amid = (count: number) =>
    new Promise<void>((resolve) => {
      let left = Math.ceil(random() * (count - 1));
      next = () => {
        left--;
        if (left > 0) return;
        next = undefined;
        resolve();
      };
    });
  let turns = 0;
  async function publish(count: number, after: number): Promise<unknown> {
    turns++;
    const i = Math.floor(random() * WORKERS);
    const other = workers[(i + 1) % WORKERS]!;
    const asked = ask(workers[i]!, [count, after]);
    const isStopped = turns % 4 === 0;
    if (isStopped) other.process.kill('SIGSTOP');
    const isKilled = turns % 3 === 0 && count > 1;
    if (isKilled) {
      await amid(count);
      workers[i]!.process.kill('SIGKILL');
    }
    const answered = await asked;
    if (isStopped) other.process.kill('SIGCONT');
    if (!isKilled) return answered!.answer;
    if (!workers[i]!.isDead()) await once(workers[i]!, 'exit');
    await start(i);
    return publish(count, after);
  }
  process.on('message', async (question: Question) => {
    if (typeof question !== 'string') process.send!(await publish(...question));
    else {
      const answers = await Promise.all(workers.map((worker) => ask(worker, question)));
      process.send!(answers[0]!.answer);
    }
  });
  process.on('disconnect', () => process.exit());
  const ports = await Promise.all(Array.from({ length: WORKERS }, (_, i) => start(i)));
  process.send!(ports[0]);
}

if (process.argv[1] !== undefined && /cluster-\w+\/program\.mjs$/.test(process.argv[1].replaceAll('\\', '/'))) {
  const [, , run, seed] = process.argv;
  await (processes.isPrimary ? keep : work)(Number(run), Number(seed));
}
