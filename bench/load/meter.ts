/** The measured window: how much was done in it, and what it cost both sides. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures, Timing } from './contract.ts';
import { cpuMicrosecondsOf } from './process-usage.ts';

/**
 * Waits for the warm-up and then for the measured time.
 * @param countDone messages so far
 * @returns perSecond; cpuMicros, the server's processor time per message; utilisation, the generator's
 */
export async function meter(
  serverPid: number,
  { warmUpMs, durationMs }: Timing,
  countDone: () => number,
): Promise<Figures> {
  await sleep(warmUpMs);
  const [doneBefore, serverBefore, usageBefore, begin] = [
    countDone(),
    cpuMicrosecondsOf(serverPid),
    process.cpuUsage(),
    performance.now(),
  ];
  await sleep(durationMs);
  const elapsedMs = performance.now() - begin;
  const usage = process.cpuUsage(usageBefore);
  const serverMicros = cpuMicrosecondsOf(serverPid) - serverBefore;
  const done = countDone() - doneBefore;
  if (done === 0) throw new Error('nothing was answered');
  return {
    perSecond: (done * 1000) / elapsedMs,
    cpuMicros: serverMicros / done,
    serverUtilisation: serverMicros / 1000 / elapsedMs,
    utilisation: (usage.user + usage.system) / 1000 / elapsedMs,
  };
}
