/** A program in several processes: `await everyCore(4, env)` forks it so often, and goes on in these alone. */

import processes from 'node:cluster';
import { cluster, type Engine, memory, serveEngine } from '../realtime/index.ts';

/**
 * @param env more variables of the environment, the same for all
 * @returns the engine of this process. The parent keeps the logs and does nothing else: a worker that dies gets a successor
 */
export function everyCore(workers: number, env: Record<string, string>): Engine | Promise<Engine> {
  if (processes.isWorker) return cluster();
  if (workers < 2) return memory();
  serveEngine(memory());
  for (let i = 0; i < workers; i++) processes.fork(env);
  let isEnding = false;
  // A terminal sends SIGINT to all of them.
  process.on('SIGINT', () => (isEnding = true));
  process.on('SIGTERM', () => {
    isEnding = true;
    for (const worker of Object.values(processes.workers ?? {})) worker!.process.kill();
  });
  processes.on('exit', () => {
    if (!isEnding) processes.fork(env);
    else if (Object.keys(processes.workers ?? {}).length === 0) process.exit();
  });
  return new Promise(() => {});
}
