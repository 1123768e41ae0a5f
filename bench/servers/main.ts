/**
 * One server in a process of its own: `main.ts ADAPTER OPTIONS_AS_JSON`. Prints where it listens. SIGUSR2 makes it collect
 * its garbage; SIGHUP begins what is watched and, the next time, ends it; SIGTERM makes it print that, and ends it. Runs on
 * Node.js, Bun and Deno.
 */

import process from 'node:process';
import type { Listening, ProcessOptions, ServerOptions, StartServer, Watched } from './contract.ts';

interface Engine {
  readonly gc?: () => void;
  readonly Bun?: { gc(isSynchronous: boolean): void };
  readonly Deno?: object;
  application?: unknown;
  garbage?: unknown;
}
const engine = globalThis as Engine;
const isNode = engine.Bun === undefined && engine.Deno === undefined;

/** Of the objects below, each of which has another inside, and a name. */
const OBJECTS_PER_MB = 7000;

/**
 * What an application holds beside its server. V8 treats a heap of less than 8 MB by rules of its own, and marks a large one
 * again and again where much memory comes and goes outside of it: what a message costs depends on it.
 */
function holdObjects(megabytes: number): void {
  const count = megabytes * OBJECTS_PER_MB;
  engine.application = Array.from({ length: count }, (_, id) => ({
    id,
    name: `entry ${id}`,
    place: { x: id, y: -id },
  }));
  // It has run for a while: what it holds is no longer among short-lived objects, which V8 would copy, and then mark, once more.
  for (let made = 0; made < 2000; made++) engine.garbage = new Array(16_000);
  engine.garbage = undefined;
}

const [, , adapter = '', argument = ''] = process.argv;
const options = JSON.parse(argument) as ServerOptions & ProcessOptions;

async function serve(): Promise<Listening> {
  holdObjects(options.heapMb);
  const { start } = (await import(`./${adapter}.ts`)) as { start: StartServer };
  return { port: await start(options), pids: [process.pid] };
}

let endWatch: (() => Watched) | undefined;
let watched: Watched = {};
const { watch } = isNode ? await import('./watch.ts') : { watch: undefined };

/**
 * So that the young generation is in use whole, as an application's own garbage has it. Otherwise a server that made less
 * of it so far, or was collected at another moment, seems to hold less.
 */
function fillYoungGeneration(): void {
  for (let i = 0; i < 1_000_000; i++) engine.garbage = { i, place: [i, i, i] };
}

process.on('SIGUSR2', () => {
  fillYoungGeneration();
  engine.gc?.();
  engine.Bun?.gc(true);
});
process.on('SIGHUP', () => {
  if (endWatch === undefined) endWatch = watch?.();
  else watched = endWatch();
});
process.on('SIGTERM', () => {
  console.log(JSON.stringify(watched));
  process.exit();
});

const cluster = options.workers === undefined ? undefined : await import('./workers.ts');
if (cluster?.isWorker === true) await serve();
else console.log(JSON.stringify(await (cluster?.forkWorkers(options.workers!) ?? serve())));
