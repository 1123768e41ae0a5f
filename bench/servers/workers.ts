/** A server in several processes by node:cluster: its primary accepts the connections, and hands them out in turn. */

import cluster from 'node:cluster';
import type { Listening } from './contract.ts';

export const isWorker = cluster.isWorker;

export async function forkWorkers(count: number): Promise<Listening> {
  const workers = Array.from({ length: count }, () => cluster.fork());
  const ports = workers.map(
    (worker) => new Promise<number>((resolve) => worker.once('listening', ({ port }) => resolve(port))),
  );
  const [port] = await Promise.all(ports);
  return { port: port!, pids: [process.pid, ...workers.map((worker) => worker.process.pid!)] };
}
