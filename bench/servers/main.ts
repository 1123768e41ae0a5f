/**
 * One server in a process of its own: `main.ts ADAPTER OPTIONS_AS_JSON`. Prints its port and runs until it is ended;
 * SIGUSR2 makes it collect its garbage. Runs on Node.js, Bun and Deno.
 */

import process from 'node:process';
import type { ServerOptions, StartServer } from './contract.ts';

/**
 * What an application holds beside its server, about 80 MB. V8 treats a heap of less than 8 MB by rules of its own, and
 * the code of two libraries can lie on different sides of that: large messages then cost up to half as much again for one
 * of them, which no process with work to do would see. BENCH_BARE=1 in the environment leaves it out.
 */
const entries = process.env.BENCH_BARE === '1' ? 0 : 600_000;
const application = Array.from({ length: entries }, (_, id) => ({ id, name: `entry ${id}`, place: { x: id, y: -id } }));

const [, , adapter = '', options = ''] = process.argv;
const { start } = (await import(`./${adapter}.ts`)) as { start: StartServer };
const port = await start(JSON.parse(options) as ServerOptions);

interface Engine {
  readonly gc?: () => void;
  readonly Bun?: { gc(isSynchronous: boolean): void };
}
const engine = globalThis as Engine & { application?: unknown };
engine.application = application;
process.on('SIGUSR2', () => {
  engine.gc?.();
  engine.Bun?.gc(true);
});
console.log(port);
