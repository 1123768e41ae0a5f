/** Broadcast: one connection speaks, all of them, itself included, hear it; then it speaks again. */

import { openMany, READ_BYTES } from './connection.ts';
import type { BroadcastLoad, RunLoad } from './contract.ts';
import { AnswerReader } from './echo.ts';
import { buildStream } from './frames.ts';
import { meter } from './meter.ts';

export const run: RunLoad<BroadcastLoad> = async (target, { payloadBytes, connections: count, burst }, timing) => {
  const stream = buildStream({ payloadBytes, isText: false, burst, isRaw: false }, READ_BYTES);
  const connections = await openMany(target, count);
  const speaker = connections[0]!;
  let sent = 0;
  let delivered = 0;
  let delivering = 0;

  function speak(): void {
    const start = (sent % stream.period) * stream.requestBytes;
    sent += burst;
    delivering = count;
    speaker.write(stream.requests.subarray(start, start + burst * stream.requestBytes));
  }

  for (const connection of connections) {
    const reader = new AnswerReader(stream);
    let heard = 0;
    connection.receive = (bytes, start, end) => {
      const answers = reader.take(bytes, start, end);
      delivered += answers - heard;
      heard = answers;
      if (reader.received > sent * stream.answerBytes) throw new Error('more was heard than said');
      if (reader.received === sent * stream.answerBytes && --delivering === 0) speak();
    };
  }
  speak();
  return await meter(target, timing, () => delivered);
};
