/** A program in several processes: `await everyCore(4, env)` forks it so often, and goes on in these alone. */

import processes, { type Worker } from 'node:cluster';
import { type MemoryOptions, memory, serveEngine } from '../../realtime/index.ts';

/**
 * @param env more variables of the environment, the same for all
 * @param options of the engine, for which the parent keeps the logs. It does nothing else: a worker that dies gets a successor,
 * unless it has ended by itself before it took connections. The next one would do the same, and so it is the end of all.
 */
export async function everyCore(workers: number, env: Record<string, string>, options: MemoryOptions): Promise<void> {
  if (processes.isWorker || workers < 2) return;
  serveEngine(memory(options));
  for (let i = 0; i < workers; i++) processes.fork(env);
  let isEnding = false;
  const end = () => {
    isEnding = true;
    for (const worker of Object.values(processes.workers ?? {})) worker!.process.kill();
  };
  // A terminal sends SIGINT to all of them.
  process.on('SIGINT', () => (isEnding = true));
  process.on('SIGTERM', end);
  const listening = new WeakSet<Worker>();
  processes.on('listening', (worker) => listening.add(worker));
  processes.on('exit', (worker, code) => {
    if (!isEnding && code > 0 && !listening.has(worker)) {
      process.exitCode = code;
      end();
    }
    if (!isEnding) processes.fork(env);
    else if (Object.keys(processes.workers ?? {}).length === 0) process.exit();
  });
  await new Promise(() => {});
}
