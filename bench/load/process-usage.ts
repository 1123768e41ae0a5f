/** What another process has used: read from /proc, so that the one that is measured need not do anything. */

import { readdirSync, readFileSync } from 'node:fs';

const PAGE_BYTES = 4096;

/** Processor time of all threads so far, in microseconds; NaN where the system does not tell. */
export function cpuMicrosecondsOf(pid: number): number {
  try {
    let nanoseconds = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ', 1)[0]);
    }
    return nanoseconds / 1000;
  } catch {
    return Number.NaN;
  }
}

/** Memory that it has in RAM, in bytes; NaN where the system does not tell. */
export function residentBytesOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return Number.NaN;
  }
}
