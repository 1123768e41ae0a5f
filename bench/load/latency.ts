/**
 * Latency at a fixed rate, open loop: messages have their times beforehand, and a message counts from the time it should
 * have been sent. A server that stalls, stalls all that come meanwhile, and they all count. The generator never sleeps.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from '../support/statistics.ts';
import { openMany, READ_BYTES } from './connection.ts';
import type { LatencyLoad, RunLoad } from './contract.ts';
import { AnswerReader } from './echo.ts';
import { buildStream } from './frames.ts';
import { cpuMicrosecondsOf } from './process-usage.ts';

const DRAIN_TIMEOUT_MS = 10_000;
/** For a collection of all that there is. */
const COLLECTION_MS = 1000;

export const run: RunLoad<LatencyLoad> = async (target, load, { warmUpMs, durationMs }) => {
  const { payloadBytes, connections: count, perSecond, isCollected } = load;
  const signal = (name: NodeJS.Signals) => {
    for (const pid of target.pids) process.kill(pid, name);
  };
  const stream = buildStream({ payloadBytes, isText: false, burst: 1, isRaw: target.isRaw }, READ_BYTES);
  const connections = await openMany(target, count);
  const intervalMs = 1000 / perSecond;
  const first = Math.ceil(warmUpMs / intervalMs);
  const total = Math.ceil((warmUpMs + durationMs) / intervalMs);
  const latencyMs = new Float64Array(total - first);
  const latenessMs = new Float64Array(total - first);
  let begin = 0;
  let answered = 0;

  // Message i goes to connection i % count: the k-th answer of connection c is that of message k * count + c.
  for (const [c, connection] of connections.entries()) {
    const reader = new AnswerReader(stream);
    let heard = 0;
    connection.receive = (bytes, start, end) => {
      const answers = reader.take(bytes, start, end);
      const nowMs = performance.now() - begin;
      for (; heard < answers; heard++) {
        const message = heard * count + c;
        if (message >= first) latencyMs[message - first] = nowMs - message * intervalMs;
        answered++;
      }
    };
  }

  if (isCollected) {
    signal('SIGUSR2');
    await sleep(COLLECTION_MS);
  }
  signal('SIGHUP');
  const serverBefore = cpuMicrosecondsOf(target.pids);
  begin = performance.now();
  let sent = 0;
  await new Promise<void>((resolve, reject) => {
    function turn(): void {
      const nowMs = performance.now() - begin;
      for (; sent < total && sent * intervalMs <= nowMs; sent++) {
        const start = (Math.floor(sent / count) % stream.period) * stream.requestBytes;
        connections[sent % count]!.write(stream.requests.subarray(start, start + stream.requestBytes));
        if (sent >= first) latenessMs[sent - first] = nowMs - sent * intervalMs;
      }
      if (answered === total) resolve();
      else if (nowMs > warmUpMs + durationMs + DRAIN_TIMEOUT_MS) reject(new Error('the server cannot keep up'));
      else setImmediate(turn);
    }
    turn();
  });
  signal('SIGHUP');
  const cpuMicros = (cpuMicrosecondsOf(target.pids) - serverBefore) / total;
  latencyMs.sort();
  latenessMs.sort();
  const microseconds = (sorted: Float64Array, share: number) => percentile(sorted, share) * 1000;
  return {
    p50: microseconds(latencyMs, 0.5),
    p90: microseconds(latencyMs, 0.9),
    p99: microseconds(latencyMs, 0.99),
    p999: microseconds(latencyMs, 0.999),
    max: microseconds(latencyMs, 1),
    late99: microseconds(latenessMs, 0.99),
    cpuMicros,
  };
};
