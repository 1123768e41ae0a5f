/**
 * One server in a process of its own: `main.ts ADAPTER OPTIONS_AS_JSON`. Prints its port and runs until it is ended;
 * SIGUSR2 makes it collect its garbage. Runs on Node.js, Bun and Deno.
 */

import process from 'node:process';
import type { ServerOptions, StartServer } from './contract.ts';

const [, , adapter = '', options = ''] = process.argv;
const { start } = (await import(`./${adapter}.ts`)) as { start: StartServer };
const port = await start(JSON.parse(options) as ServerOptions);

interface Engine {
  readonly gc?: () => void;
  readonly Bun?: { gc(isSynchronous: boolean): void };
}
const engine = globalThis as Engine;
process.on('SIGUSR2', () => {
  engine.gc?.();
  engine.Bun?.gc(true);
});
console.log(port);
