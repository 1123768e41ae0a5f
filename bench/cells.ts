/** One measurement: a server in a fresh process on one core, the load in a fresh process on another. */

import type { Figures, Load, Timing } from './load/contract.ts';
import type { ServerOptions } from './servers/contract.ts';
import type { Subject } from './subjects.ts';
import { exitOf, firstLineOf, runOnCore, startOnCore } from './support/processes.ts';

export const LOAD_CORE = 0;
export const SERVER_CORE = 1;
const SERVER = new URL('./servers/main.ts', import.meta.url);
const LOAD = new URL('./load/main.ts', import.meta.url);

export interface Exchange {
  readonly server: ServerOptions;
  readonly load: Load;
}

/** @throws {Error} when the server does not start, or does not answer as it has to */
export async function measureExchange(subject: Subject, { server, load }: Exchange, timing: Timing): Promise<Figures> {
  const child = startOnCore(SERVER_CORE, SERVER, [subject.adapter, JSON.stringify(server)], subject);
  try {
    const port = Number(await firstLineOf(child));
    const target = { port, pid: child.pid, isRaw: subject.isRaw };
    const args = [target, load, timing].map((value) => JSON.stringify(value));
    return await runOnCore<Figures>(LOAD_CORE, LOAD, args);
  } finally {
    child.kill('SIGKILL');
    await exitOf(child);
  }
}
