/** One measurement: a server in a fresh process on one core, the load in a fresh process on another. */

import { cpus } from 'node:os';
import type { Figures, Load, Target, Timing } from './load/contract.ts';
import type { Listening, ProcessOptions, ServerOptions, Watched } from './servers/contract.ts';
import type { Subject } from './subjects.ts';
import { exitOf, linesOf, nextLineOf, runOnCore, startOnCore, type Worker } from './support/processes.ts';

const LOAD_CORE = 0;
export const SERVER_CORE = 1;
export const CORES = cpus().length;
export const ALL_CORES = Array.from({ length: CORES }, (_, core) => core).join();
const SERVER = new URL('./servers/main.ts', import.meta.url);
const LOAD = new URL('./load/main.ts', import.meta.url);
/** How long a server may take to say what it has seen, and end. */
const END_TIMEOUT_MS = 5000;

/** How the processes of a server share its port. */
export type Sharing = 'cluster' | 'reusePort';

export interface Exchange {
  readonly server: ServerOptions;
  readonly load: Load;
  /** A process on each core; the load runs on all of them, too. Default: one process. */
  readonly sharing?: Sharing | undefined;
}

export interface Started extends Listening {
  readonly child: Worker;
  readonly lines: AsyncIterator<string>;
}

export async function startServer(
  subject: Subject,
  core: number | string,
  options: ServerOptions & ProcessOptions,
  started: Started[],
): Promise<void> {
  const child = startOnCore(core, SERVER, [subject.adapter, JSON.stringify(options)], subject);
  const lines = linesOf(child);
  const listening = JSON.parse(await nextLineOf(child, lines)) as Listening;
  started.push({ ...listening, child, lines });
}

async function startServers(subject: Subject, { server, sharing }: Exchange, started: Started[]): Promise<void> {
  const options = { ...server, heapMb: subject.heapMb };
  if (sharing === undefined) await startServer(subject, SERVER_CORE, options, started);
  else if (sharing === 'cluster') await startServer(subject, ALL_CORES, { ...options, workers: CORES }, started);
  else {
    for (let i = 0; i < CORES; i++) {
      const port = started[0]?.port ?? 0;
      await startServer(subject, ALL_CORES, { ...options, port, reusePort: true }, started);
    }
  }
}

/** @returns what its processes have seen */
export async function endServer({ child, lines, pids }: Started): Promise<Watched[]> {
  const late = setTimeout(() => child.kill('SIGKILL'), END_TIMEOUT_MS);
  const seen: Watched[] = [];
  try {
    // The primary of a cluster is the first, and takes the others with it.
    for (const pid of [...pids].reverse()) {
      process.kill(pid, 'SIGTERM');
      seen.push(JSON.parse(await nextLineOf(child, lines)) as Watched);
    }
  } finally {
    clearTimeout(late);
  }
  return seen;
}

/** Of several processes: collections of all, the longest delays. */
export function mergeWatched(all: readonly Watched[]): Watched {
  const merged: Record<string, number> = {};
  for (const [key, value] of all.flatMap((one) => Object.entries(one) as [keyof Watched, number][])) {
    const before = merged[key] ?? 0;
    merged[key] = key.endsWith('PerSecond') ? before + value : Math.max(before, value);
  }
  return merged;
}

/** @throws {Error} when the server does not start, or does not answer as it has to */
export async function measureExchange(subject: Subject, exchange: Exchange, timing: Timing): Promise<Figures> {
  const started: Started[] = [];
  try {
    await startServers(subject, exchange, started);
    const pids = started.flatMap((one) => one.pids);
    const target: Target = { port: started[0]!.port, pids, isRaw: subject.isRaw };
    const args = [target, exchange.load, timing].map((value) => JSON.stringify(value));
    const loadCore = exchange.sharing === undefined ? LOAD_CORE : ALL_CORES;
    const figures = await runOnCore<Figures>(loadCore, LOAD, args);
    const watched = await Promise.all(started.map(endServer));
    return { ...figures, ...mergeWatched(watched.flat()) };
  } finally {
    await killAll(started);
  }
}

export async function killAll(started: readonly Started[]): Promise<void> {
  for (const { child } of started) {
    child.kill('SIGKILL');
    await exitOf(child);
  }
}
