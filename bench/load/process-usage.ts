/** What other processes have used: read from /proc, so that those that are measured need not do anything. */

import { readdirSync, readFileSync } from 'node:fs';

const PAGE_BYTES = 4096;

/** NaN where the system does not tell. */
function sumOf(pids: readonly number[], read: (pid: number) => number): number {
  try {
    return pids.reduce((sum, pid) => sum + read(pid), 0);
  } catch {
    return Number.NaN;
  }
}

/** Processor time of all threads so far, in microseconds. */
export function cpuMicrosecondsOf(pids: readonly number[]): number {
  return sumOf(pids, (pid) => {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]);
    }
    return nanoseconds / 1000;
  });
}

/** Memory that they have in RAM, in bytes. */
export function residentBytesOf(pids: readonly number[]): number {
  return sumOf(pids, (pid) => Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES);
}
