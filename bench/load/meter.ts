/** The measured window: how much was done in it, and what it cost both sides. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Figures, Target, Timing } from './contract.ts';
import { cpuMicrosecondsOf } from './process-usage.ts';

/**
 * Waits for the warm-up and then for the measured time.
 * @param countDone messages so far
 * @param isWatched the servers look at their garbage and their loops meanwhile: see servers/watch.ts
 * @returns perSecond; cpuMicros, the server's processor time per message; utilisation, the generator's; and NAMEMicros per message and
 *   NAMEUtilisation of those beside
 */
export async function meter(
  { pids, beside = {} }: Target,
  { warmUpMs, durationMs }: Timing,
  countDone: () => number,
  isWatched = true,
): Promise<Figures> {
  const signal = () => {
    if (isWatched) for (const pid of pids) process.kill(pid, 'SIGHUP');
  };
  await sleep(warmUpMs);
  signal();
  const others = Object.entries(beside);
  const othersBefore = others.map(([, own]) => cpuMicrosecondsOf(own));
  const [doneBefore, serverBefore, usageBefore, begin] = [
    countDone(),
    cpuMicrosecondsOf(pids),
    process.cpuUsage(),
    performance.now(),
  ];
  await sleep(durationMs);
  const elapsedMs = performance.now() - begin;
  const usage = process.cpuUsage(usageBefore);
  const serverMicros = cpuMicrosecondsOf(pids) - serverBefore;
  const othersMicros = others.map(([, own], i) => cpuMicrosecondsOf(own) - othersBefore[i]!);
  const done = countDone() - doneBefore;
  signal();
  if (done === 0) throw new Error('nothing was answered');
  return {
    perSecond: (done * 1000) / elapsedMs,
    cpuMicros: serverMicros / done,
    serverUtilisation: serverMicros / 1000 / elapsedMs,
    utilisation: (usage.user + usage.system) / 1000 / elapsedMs,
    ...Object.fromEntries(
      others.flatMap(([name], i) => [
        [`${name}Micros`, othersMicros[i]! / done],
        [`${name}Utilisation`, othersMicros[i]! / 1000 / elapsedMs],
      ]),
    ),
  };
}
