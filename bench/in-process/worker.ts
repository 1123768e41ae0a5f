/**
 * One measurement of a part that needs no socket, in a fresh process: `worker.ts TABLE SUBJECT CELL_AS_JSON DURATION_MS`.
 * Prints JSON. Time is this process's processor time: on a busy machine it says more than the clock.
 */

import type { Figures } from '../load/contract.ts';

/** Does some work. @returns how many messages that was */
export type Pass = () => number;
/** How each subject does the work of a cell. */
export type Subjects<InProcessCell> = Readonly<Record<string, (cell: InProcessCell) => Pass>>;

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function runFor(pass: Pass, durationMs: number): { readonly messages: number; readonly elapsedMs: number } {
  const begin = cpuMilliseconds();
  let messages = 0;
  let elapsedMs = 0;
  // Asking for the time must not be what takes it: as many passes again as there were.
  for (let passes = 1; elapsedMs < durationMs; passes = Math.min(passes * 2, 4096)) {
    for (let i = 0; i < passes; i++) messages += pass();
    elapsedMs = cpuMilliseconds() - begin;
  }
  return { messages, elapsedMs };
}

const [, , table = '', subject = '', cell = '{}', duration = ''] = process.argv;
const { subjects } = (await import(`./${table}.ts`)) as { subjects: Subjects<unknown> };
const prepare = subjects[subject];
if (prepare === undefined) throw new Error(`No such subject of ${table}: ${subject}`);
const pass = prepare(JSON.parse(cell));
runFor(pass, Number(duration) / 2);
const { messages, elapsedMs } = runFor(pass, Number(duration));
const figures: Figures = { perSecond: (messages * 1000) / elapsedMs, cpuMicros: (elapsedMs * 1000) / messages };
console.log(JSON.stringify(figures));
